"""Whether a call that fared worse than the connections beside it just had a bad connection (basis `call`).

A call has one connection (5-tuple), and some routers forget single ones, or spread them over paths of which some are
bad. Among n + 1 connections that such a router treats alike, the one that suffers is the call's with a chance of
1 / (n + 1); those of several calls are all of the hit ones among all with 1 / C(n + calls, calls). Where control
connections show that single ones fare unlike, that explains the call.

Connections count that would have shown a loss as large as the call's.

Some translators move connections to other ports (NAT rebinding), and a device may change networks. Control traffic
goes on then, since the test server answers whatever source it heard last; a call whose relay does not (TURN binds an
allocation to one 5-tuple: RFC 8656 section 3.2) goes silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import comb, exp, lgamma, log

from talkpath.measure.call import Control, ControlFlow

MIN_CONNECTION_PACKETS = 5
"""Of a connection with fewer packets in a direction nothing is said."""
FEWEST_LOST = 4.0
"""So many packets a connection would lose by the call's share, or it would not show that."""
NO_ACCIDENT = 3
"""Fewer lost packets are no sign of a bad connection."""
MAX_UNEVEN_CHANCE = 0.0005
"""Losses of connections that ran at the same time differ by more than chance at this probability."""


def worst_share(control: Control) -> float:
    """Return the largest share that one connection lost in one direction."""
    losses = [each for one in control.flows for each in _loss_counts(one)]
    return max((lost / sent for sent, lost in losses if lost >= NO_ACCIDENT), default=0.0)


def connections_fare_unlike(control: Control) -> bool:
    """Whether one connection lost far more than those that ran at the same time."""
    together: dict[float | None, list[ControlFlow]] = defaultdict(list)
    for one in control.flows:
        together[one.begin_s].append(one)
    return any(_is_uneven([_loss_counts(one)[way] for one in group]) for group in together.values() for way in (0, 1))


def moved_connections(control: Control) -> int:
    """Return how many came from another address or port after a while: a translator moved them, or the device went over
    to another network."""
    return sum(bool(one.moved) for one in control.flows)


def telling_connections(control: Control, call_lost: float) -> int:
    """Return how many connections carried enough each way to show losses as those of the call."""
    least = max(MIN_CONNECTION_PACKETS, FEWEST_LOST / call_lost) if call_lost else MIN_CONNECTION_PACKETS
    return sum(min(one.sent_up, one.sent_down) >= least for one in control.flows)


def chance_of_bad_luck(connections: Sequence[int]) -> float:
    """Return the chance that of all connections beside some calls none suffered, and the call's own did each time,
    where routers neglect as many as that. `connections`: those beside each call."""
    return 1 / comb(sum(connections) + len(connections), len(connections))


def _loss_counts(one: ControlFlow) -> tuple[tuple[int, int], tuple[int, int]]:
    """(sent, lost) of both directions, (1, 0) where that is too little, or the far end did not report."""
    if one.arrived_up is None:
        return (1, 0), (1, 0)
    ways = (one.sent_up, one.arrived_up), (one.sent_down, one.arrived_down)
    up, down = ((sent, sent - arrived) if sent >= MIN_CONNECTION_PACKETS else (1, 0) for sent, arrived in ways)
    return up, down


def _is_uneven(losses: list[tuple[int, int]]) -> bool:
    sent, lost = sum(each for each, _ in losses), sum(each for _, each in losses)
    return any(len(losses) * _at_least(mine, lost, of / sent) <= MAX_UNEVEN_CHANCE for of, mine in losses)


def _at_least(least: int, of: int, share: float) -> float:
    """Return the chance of at least so many among `of`, each with a chance of `share` (binomial)."""
    if least <= of * share:
        return 1.0
    if share >= 1.0:
        return 1.0
    return sum(
        exp(lgamma(of + 1) - lgamma(n + 1) - lgamma(of - n + 1) + n * log(share) + (of - n) * log(1 - share))
        for n in range(least, of + 1)
    )
