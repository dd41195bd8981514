"""Sums up what came of TURN servers that the user named: their allocations, and the calls that they relayed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talkpath.measure.facts import ArmPlan, Epoch, Facts, Plan, RelayAttempt
from talkpath.measure.transport_quality import TransportQuality, compared_paths, path_qualities
from talkpath.wire.control.question import RelayPaths

MOST_RELAY_ARMS = 4


class RelayResult(Struct, frozen=True):
    """One TURN server. `outcome` and `code` are those of the first allocation that failed, or "allocated"; `took_ms`
    is the longest time that an allocation took. `relayed` has a record for each arm, () where no call could be placed;
    `direct` the same of the calls that went to the responder directly, at the same time."""

    relay: str
    outcome: str
    code: int = 0
    took_ms: float | None = None
    relayed: tuple[TransportQuality, ...] = ()
    direct: tuple[TransportQuality, ...] = ()


def relay_arms(plan: Plan) -> list[ArmPlan]:
    """The arms that relayed calls look like: WebRTC's where they are planned, as nearly all TURN servers serve them;
    else the first variant of each app and medium."""
    first: dict[tuple[str, str], ArmPlan] = {}
    for planned in plan.arms:
        first.setdefault((planned.app, planned.medium), planned)
    usual = [planned for planned in first.values() if planned.app == "webrtc"]
    return (usual or list(first.values()))[:MOST_RELAY_ARMS] if plan.relays else []


def relay_results(facts: Facts) -> list[RelayResult]:
    """A record for each TURN server of the plan, in its order. `outcome` is "not_asked" where the check ended first."""
    epochs = [epoch for epoch in facts.epochs if isinstance(epoch.question, RelayPaths) and not epoch.missing]
    return [_relay_result(relay, facts.relays, epochs) for relay in facts.plan.relays]


def _relay_result(relay: str, attempts: Sequence[RelayAttempt], epochs: Sequence[Epoch]) -> RelayResult:
    own = [attempt for attempt in attempts if attempt.relay == relay]
    if not own:
        return RelayResult(relay, "not_asked")
    failed = next((attempt for attempt in own if attempt.outcome != "allocated"), None)
    chosen = failed or own[0]
    served = [epoch for epoch in epochs if relay in compared_paths(epoch)]
    return RelayResult(
        relay=relay,
        outcome=chosen.outcome,
        code=chosen.code,
        took_ms=None if failed else round(1000.0 * max(attempt.took_s for attempt in own), 1),
        relayed=tuple(path_qualities(served, lambda path: path == relay)),
        direct=tuple(path_qualities(served, lambda path: path.startswith("udp/"))),
    )
