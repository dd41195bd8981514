"""The verdicts of one run of `talkpath endpoints`: one per app and basis.

Contract: pure. What each server answered once is judged as ever (`bases.endpoints`). The verdict about an app's call
servers then takes in what greetings in series and packets that expire on the way say, the strongest first:

| seen | verdict |
|---|---|
| packets held back on the way (`reading`) | `restricted`: rule, direction up, `bound_to`, `hop` |
| whatever goes to any of the app's servers is held back on the way | `insufficient (routes)`: the same, as what fits |
| an address fares worse, but it may be a server or its way | `insufficient (other_destination)` |
| a path changed; routers answered too little | `insufficient (path_changed)`, `(few_answers)` |
| servers do not answer, yet packets get as far as routers answer | `insufficient (silent_server)` |
| greetings in series were lost, or stopped | `insufficient (other_destination)` |
| nothing of that, and every server answered | `ok` |

Reads greetings in series: how many were lost, how late the answers were, and whether they stopped for good.

The app's servers and the neutral ones were greeted in the same seconds. Another server is no control in the strict
sense: one that is overloaded, or a worse way to it, looks like a rule. So a series accuses nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.endpoint_facts import EndpointFacts, GreetingSeries
from talkpath.verdict.bases.endpoints import judge_endpoints
from talkpath.verdict.bases.own_addresses.contrasts import ADDRESS, SHAPE_HERE, answer_contrast, any_part
from talkpath.verdict.bases.own_addresses.naming import name_rule
from talkpath.verdict.bases.own_addresses.paths import app_paths, find_place
from talkpath.verdict.bases.own_addresses.questions import imitated_arm
from talkpath.verdict.bases.own_addresses.reading import Reading, finding_epochs, read_epochs, route_odds
from talkpath.verdict.model import Category, Number, Reason, ReasonCode, Verdict
from talkpath.verdict.statistics.interval import Interval
from talkpath.verdict.statistics.proportion import extra_share, share_interval

SILENT_END = 8  # greetings in a row without an answer, up to the end, after MET ones that were answered
MIN_ANSWERED_BEFORE_SILENCE = 3
WORSE_SHARE = 0.05  # share of greetings by which good servers may differ
LEVEL = 0.99


class SeriesReading(NamedTuple):
    """All series of one app together. `lost` and `neutral_lost` are shares with 95 % intervals; `rtt_ms` medians.

    `worse`: the app's servers lost more than the neutral ones, by the lower bound and each of them. `frozen`: (fewest,
    most) packets of a 5-tuple, both ways, after which every server went silent for good, while no neutral one did.
    """

    servers: int
    greetings: int
    lost: Interval
    neutral_lost: Interval
    rtt_ms: float | None
    neutral_rtt_ms: float | None
    worse: bool
    frozen: tuple[int, int] | None


def read_series(facts: EndpointFacts, app: str) -> SeriesReading | None:
    """Read the app's series; None where there are none, or nothing neutral beside them."""
    own = [each for each in facts.series if each.app == app and not each.neutral]
    numbers = {each.number for each in own}
    neutral = [each for each in facts.series if each.neutral and each.number in numbers]
    if not own or not neutral:
        return None
    ends = [silent_end(each) for each in own]
    frozen = all(ends) and not any(map(silent_end, neutral))
    spans = [end for end in ends if end is not None]
    return SeriesReading(
        servers=len(own),
        greetings=sum(_greetings_sent(each) for each in own),
        lost=_lost_share(own),
        neutral_lost=_lost_share(neutral),
        rtt_ms=_usual_losses(own),
        neutral_rtt_ms=_usual_losses(neutral),
        worse=_loses_more(own, neutral),
        frozen=(min(low for low, _ in spans), max(high for _, high in spans)) if frozen else None,
    )


def silent_end(series: GreetingSeries) -> tuple[int, int] | None:
    """Between how many packets of both ways the server went silent for good; None if it did not."""
    answered = np.flatnonzero(unpack_bitmap(series.answered, series.count) & unpack_bitmap(series.sent, series.count))
    if len(answered) < MIN_ANSWERED_BEFORE_SILENCE or series.count - 1 - int(answered[-1]) < SILENT_END:
        return None
    last, came = int(answered[-1]) + 1, len(answered)
    return last + came, last + came + 1


def _greetings_sent(series: GreetingSeries) -> int:
    return int(unpack_bitmap(series.sent, series.count).sum())


def _lost_share(every: Sequence[GreetingSeries]) -> Interval:
    return share_interval(*_greeting_losses(every))


