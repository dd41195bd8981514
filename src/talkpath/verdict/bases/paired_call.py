"""Judges calls between two browsers: which routes carry them, and whether anything but chance tells them from twins.

Contract: only a contrast accuses. Calls and twins (data channels) of one route share both ends, both lines and the
relay, and their roles are drawn at random over the flows of a round: so the flow-permutation e-value
(`statistics.permutation`) is valid whatever the networks do. A browser's stack may lose more of calls than of data
channels: so MATTERS_PAIRED_LOSS of what a call brought is given back to it before it is compared. A route on which
neither was set up says nothing: two home routers that cannot connect directly are no restriction. Neither does a route
that is poor for both.

Each end's own line to the test server is judged by its own check, and joined here by its state alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from talkpath.measure.arrays import Floats
from talkpath.measure.facts import ALPHA
from talkpath.measure.paired_call import PairedCallFacts, PairedEnd, PairedFlow, PairedMedium, PairedRound, PairedRoute
from talkpath.verdict.model import HELD_BACK_STATES, Reason, Verdict
from talkpath.verdict.statistics.permutation import even_log_weights, log_e, log_mean, midranks

RouteFate = Literal["passes", "held_back", "poor", "not_connected", "untold"]
PairedState = Literal["ok", "restricted", "impaired", "insufficient"]
RestrictedSide = Literal["", "a", "b", "both", "between"]
PAIRED_LOSS_EXPONENTS, PAIRED_RANK_EXPONENTS = (5.0, 12.0), (3.0,)
_COMPONENTS = len(PAIRED_LOSS_EXPONENTS) + len(PAIRED_RANK_EXPONENTS)
MATTERS_PAIRED_LOSS = 0.05
"""Calls that are held back lose at least so much more than their twins, as a share of what was sent."""
MAX_FINE_LOSS = 0.05
"""A call that loses more is not said to pass."""
MIN_TOLD_CALLS = 3
PAIRED_ROUTES: tuple[PairedRoute, ...] = ("direct", "relayed")


class RouteFinding(Struct, frozen=True):
    """What became of calls of one medium over one route, from `sender` to the other end.

    Shares are means over all flows; a flow that was never set up lost everything. `calls` of them were tried.
    """

    route: PairedRoute
    medium: PairedMedium
    sender: PairedEnd
    fate: RouteFate
    calls: int
    calls_set_up: int
    twins_set_up: int
    call_lost: float
    twin_lost: float
    log10_e: float


class LineFinding(Struct, frozen=True):
    """What the check of one end says of its own line to the test server; `state` is "" where there is none."""

    state: str = ""
    rule: str = ""
    medium: str = ""
    reason: Reason | None = None


class PairedCallVerdict(Struct, frozen=True):
    """What all of it says. `side`: whose line shows signs of restriction; "between": neither line alone does.

    `differs`: both lines show them, and by another rule each.
    """

    state: PairedState
    side: RestrictedSide
    differs: bool
    routes: tuple[RouteFinding, ...]
    a: LineFinding
    b: LineFinding


def judge_paired_call(facts: PairedCallFacts, a: Sequence[Verdict], b: Sequence[Verdict]) -> PairedCallVerdict:
    """Judge the rounds, and join the verdicts of both ends' own checks."""
    media = tuple(dict.fromkeys(each.medium for each in facts.rounds))
    limit = log(2 * len(PAIRED_ROUTES) * max(1, len(media)) / ALPHA)
    routes = tuple(
        _route_finding(facts.rounds, route, medium, sender, limit)
        for medium in media
        for route in PAIRED_ROUTES
        for sender in ("a", "b")
        if _route_flows(facts.rounds, route, medium)
    )
    lines = {"a": _line_finding(a), "b": _line_finding(b)}
    side, differs = _restricted_side(lines["a"], lines["b"], routes)
    return PairedCallVerdict(_paired_state(side, routes), side, differs, routes, lines["a"], lines["b"])


def _route_flows(rounds: Sequence[PairedRound], route: PairedRoute, medium: PairedMedium) -> list[list[PairedFlow]]:
    """The flows of that route, round by round; rounds without any are left out."""
    return [
        flows
        for each in rounds
        if each.medium == medium and (flows := [flow for flow in each.flows if flow.route == route])
    ]


