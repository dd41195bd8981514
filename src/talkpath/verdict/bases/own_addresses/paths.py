"""Says at which hops the ways to two servers can be compared: where the same router answered on both.

Says from which hop on an app's packets are held back: behind the last router that they reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from talkpath.measure.endpoint_facts import EndpointFacts, MeasuredPath
from talkpath.verdict.bases.own_addresses.contrasts import answer_contrast
from talkpath.verdict.bases.own_addresses.naming import name_rule
from talkpath.verdict.bases.own_addresses.reading import Reading

MIN_SHARED_WAYS = 2  # ways to neutral servers at least, before a router counts as one that everything goes through
MIN_HOPS_BEFORE_SERVER = 2  # hops that a packet must stay away from a server, at least


def app_paths(facts: EndpointFacts, app: str) -> list[MeasuredPath]:
    """Return the ways to the app's servers."""
    return [path for path in facts.paths if path.app == app and not path.neutral]


def neutral_paths(facts: EndpointFacts) -> list[MeasuredPath]:
    """Return the ways to neutral servers that answered."""
    return [path for path in facts.paths if path.neutral and path.reached]


def routers_at(path: MeasuredPath, hop: int) -> frozenset[int]:
    """Return the routers that answered at that hop."""
    return frozenset(path.hops[hop - 1].routers) if 0 < hop <= len(path.hops) else frozenset()


def common_hops(one: MeasuredPath, other: MeasuredPath) -> list[int]:
    """Return the hops, farthest first, at which one same router answered on both ways, well before both servers."""
    most = min(one.reached, other.reached) - MIN_HOPS_BEFORE_SERVER
    return [
        hop
        for hop in range(most, 0, -1)
        if len(same := routers_at(one, hop) | routers_at(other, hop)) == 1
        and same == routers_at(one, hop) == routers_at(other, hop)
    ]


def trunk_hops(paths: Sequence[MeasuredPath]) -> list[int]:
    """Return the hops, farthest first, at which one same router answered on all these ways: a router that the provider
    sends everything through."""
    most = min((path.reached for path in paths), default=0) - MIN_HOPS_BEFORE_SERVER
    shared = {hop: [routers_at(path, hop) for path in paths] for hop in range(most, 0, -1)}
    return [hop for hop, seen in shared.items() if len(seen[0]) == 1 and all(one == seen[0] for one in seen)]


def unseen_hops(facts: EndpointFacts, path: MeasuredPath) -> list[int]:
    """Return the hops, farthest first, at which greetings towards a server that answers none can be compared with those
    to neutral ones: where all of these share a router, SHARED of them at least, and where no server of the app was
    ever seen behind another router, so that its way goes there too."""
    neutral = neutral_paths(facts)
    if path.reached or len(neutral) < MIN_SHARED_WAYS:
        return []
    own = app_paths(facts, path.app)
    return [hop for hop in trunk_hops(neutral) if all(_same_routers(each, neutral[0], hop) for each in own)]


def _same_routers(own: MeasuredPath, neutral: MeasuredPath, most: int) -> bool:
    """Whether up to that hop the same routers answered on both ways, wherever routers answered on both."""
    seen = [(routers_at(own, hop), routers_at(neutral, hop)) for hop in range(1, most + 1)]
    return all(one & other for one, other in seen if one and other)


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
    # how many more packets go unanswered at each hop, of those on which the rule acts
    by_hop = {
        hop: answer_contrast([epoch for epoch in epochs if epoch.hops == hop], reading.treated, facts.seed, named.slots)
        for hop in sorted({epoch.hops for epoch in epochs})
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


def _router_kind(facts: EndpointFacts, hop: int) -> str:
    """The kind of router that neutral ways have at that hop."""
    kinds = (path.hops[hop - 1].kind for path in facts.paths if path.neutral and len(path.hops) >= hop)
    return next((kind for kind in kinds if kind), "")


def nearer_hops(facts: EndpointFacts, app: str, reading: Reading, hops: Sequence[int]) -> list[int]:
    """Of `hops` those that would narrow the place, nearest first."""
    span = find_place(facts, app, reading)
    return [] if span is None else sorted(hop for hop in hops if span.after < hop < span.by)