def _loses_more(own: Sequence[GreetingSeries], neutral: Sequence[GreetingSeries]) -> bool:
    """Whether all of them together lost more, by the lower bound, and each of them did."""
    extra = extra_share(_greeting_losses(own), _greeting_losses(neutral), LEVEL)
    lost, sent = _greeting_losses(neutral)
    usual = lost / max(1, sent) + WORSE_SHARE
    return (extra.low or 0.0) > WORSE_SHARE and all(
        _greeting_losses([each])[0] > usual * _greetings_sent(each) for each in own
    )


def _greeting_losses(every: Sequence[GreetingSeries]) -> tuple[int, int]:
    """(greetings without an answer, all)."""
    sent = sum(map(_greetings_sent, every))
    came = (unpack_bitmap(one.answered, one.count) & unpack_bitmap(one.sent, one.count) for one in every)
    return sent - sum(int(each.sum()) for each in came), sent


def _usual_losses(every: Sequence[GreetingSeries]) -> float | None:
    times = [rtt_ms for each in every for rtt_ms in each.rtt_ms]
    return round(median(times), 1) if times else None


LEAST_EPOCHS = 2
NOT_SEEN = 0.3  # extra share without an answer that would have shown in what was measured
LOG_10 = 2.302585092994046


def judge_own_addresses(facts: EndpointFacts) -> list[Verdict]:
    """Give the verdicts, in the order in which the apps were first asked."""
    void = Reason("vpn") if facts.vpn else None
    verdicts = judge_endpoints(facts.exchanges, void)
    voiced = {verdict.app for verdict in verdicts if _of_calls(verdict)}
    asked = {each.app for each in facts.series} | {path.app for path in facts.paths}
    verdicts += [_unasked_verdict(app, void) for app in facts.apps if app in asked - voiced]
    return [_with_way(facts, verdict) if _of_calls(verdict) and not void else verdict for verdict in verdicts]


def _of_calls(verdict: Verdict) -> bool:
    return verdict.basis == "address" and verdict.medium == "voice"


def _unasked_verdict(app: str, void: Reason | None) -> Verdict:
    reason = void or Reason("no_control")
    return Verdict(app=app, variant="", medium="voice", state="insufficient", basis="address", reason=reason)


def _with_way(facts: EndpointFacts, verdict: Verdict) -> Verdict:
    """Take in what series and epochs say of the app."""
    series = read_series(facts, verdict.app)
    told = replace(verdict, figures=verdict.figures | _address_figures(facts, verdict.app, series))
    if series or facts.paths:
        told = replace(told, family=6 if facts.family == 6 else 4)
    if not app_paths(facts, verdict.app):
        return _of_series(told, series)
    found = read_epochs(facts, verdict.app)
    told = _count_sent(facts, told)
    if found.proven:
        return _restricted_verdict(facts, told, found)
    if found.shown:
        return _routed_verdict(facts, told, found)
    if (code := _why_unproven(facts, verdict.app, found)) is not None:
        return _unproven_verdict(told, code)
    if verdict.state != "ok":
        return _unproven_verdict(told, "silent_server")
    return _of_series(told, series)


def _of_series(verdict: Verdict, series: SeriesReading | None) -> Verdict:
    """What greetings in series change: an `ok` is taken back where they were lost."""
    if verdict.state != "ok" or series is None or not (series.worse or series.frozen):
        return verdict
    return _unproven_verdict(verdict, "other_destination")


def _why_unproven(facts: EndpointFacts, app: str, found: Reading) -> ReasonCode | None:
    """Why nothing is proven and nothing is excluded; None where packets do get through."""
    if any(epoch.app == app and epoch.missing == "path_changed" for epoch in facts.epochs):
        return "path_changed"
    if found.elsewhere:
        return "other_destination"
    epochs, compared = finding_epochs(facts, app), finding_epochs(facts, app, "call")
    if _gets_far(facts, app, found):
        return "silent_server"
    if len(epochs) < LEAST_EPOCHS:
        return "few_answers"
    pairs = (SHAPE_HERE, ADDRESS) if compared else (ADDRESS,)
    return None if max(any_part(epochs, pair, facts.seed).high for pair in pairs) <= NOT_SEEN else "few_answers"


def _gets_far(facts: EndpointFacts, app: str, found: Reading) -> bool:
    """Whether no server of the app answers, yet greetings to each got as far as those to neutral ones did."""
    far = {epoch.host: epoch.hops for epoch in finding_epochs(facts, app, "greeting")}
    paths = app_paths(facts, app)
    unheld = found.contrast.low <= 0.0 and not any(path.reached for path in paths)
    return bool(far) and unheld and all(len(path.hops) >= far.get(path.host, 1) for path in paths)


def _unproven_verdict(verdict: Verdict, code: ReasonCode) -> Verdict:
    return replace(
        verdict,
        state="insufficient",
        rule=None,
        direction=None,
        known_at_s=None,
        decided_at_s=None,
        reason=Reason(code),
        alternatives=verdict.alternatives if code != "silent_server" else (),
    )


