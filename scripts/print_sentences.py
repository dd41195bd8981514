"""Prints what talkpath says of every kind of verdict, for the eye: each state, medium, basis, reason and ending.

    .venv/bin/python scripts/print_sentences.py [LANGUAGE...]      # all languages where none is named

The verdicts are made here, with all the figures that a real one has; tests/report holds their sentences to rules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

from msgspec.structs import replace

from talkpath.measure.facts import ChannelLoss, ControlAttempt, ControlOutcome, Reach
from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.endings import ending_words
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.model import Category, Number, Reason, ReasonCode, State, Verdict

STATES: tuple[State, ...] = get_args(State)
REASONS: tuple[ReasonCode, ...] = get_args(ReasonCode)
MEDIA = ("voice", "video")
OUTCOMES: tuple[ControlOutcome, ...] = ("silent", "reset", "closed", "stalled", "failed", "not_tls", "other_key")
TWIN: dict[bool, ControlOutcome] = {True: "answered", False: "silent"}
UNANSWERED: tuple[ControlOutcome, ...] = ("unresolved", "refused", "timeout")
NEVER_OPENED = [Reach(control=control) for control in UNANSWERED] + [
    Reach(control=control, attempts=(ControlAttempt(443, TWIN[answered], "random"),))
    for control, answered in product(OUTCOMES, TWIN)
]
CHANNEL_LOSSES: tuple[ChannelLoss, ...] = ("ended", "reset", "silent", "unroutable")
AGAIN: tuple[ControlOutcome, ...] = ("refused", "timeout", "connected")
LOST = [Reach(lost=lost, again=again) for lost, again in product(CHANNEL_LOSSES, AGAIN)]
ENDINGS = [
    *(("responder_lost", reach) for reach in [*NEVER_OPENED, *LOST, Reach(lost="closed"), Reach()]),
    ("network_lost", Reach()),
    ("interrupted", Reach()),
]
"""How a check ends before it was to: `Health.ended`, and what was seen of the control channel."""

CONTEXTS = {
    "": CheckContext(),
    "a server in no list": CheckContext(known_server=False),
    "calls of other apps pass": CheckContext(all_closed=False),
}

LOSSES = {
    "calls_lost_up": 0.31,
    "calls_lost_up_low": 0.268,
    "calls_lost_up_high": 0.352,
    "twins_lost_up": 0.01,
    "calls_lost_down": 0.02,
    "calls_lost_down_low": 0.0,
    "calls_lost_down_high": 0.04,
    "twins_lost_down": 0.03,
    "mos": 2.4,
}
"""A third of the calls' packets is lost on the way out, nearly nothing on the way back."""

CLEAR = {"calls_lost_up": 0.01, "calls_lost_down": 0.0, "twins_lost_up": 0.02, "twins_lost_down": 0.0, "mos": 4.3}
POOR = {"calls_lost_up": 0.38, "calls_lost_down": 0.04, "twins_lost_up": 0.4, "twins_lost_down": 0.05, "mos": 1.9}
FIGURES = {"ok": CLEAR, "impaired": POOR}

PARAMETERS: dict[str, dict[str, Number | Category]] = {
    "media.drop": {"p": Number(0.3, 0.26, 0.34)},
    "flow.block": {"p": Number(0.3, 0.14, 0.47)},
    "media.police": {"kbps": Number(40.0, 35.0, 46.0)},
    "media.delay": {"ms": Number(180.0, 150.0, 210.0)},
    "media.size_drop": {"over": Number(1000.0, 1000.0, 1000.0)},
    "media.freeze": {"after_s": Number(5.0, 4.0, 6.0)},
    "port.block": {"port": Number(3478.0, None, None)},
}


def verdict_of_state(state: State = "restricted", app: str = "telegram", medium: Any = "voice", **more: Any) -> Verdict:
    """A verdict of that state on calls of the app."""
    figures = dict(FIGURES.get(state, LOSSES))
    usual: dict[str, Any] = {"figures": figures, "watched_s": 2.7, "decided_at_s": 8.1, "known_at_s": 6.4}
    if state == "restricted":
        usual |= {"rule": "media.drop", "direction": "up", "log10_e": 5.2, "parameters": PARAMETERS["media.drop"]}
    if state == "closed":
        usual |= {"rule": "udp.block", "direction": "both", "log10_e": 4.4}
    if state == "insufficient":
        usual |= {"reason": Reason("budget")}
    return Verdict(app=app, variant="", medium=medium, state=state, **usual | more)


def every_verdict() -> Iterator[Verdict]:
    """Each state, medium and basis; each reason; with figures and without."""
    for state, medium, basis in product(STATES, MEDIA, ("shape", "webrtc")):
        whole = verdict_of_state(state, medium=medium, basis=basis)
        yield whole
        yield replace(whole, figures={}, log10_e=None, parameters={}, confidence="low")
    for code, medium in product(REASONS, MEDIA):
        yield verdict_of_state("insufficient", medium=medium, reason=Reason(code))
        yield verdict_of_state("insufficient", medium=medium, reason=Reason(code), figures={})
    yield verdict_of_state("insufficient", reason=None)
    yield verdict_of_state("insufficient", reason=Reason("vpn", {"unanswered": True}))
    yield verdict_of_state("insufficient", reason=Reason("late", {"at": "responder"}))


def spoken_paragraphs() -> Iterator[str]:
    """A paragraph for each verdict, in the language that is spoken, and a line for each ending."""
    printed: set[str] = set()
    for about, (situation, check) in product(every_verdict(), CONTEXTS.items()):
        label, sentence = sentences.verdict_label(about), sentences.verdict_sentence(about, check)
        text = "\n    ".join(
            [f"{sentences.STATE_MARKS[about.state]} {label}: {sentence}", *sentences.verdict_lines(about, check)]
        )
        if text not in printed:
            printed.add(text)
            reason = about.reason.code if about.reason else ""
            facts = [about.state, about.medium, about.basis, reason, situation]
            yield f"[{', '.join(fact for fact in facts if fact)}]\n  {text}"
    for (ended, reach), measured in product(ENDINGS, (True, False)):
        if (text := ending_words(ended, reach, measured=measured)) not in printed:
            printed.add(text)
            seen = [ended, reach.control, reach.lost, reach.again, "something measured" if measured else ""]
            yield f"[ended: {', '.join(filter(None, seen))}]\n  {text}"


def main() -> None:
    """All languages, or those that are named."""
    for code in sys.argv[1:] or language_codes():
        with speaking(language(code)):
            sys.stdout.write(f"== {code} ==\n\n" + "\n\n".join(spoken_paragraphs()) + "\n\n")


if __name__ == "__main__":
    main()
