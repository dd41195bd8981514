"""What the rules about the whole network share: all flows of the check, and TCP beside them.

Contract: a rule that closes a network to all calls speaks of every arm at once, so its evidence is pooled over the
check; it is named for an arm only where the arm's own flows show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from talkpath.apps.contract.shape import AffectedDirections
from talkpath.measure.bitmap import unpack
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows.arm_view import EXPLAINED, View
from talkpath.verdict.flows.outcomes import Fate, fates
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.statistics.cohort import is_tcp, track
from talkpath.verdict.statistics.permutation import log_choose

MOST = 0.9  # share of flows that is as good as all: one in ten may have been lost some other way


def reported(facts: Facts) -> list[Epoch]:
    """Epochs with UDP flows and both ends' reports, in the order in which they were known."""
    chosen = (e for e in facts.epochs if e.question in (*EXPLAINED, "tcp") and not e.missing)
    return sorted(chosen, key=lambda epoch: (epoch.known_s, epoch.number))


def flows_of(epochs: Iterable[Epoch]) -> Iterator[Fate]:
    """All UDP flows."""
    for epoch in epochs:
        yield from fates(epoch)


def tcp_through(facts: Facts) -> int:
    """Exchanges over TCP or TLS with the same host that came through: each epoch's report came over one."""
    epochs = [epoch for epoch in facts.epochs if not epoch.missing]
    return facts.reach.tcp_ok + len(epochs) + sum(_tcp_twins(epoch) for epoch in epochs)


@per_epoch
def _tcp_twins(epoch: Epoch) -> int:
    """Twins over TCP of which most arrived up."""
    size = len(track(epoch, "up").stage)
    return sum(
        unpack(flow.arrived, size).sum() > unpack(flow.sent, size).sum() // 2
        for flow in epoch.flows
        if is_tcp(flow) and flow.direction == "up"
    )


def contrast(udp_dead: int, tcp_alive: int) -> float:
    """ln of how many ways there are to pick the dead among all: the chance of this split is one in so many."""
    return log_choose(udp_dead + tcp_alive, tcp_alive) if udp_dead and tcp_alive else 0.0


def closed_way(dead: Iterable[Fate]) -> AffectedDirections:
    """Both where nothing arrived up (the far end then says nothing, so down cannot be seen to pass); else down. Single
    flows may be dead by themselves, as where a translator has no port for them."""
    unheard = [fate.up.unheard for fate in dead]
    return "both" if 2 * sum(unheard) > len(unheard) else "down"


def own(view: View) -> list[Fate]:
    """The arm's own flows."""
    return list(flows_of(e for e in view.epochs if e.question in EXPLAINED))