def _count_sent(facts: EndpointFacts, verdict: Verdict) -> Verdict:
    """Count what was sent in epochs."""
    epochs = [epoch for epoch in facts.epochs if epoch.app == verdict.app and epoch.flows]
    flows = [flow for epoch in epochs for flow in epoch.flows]
    packets = {
        role: sum(int.from_bytes(flow.sent, "little").bit_count() for flow in flows if flow.role == role)
        for role in ("call", "twin")
    }
    arm = imitated_arm(verdict.app)
    ended_s = max((epoch.at_s + epoch.took_s for epoch in epochs), default=verdict.watched_s)
    return replace(
        verdict,
        variant=arm.variant if arm and epochs else verdict.variant,
        call_packets=packets["call"],
        twin_packets=packets["twin"],
        flow_count=verdict.flow_count + len(flows),
        watched_s=round(max(verdict.watched_s, ended_s), 3),
    )


def _restricted_verdict(facts: EndpointFacts, verdict: Verdict, found: Reading) -> Verdict:
    epochs = finding_epochs(facts, verdict.app)
    rule, parameters = _rule_and_place(facts, verdict.app, found)
    known_s = round(max(epoch.at_s + epoch.took_s for epoch in epochs), 3)
    return replace(
        verdict,
        state="restricted",
        rule=rule,
        direction="up",
        parameters=parameters,
        log10_e=found.contrast.log_e / LOG_10,
        known_at_s=known_s,
        decided_at_s=known_s,
        reason=None,
        alternatives=(),
    )


def _routed_verdict(facts: EndpointFacts, verdict: Verdict, found: Reading) -> Verdict:
    """Everything to the app is held back on the way: consistent with a rule, or with a route that is bad."""
    rule, parameters = _rule_and_place(facts, verdict.app, found)
    epochs = finding_epochs(facts, verdict.app)
    counts = {"servers": len({epoch.host for epoch in epochs}), "neutral": len({epoch.beside for epoch in epochs})}
    reason = Reason("routes", {**counts, "odds": route_odds(epochs)})
    return replace(_unproven_verdict(verdict, reason.code), reason=reason, alternatives=(rule,), parameters=parameters)


def _rule_and_place(facts: EndpointFacts, app: str, found: Reading) -> tuple[str, dict[str, Number | Category]]:
    """The rule that explains best what is held back, its numbers, what it is bound to, and where it acts."""
    named = name_rule(finding_epochs(facts, app), found.treated, facts.seed)
    place = find_place(facts, app, found)
    parameters: dict[str, Number | Category] = dict(named.parameters)
    if found.bound:
        parameters["bound_to"] = Category(found.bound)
    if place is not None:
        located = float(place.by) if place.by - place.after == 1 else None
        parameters["hop"] = Number(located, float(place.after + 1), float(place.by))
        if place.kind:
            parameters["hop_kind"] = Category(place.kind)
    return named.rule, parameters


def _address_figures(facts: EndpointFacts, app: str, series: SeriesReading | None) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    if series is not None:
        figures |= {
            "greetings": float(series.greetings),
            "greetings_lost": series.lost.estimate,
            "greetings_lost_low": series.lost.low,
            "greetings_lost_high": series.lost.high,
            "neutral_lost": series.neutral_lost.estimate,
            "neutral_lost_low": series.neutral_lost.low,
            "neutral_lost_high": series.neutral_lost.high,
            "rtt_ms": series.rtt_ms,
            "neutral_rtt_ms": series.neutral_rtt_ms,
        }
        if series.frozen:
            figures |= {"frozen_after_low": float(series.frozen[0]), "frozen_after_high": float(series.frozen[1])}
    if epochs := finding_epochs(facts, app):
        figures |= {"epochs": float(len(epochs)), "hops": float(max(epoch.hops for epoch in epochs))}
        figures |= _extra_losses(facts, app)
    elif passed := max((len(path.hops) for path in app_paths(facts, app)), default=0):
        figures["hops"] = float(passed)
    return figures


def _extra_losses(facts: EndpointFacts, app: str) -> dict[str, float | None]:
    """The bounds of what a call, and what the app's address, lost more."""
    calls = finding_epochs(facts, app, "call")
    names = {"extra_unanswered": SHAPE_HERE, "extra_unanswered_address": ADDRESS}
    found = {name: answer_contrast(calls, pair, facts.seed) for name, pair in names.items() if calls}
    bounds = [(f"{name}_low", each.low) for name, each in found.items()]
    return dict([*bounds, *((f"{name}_high", each.high) for name, each in found.items())])
