"""Judges several recorded calls of an app together, each beside control traffic of its own moments (basis `call`).

Three calls prove what shows in each by a number that no accident repeats: the rate to which it is held, or the moment
at which it goes silent. Relays and mailboxes have timers too, so that equal moments prove a rule only where the far end
was there each time: it still answered checks. Losses at random have no such number: a bad link among several on the way
to the app's servers alone, or a relay or another end that is not well, loses a like share of every call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

from msgspec.structs import replace

from talkpath.apps.contract.feature import SURE_CONFIDENCE
from talkpath.measure.call import Attempt, Call, Control, Findings
from talkpath.verdict.bases.accompanied_call import (
    attempt_verdicts,
    call_verdicts,
    chance_of_bad_luck,
    connections_beside,
    control_shares,
    fitted_call,
)
from talkpath.verdict.bases.call_outcome import Outcome, attempt_outcome, call_outcome
from talkpath.verdict.bases.recorded_call import ANSWERED
from talkpath.verdict.model import Category, Number, Verdict

MIN_LIKE_CALLS = 3
"""So many calls of an app must show the same."""
LIKE_PARAMETERS = {"media.police": ("kbps", 1.3)}
"""A rule's parameter differs by no more than this factor between any two of them, and their intervals overlap."""
FREEZE_PARAMETERS = {"media.freeze": ("after_s", "after_packets")}
"""One of these parameters is the same in all of them, and not by chance."""
MAX_COINCIDENCE = 0.005
"""Moments of silences are the same with at most this probability, if an outage could as well end a call at any; and
connections of several calls had bad luck."""
LEAST_LOST = 0.35
"""Of calls that lose a smaller share the rate is not known well enough."""
UNKNOWN_NETWORK = "AS0"


Recorded = TypeVar("Recorded", Call, Attempt)