def _route_finding(
    rounds: Sequence[PairedRound], route: PairedRoute, medium: PairedMedium, sender: PairedEnd, limit: float
) -> RouteFinding:
    by_round = _route_flows(rounds, route, medium)
    calls, twins = ([flow for flows in by_round for flow in flows if flow.kind == kind] for kind in ("call", "twin"))
    strength = paired_log_e(by_round, sender)
    call_lost, twin_lost = (
        float(np.mean([flow.lost_share(sender) for flow in flows])) if flows else 1.0 for flows in (calls, twins)
    )
    found = RouteFinding(
        route=route,
        medium=medium,
        sender=sender,
        fate="untold",
        calls=len(calls),
        calls_set_up=sum(flow.is_set_up for flow in calls),
        twins_set_up=sum(flow.is_set_up for flow in twins),
        call_lost=round(call_lost, 4),
        twin_lost=round(twin_lost, 4),
        log10_e=round(strength / log(10.0), 2),
    )
    return _with_fate(found, proven=strength >= limit)


def _with_fate(found: RouteFinding, *, proven: bool) -> RouteFinding:
    extra = found.call_lost - found.twin_lost
    fate: RouteFate = "untold"
    if not found.calls_set_up and not found.twins_set_up:
        fate = "not_connected"
    elif proven and extra >= MATTERS_PAIRED_LOSS:
        fate = "held_back"
    elif found.calls < MIN_TOLD_CALLS or extra >= MATTERS_PAIRED_LOSS:
        fate = "untold"  # worse than its twins, but chance could do that
    else:
        fate = "passes" if found.call_lost <= MAX_FINE_LOSS else "poor"
    return replace(found, fate=fate)


def paired_log_e(by_round: Sequence[Sequence[PairedFlow]], sender: PairedEnd) -> float:
    """Compute the natural log e-value that calls lose more than their twins of the same round and route, and by more
    than MATTERS_PAIRED_LOSS."""
    steps = sum((_round_step(flows, sender) for flows in by_round), np.zeros(_COMPONENTS))
    return float(log_mean(np.asarray(steps), even_log_weights(_COMPONENTS)))


def _round_step(flows: Sequence[PairedFlow], sender: PairedEnd) -> Floats:
    """What a round adds to the log of each component: shares lost, and their ranks, with several exponents."""
    lost = np.array([flow.lost_share(sender) for flow in flows], np.float64)
    calls = np.array([flow.kind == "call" for flow in flows], np.bool_)
    lost[calls] = np.maximum(0.0, 1.0 - (1.0 - lost[calls]) / (1.0 - MATTERS_PAIRED_LOSS))
    return np.concatenate(
        [log_e(lost, calls, PAIRED_LOSS_EXPONENTS), log_e(midranks(lost), calls, PAIRED_RANK_EXPONENTS)]
    )


def _line_finding(verdicts: Sequence[Verdict]) -> LineFinding:
    """The worst of a check's verdicts: the first that is restricted or closed, else the first."""
    worst = next(iter(sorted(verdicts, key=lambda one: one.state not in HELD_BACK_STATES)), None)
    if worst is None:
        return LineFinding()
    return LineFinding(worst.state, worst.rule or "", worst.medium, worst.reason)


def _restricted_side(a: LineFinding, b: LineFinding, routes: Sequence[RouteFinding]) -> tuple[RestrictedSide, bool]:
    """Whose line shows signs of restriction, and whether both do by another rule each."""
    on_a, on_b = a.state == "restricted", b.state == "restricted"
    if on_a and on_b:
        return "both", a.rule != b.rule
    if on_a or on_b:
        return ("a" if on_a else "b"), False
    return ("between" if any(one.fate == "held_back" for one in routes) else ""), False


def _paired_state(side: RestrictedSide, routes: Sequence[RouteFinding]) -> PairedState:
    """What is said of calls between the two."""
    if side:
        return "restricted"
    told = list(_media_fates(routes))
    if told and all(fate == "passes" for fate in told):
        return "ok"
    return "impaired" if told and all(fate in ("passes", "poor") for fate in told) else "insufficient"


def _media_fates(routes: Sequence[RouteFinding]) -> Iterator[RouteFate]:
    """The better route's fate for each medium and direction."""
    order: tuple[RouteFate, ...] = ("passes", "poor", "untold", "not_connected", "held_back")
    for medium, sender in dict.fromkeys((one.medium, one.sender) for one in routes):
        yield min((one.fate for one in routes if (one.medium, one.sender) == (medium, sender)), key=order.index)
