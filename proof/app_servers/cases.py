"""Plays the case of a seed. Of CYCLE's seeds in a row each study has a fixed share, so that any number of them is mixed
alike; a study's own numbers are without gaps."""

from __future__ import annotations

from collections import Counter

from proof.accompanied_calls import drawing as calls
from proof.accompanied_calls.drawing import TOGETHER, DrawnCalls
from proof.app_servers import drawing as addresses
from proof.app_servers import hellos
from proof.app_servers.drawing import DrawnCase
from proof.app_servers.hellos import HelloCase, play_hellos
from proof.app_servers.row import OwnRow, Study
from proof.app_servers.score import play_case
from talkpath.lab.backgrounds import background_kinds
from talkpath.verdict.bases.accompanied_call import attempt_verdicts, call_verdicts
from talkpath.verdict.bases.calls_together import verdicts_together
from talkpath.verdict.model import Category, Verdict

STUDY_SHARES: dict[Study, int] = {
    "innocent": 22,
    "ruled": 6,
    "poor": 3,
    "hello innocent": 22,
    "hello ruled": 4,
    "name ruled": 4,
    "calls innocent": 1,
    "calls ruled": 1,
}
CYCLE = tuple(study for study, share in STUDY_SHARES.items() for _ in range(share))


def study_of(seed: int) -> tuple[Study, int]:
    """Return the study of a seed, and its number there."""
    turn, place = divmod(seed, len(CYCLE))
    study = CYCLE[place]
    return study, turn * STUDY_SHARES[study] + CYCLE[:place].count(study)


def play_case_of_seed(seed: int, code: str) -> OwnRow:
    """Draw the case of that seed, play it, and judge it."""
    study, number = study_of(seed)
    match study:
        case "innocent":
            return _of_addresses(seed, code, study, addresses.draw_innocent(number))
        case "ruled":
            return _of_addresses(seed, code, study, addresses.draw_restricted(number, ("clean",)))
        case "poor":
            return _of_addresses(seed, code, study, addresses.draw_restricted(number, _seen_backgrounds()))
        case "hello innocent":
            return _of_hellos(seed, code, study, hellos.draw_innocent(number))
        case "hello ruled":
            return _of_hellos(seed, code, study, hellos.draw_restricted(number))
        case "name ruled":
            return _of_hellos(seed, code, study, hellos.draw_named(number))
        case "calls innocent":
            return _of_calls(seed, code, study, calls.draw_innocent(number))
        case "calls ruled":
            return _of_calls(seed, code, study, calls.draw_ruled(number))


def _seen_backgrounds() -> tuple[str, ...]:
    return tuple(name for name, kind in background_kinds().items() if not kind.unseen)


def _of_addresses(seed: int, code: str, study: Study, drawn: DrawnCase) -> OwnRow:
    played = play_case(drawn)
    return OwnRow(
        seed=seed,
        code=code,
        study=study,
        background=drawn.background,
        app=drawn.case.app,
        answers_per_s=drawn.answers_per_s,
        trouble=drawn.trouble,
        truth=drawn.rule,
        bound=drawn.bound,
        at=drawn.at,
        state=played.state,
        why=played.why,
        rule=played.rule,
        said_bound=played.bound,
        direction=played.direction,
        hop=played.hop,
        strays=played.strays,
        most_greetings=played.most_greetings,
        seconds=played.seconds,
        size_bytes=played.bytes_sent,
    )


def _of_hellos(seed: int, code: str, study: Study, drawn: HelloCase) -> OwnRow:
    verdict = play_hellos(drawn)
    return OwnRow(
        seed=seed,
        code=code,
        study=study,
        background=drawn.background,
        app=drawn.app,
        trouble=drawn.trouble,
        truth=drawn.rule.partition(",")[0],
        bound=", ".join(filter(None, (drawn.hello, drawn.bound))),
        hosts=drawn.hosts,
        state=verdict.state,
        why=verdict.reason.code if verdict.reason else "",
        rule=verdict.rule or "",
        said_bound=", ".join(_hello_words(verdict)),
        direction=verdict.direction or "",
    )


def _hello_words(verdict: Verdict) -> list[str]:
    found = (verdict.parameters.get(name) for name in ("hello", "bound_to"))
    return [each.value for each in found if isinstance(each, Category)]


def _of_calls(seed: int, code: str, study: Study, drawn: DrawnCalls) -> OwnRow:
    found = [drawn.play(turn) for turn in range(TOGETHER)]
    verdicts = [one for each in found for one in (*call_verdicts(each), *attempt_verdicts(each))]
    together = verdicts_together(found)
    told = [one for one in verdicts if one.alternatives]
    codes = Counter(one.reason.code if one.reason else one.state for one in verdicts)
    return OwnRow(
        seed=seed,
        code=code,
        study=study,
        background=drawn.background,
        app=drawn.app,
        trouble=drawn.story,
        truth=drawn.rule.partition(",")[0],
        bound=drawn.rule.partition(",")[2],
        state="restricted" if together else "",
        rule=(together[0].rule or "") if together else "",
        why=codes.most_common(1)[0][0] if codes else "",
        calls=len(found),
        fitting=len(told),
        first=sum(one.alternatives[0] in drawn.fits for one in told),
    )