@dataclass(frozen=True, slots=True)
class JudgedCall(Generic[Recorded]):
    """One call of a recording, or set-up without talk: how it was, and what that fits."""

    call: Recorded
    outcome: Outcome
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class JudgedRecording:
    """What a recording shows, judged once for its text, its page and its JSON. `together` is what its calls say
    together, beside control traffic."""

    findings: Findings
    calls: tuple[JudgedCall[Call], ...]
    attempts: tuple[JudgedCall[Attempt], ...]
    together: tuple[Verdict, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of calls, then those of attempts."""
        return (*(one.verdict for one in self.calls), *(one.verdict for one in self.attempts))


def judge_recording(findings: Findings) -> JudgedRecording:
    """Judge all calls and attempts of a recording, each beside the control traffic that ran then."""
    calls, attempts = findings.calls, findings.attempts
    return JudgedRecording(
        findings=findings,
        calls=tuple(map(JudgedCall, calls, map(call_outcome, calls), call_verdicts(findings))),
        attempts=tuple(map(JudgedCall, attempts, map(attempt_outcome, attempts), attempt_verdicts(findings))),
        together=tuple(verdicts_together([findings])) if findings.controls else (),
    )


def verdicts_together(recordings: Iterable[Findings]) -> list[Verdict]:
    """Return what the calls of several recordings say together. Where the test server did not know the network, only
    calls of one recording were surely made over the same."""
    out: list[Verdict] = []
    known: list[tuple[Call, Control]] = []
    for one in recordings:
        beside = [(call, control_shares(call, one.controls)) for call in one.calls]
        pairs = [(call, control) for call, control in beside if control is not None]
        known += [pair for pair in pairs if pair[1].network != UNKNOWN_NETWORK]
        out += judge_together(pair for pair in pairs if pair[1].network == UNKNOWN_NETWORK)
    return [*judge_together(known), *out]


def judge_together(accompanied: Iterable[tuple[Call, Control]]) -> list[Verdict]:
    """Return a verdict for each app and medium whose calls over one network fit one rule alike, at least CALLS of them
    with control traffic that was well each time, and none that went well.

    A call that is given twice counts once, and so does one in pieces: its first piece, if the others went alike.
    """
    groups: dict[tuple[str, str, str], list[tuple[bool, Verdict]]] = {}
    for call, control in dict.fromkeys(accompanied):
        verdict = fitted_call(call, control)
        counts = verdict.reason is None or verdict.reason.code != "short_capture"
        if counts and call.app_confidence >= SURE_CONFIDENCE:
            groups.setdefault((verdict.app, verdict.medium, control.network), []).append(
                (call.continues is None, verdict)
            )
    return [verdict for verdict in map(_join_verdicts, groups.values()) if verdict is not None]


def _fits_rule(verdict: Verdict) -> bool:
    return verdict.reason is not None and verdict.reason.code == "one_call" and bool(verdict.alternatives)


def _join_verdicts(pieces: list[tuple[bool, Verdict]]) -> Verdict | None:
    """Join the verdicts of calls, each told to be a first piece or not."""
    shown = [one for is_first, one in pieces if is_first]
    if len(shown) < MIN_LIKE_CALLS or not all(_fits_rule(one) for _, one in pieces):
        return None
    first, rule = shown[0], shown[0].alternatives[0]
    same = all(one.alternatives[0] == rule and one.direction == first.direction for one in shown)
    least_lost = min((one.reason and one.reason.values.get("call_lost")) or 0.0 for one in shown)
    if rule not in FREEZE_PARAMETERS and (rule not in LIKE_PARAMETERS or least_lost < LEAST_LOST):
        return None
    repeated = _repeated_parameters(rule, shown)
    if not same or not repeated or chance_of_bad_luck([*map(connections_beside, shown)]) > MAX_COINCIDENCE:
        return None
    return replace(
        first,
        parameters=repeated,
        direction=first.direction if rule in LIKE_PARAMETERS else None,
        state="restricted",
        rule=rule,
        reason=None,
        alternatives=(),
        watched_s=round(sum(one.watched_s for one in shown), 3),
        call_packets=sum(one.call_packets for one in shown),
        flow_count=sum(one.flow_count for one in shown),
        figures=first.figures | {"calls": float(len(shown))},
    )


def _repeated_parameters(rule: str, shown: list[Verdict]) -> dict[str, Number | Category]:
    """Return the parameter of the rule that is about the same in all, with the interval of all; none where none is."""
    if rule in LIKE_PARAMETERS:
        name, factor = LIKE_PARAMETERS[rule]
        numbers = _like_numbers(name, shown)
        return (
            {name: _joint_number(numbers)}
            if all(_are_close(*pair, factor) for pair in combinations(numbers, 2))
            else {}
        )
    if not all(one.figures.get(ANSWERED) for one in shown):
        return {}
    every = {name: _like_numbers(name, shown) for name in FREEZE_PARAMETERS[rule]}
    chances = {name: _coincidence([one.estimate or 0.0 for one in numbers]) for name, numbers in every.items()}
    best = min(chances, key=lambda name: chances[name])
    return {best: _joint_number(every[best])} if chances[best] <= MAX_COINCIDENCE else {}


def _joint_number(numbers: list[Number]) -> Number:
    """Return the mean of some estimates, and the bounds of all."""
    lows, highs = (
        [value for value in values if value is not None]
        for values in zip(*((one.low, one.high) for one in numbers), strict=True)
    )
    mean = sum(one.estimate or 0.0 for one in numbers) / len(numbers)
    return Number(round(mean, 2), min(lows, default=None), max(highs, default=None))


def _like_numbers(name: str, shown: list[Verdict]) -> list[Number]:
    values = (one.parameters.get(name) for one in shown)
    return [value if isinstance(value, Number) else Number(None, None, None) for value in values]


def _coincidence(values: list[float]) -> float:
    """Return how likely moments that are drawn evenly lie so close together: the distribution of the range of n draws
    from 0 to twice their mean."""
    count, whole = len(values), 2 * sum(values) / len(values)
    if not all(values):
        return 1.0
    share = min((max(values) - min(values)) / whole, 1.0)
    return float(count * share ** (count - 1) - (count - 1) * share**count)


def _are_close(one: Number, other: Number, factor: float) -> bool:
    """Whether two estimates differ by no more than a factor, and their intervals, where they have any, overlap."""
    estimates = one.estimate or 0.0, other.estimate or 0.0
    if not all(estimates):
        return False
    apart = any(
        low.low is not None and high.high is not None and low.low > high.high
        for low, high in ((one, other), (other, one))
    )
    return not apart and max(estimates) <= factor * min(estimates)
