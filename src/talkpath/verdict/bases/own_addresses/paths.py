"""Says at which hops the ways to two servers can be compared: where the same router answered on both."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.endpoint_facts import EndpointFacts, MeasuredPath

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
