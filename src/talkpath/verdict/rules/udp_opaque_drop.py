"""`udp.opaque_drop` (M10): UDP payload that matches no known protocol is dropped, calls included; text passes."""

from __future__ import annotations

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import WORSE_LOG_E, ArmView
from talkpath.verdict.flows.outcomes import FlowOutcome
from talkpath.verdict.rules.rule import Fit, Rule
from talkpath.verdict.rules.whole_network import flows_of, own_outcomes, reported_epochs
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.verdict.statistics.permutation import log_mean
from talkpath.verdict.statistics.strength import opaque_log_e

MIN_GAP = 0.1  # how much more of a call and of a random twin must be lost than of a text twin
LOG_HALVES = np.log([0.5, 0.5])


def explain(view: ArmView) -> Fit | None:
    """Fit if random twins lose more than text twins (an e-value over the whole check), and so do this arm's calls.

    A direction is named if its own e-value shows it: a few text twins may by chance escape a fault of single flows.
    """
    hit = _hit_directions(view.explained)
    if not hit:
        return None
    flows, epochs = own_outcomes(view), reported_epochs(view.facts)
    found = {direction: opaque_log_e(epochs, direction) for direction in DIRECTIONS}
    gain = float(log_mean(np.array(list(found.values())), LOG_HALVES))
    if gain <= 0.0:
        return None
    firm = [direction for direction in hit if found[direction] >= WORSE_LOG_E] or [
        max(hit, key=lambda direction: found[direction])
    ]
    unseen = not any(outcome.down.sent for outcome in flows if outcome.role != "text")
    return Fit(gain, "both" if len(firm) == 2 else firm[0], other_used=not unseen)


@remember_result
def _hit_directions(epochs: tuple[Epoch, ...]) -> list[Direction]:
    flows = list(flows_of(epochs))
    return [direction for direction in DIRECTIONS if _twin_gap(flows, direction)]


def _twin_gap(flows: list[FlowOutcome], direction: Direction) -> bool:
    call, twin, text = (_twin_loss(flows, direction, role) for role in ("call", "random", "text"))
    return call is not None and twin is not None and text is not None and min(call, twin) - text >= MIN_GAP


def _twin_loss(flows: list[FlowOutcome], direction: Direction, role: str) -> float | None:
    chosen = [outcome.of(direction) for outcome in flows if outcome.role == role]
    sent = sum(end.sent for end in chosen)
    return 1.0 - sum(end.arrived for end in chosen) / sent if sent else None


RULE = Rule(
    id="udp.opaque_drop",
    state="closed",
    mechanisms=("M10",),
    means="UDP that looks like nothing known is dropped, and calls with it; UDP that reads as text passes.",
    shown_by="Random twins and calls lose alike, text twins of the same lengths and moments do not.",
    explain=explain,
)
