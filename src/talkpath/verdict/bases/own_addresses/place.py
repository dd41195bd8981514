"""Says from which hop on an app's packets are held back: behind the last router that they reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from talkpath.measure.endpoint_facts import EndpointFacts, ExpiringEpoch
from talkpath.verdict.bases.own_addresses.contrasts import AnswerContrast, Slots, answer_contrast
from talkpath.verdict.bases.own_addresses.naming import name_rule
from talkpath.verdict.bases.own_addresses.paths import app_paths, neutral_paths, trunk_hops
from talkpath.verdict.bases.own_addresses.reading import Reading

LOCATE = "locate"
LOOKED_BEYOND = 3  # hops behind the last router that answered, at which a way is looked for
LEAST_WAYS = 2
BLOCK_RULE = "address.block"  # nothing passes: the last router that answered is before it


class HopSpan(NamedTuple):
    """It acts behind router `after` (0: this device) and before router `by`, of this `kind`."""

    after: int
    by: int
    kind: str


def find_place(facts: EndpointFacts, app: str, reading: Reading) -> HopSpan | None:
    """Where the rule of a proven reading acts; None where no epoch tells."""
    epochs = [epoch for epoch in facts.epochs if epoch.app == app and not epoch.missing]
    if not epochs:
        return None
    named = name_rule([epoch for epoch in epochs if not epoch.why], reading.treated, facts.seed)
    by_hop = {
        hop: _loss_at_hop(facts, epochs, hop, reading, named.slots) for hop in sorted({epoch.hops for epoch in epochs})
    }
    hit = [hop for hop, found in by_hop.items() if found.low > 0.0]
    if not hit:
        return None
    by = min(hit)
    far = by_hop[max(hit)]
    clear = [hop for hop, found in by_hop.items() if hop < by and found.high < max(far.low, 0.05)]
    passed = (
        [len(path.hops) for path in app_paths(facts, app) if len(path.hops) < by] if named.rule == BLOCK_RULE else []
    )
    by = min((by, *_unreached_hops(facts, app, max(passed)))) if passed else by
    kind = next((epoch.router for epoch in epochs if epoch.hops == by and epoch.router), "")
    return HopSpan(max((*clear, *passed), default=0), by, kind or _router_kind(facts, by))


def _unreached_hops(facts: EndpointFacts, app: str, last: int) -> list[int]:
    """The hops behind `last` at which a router answered for every neutral server, and for none of the app's, though
    each of them was tried there."""
    own = app_paths(facts, app)
    if len(own) < LEAST_WAYS or any(len(path.hops) > last for path in own):
        return []
    return [hop for hop in trunk_hops(neutral_paths(facts)) if last < hop <= last + LOOKED_BEYOND]


def _loss_at_hop(
    facts: EndpointFacts, epochs: Sequence[ExpiringEpoch], hop: int, reading: Reading, acts: Slots
) -> AnswerContrast:
    """How many more packets go unanswered at that hop, of those on which the rule acts."""
    return answer_contrast([epoch for epoch in epochs if epoch.hops == hop], reading.treated, facts.seed, acts)


def _router_kind(facts: EndpointFacts, hop: int) -> str:
    """The kind of router that neutral ways have at that hop."""
    kinds = (path.hops[hop - 1].kind for path in facts.paths if path.neutral and len(path.hops) >= hop)
    return next((kind for kind in kinds if kind), "")


def nearer_hops(facts: EndpointFacts, app: str, reading: Reading, hops: Sequence[int]) -> list[int]:
    """Of `hops` those that would narrow the place, nearest first."""
    span = find_place(facts, app, reading)
    if span is None:
        return []
    return sorted(hop for hop in hops if span.after < hop < span.by)
