"""Shared by the rules for the state `closed`: all flows of the check, and TCP exchanges beside them.

Contract: a rule that closes a network to all calls acts on every arm, so its evidence is pooled over the check. It is
named for an arm only if the arm's own flows show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import FlowOutcome, flow_outcomes
from talkpath.verdict.rules.rule import Fit, Parameters
from talkpath.verdict.statistics.cohort import direction_track, is_tcp
from talkpath.verdict.statistics.permutation import log_choose
from talkpath.wire.control.question import COMPARING, TcpTwins

NEARLY_ALL_FLOWS = 0.9  # share of flows that counts as all: one in ten may have failed for another reason


def reported_epochs(facts: Facts) -> tuple[Epoch, ...]:
    """Return the epochs with UDP flows and both ends' reports, in the order in which they were known."""
    return _epochs_reported(facts.epochs)


@remember_result
def _epochs_reported(epochs: tuple[Epoch, ...]) -> tuple[Epoch, ...]:
    chosen = (e for e in epochs if isinstance(e.question, (*COMPARING, TcpTwins)) and not e.missing)
    return tuple(sorted(chosen, key=lambda epoch: (epoch.known_s, epoch.number)))


def flows_of(epochs: Iterable[Epoch]) -> Iterator[FlowOutcome]:
    """Yield the outcomes of all UDP flows of these epochs."""
    for epoch in epochs:
        yield from flow_outcomes(epoch)


def tcp_through(facts: Facts) -> int:
    """Count the exchanges over TCP or TLS with the same host that succeeded; each epoch's report came over one."""
    epochs = [epoch for epoch in facts.epochs if not epoch.missing]
    return facts.reach.tcp_ok + len(epochs) + sum(_tcp_twins(epoch) for epoch in epochs)


@remember_result
def _tcp_twins(epoch: Epoch) -> int:
    """Count the twins over TCP of which most packets arrived up."""
    size = len(direction_track(epoch, "up").stage)
    return sum(
        unpack_bitmap(flow.arrived, size).sum() > unpack_bitmap(flow.sent, size).sum() // 2
        for flow in epoch.flows
        if is_tcp(flow) and flow.direction == "up"
    )


def split_contrast(udp_dead: int, tcp_alive: int) -> float:
    """Return ln of the number of ways to choose the dead among all: by chance this split is one in so many."""
    return log_choose(udp_dead + tcp_alive, tcp_alive) if udp_dead and tcp_alive else 0.0


def blocked_fit(gain: float, dead: Sequence[FlowOutcome], measure: Callable[[], Parameters] = dict) -> Fit:
    """Return the fit of a rule under which these flows were never established: stopped in both directions, or unheard
    down. Where nothing arrived up the far end sends nothing, so that down is not known. Single flows may fail for other
    reasons, as when an address translator has no port left."""
    stopped, unheard = sum(flow.stopped for flow in dead), sum(flow.up.unheard for flow in dead)
    return Fit(gain, "both" if 2 * stopped > len(dead) else "down", measure, other_used=2 * unheard <= len(dead))


def own_outcomes(view: ArmView) -> list[FlowOutcome]:
    """Return the outcomes of the arm's own flows."""
    return list(flows_of(e for e in view.epochs if isinstance(e.question, COMPARING)))
