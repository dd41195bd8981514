"""What is known of one arm: its state and what that rests on, how much more its calls lose, and what counts."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections, Arm, Direction
from talkpath.measure.facts import ALPHA, ArmPlan, Epoch, Facts
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.call_quality import CallQuality
from talkpath.verdict.flows.long_calls import Divergence
from talkpath.verdict.model import Reason, State
from talkpath.verdict.rules.best import Candidate, Explanation, explain_arm, explain_own
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.verdict.statistics.interval import Interval, extra_delay_ms, most_extra_loss, overall_loss
from talkpath.verdict.statistics.permutation import log_mean
from talkpath.verdict.statistics.strength import Strength

MATTERS_LOSS = 0.01  # restricted: at least so much extra loss
MATTERS_DELAY_MS = 50.0  # or so much extra delay
COUNTS_LOG_E = log(20.0)  # from here on failed set-ups, cut-off calls and extra loss matter, and exclude `ok`
HINT_LOG_E = log(5.0)  # from here on more epochs are worth measuring


@dataclass(frozen=True, slots=True)
class Assessment:
    """The state of one arm and what it rests on. `is_final`: more epochs of the baseline question would not change it.
    `closed` and `suspected`: the rule that closes the network (or says why nothing answers), proven or not yet.
    `compared`: calls are not accused, and how they differ from their twins is worth telling. `hint`: something is amiss
    that is not proven. `diverged`: where calls that lived through the check diverged from twins, which proves nothing.
    `quality`: of an arm that nothing accuses; whoever tells of another rates its calls then. `alone_untried`: the line
    seems too poor, perhaps by the check's own flows, and no call alone was tried."""

    planned: ArmPlan
    view: ArmView
    state: State
    is_final: bool = False
    reason: Reason | None = None
    strength: Strength | None = None
    closed: Candidate | None = None
    suspected: Candidate | None = None
    compared: bool = False
    quality: CallQuality | None = None
    hint: bool = False
    diverged: Divergence | None = None
    alone_untried: bool = False

    @property
    def arm(self) -> Arm:
        """The arm that was assessed."""
        return self.planned.arm

    @property
    def explanation(self) -> Explanation | None:
        """What explains a restricted arm; None for any other. Costs more than all the rest, so it is computed on
        demand."""
        return explain_arm(self.view) if self.state == "restricted" else None

    @property
    def own_explanation(self) -> Explanation | None:
        """The same without the rules of other arms, which cost as much again."""
        return explain_own(self.view) if self.state == "restricted" else None

    @property
    def extra_loss(self) -> dict[Direction, Interval]:
        """The extra loss in each direction, where calls were `compared` with their twins. Computed on demand."""
        epochs, seed = self.view.accusing, self.view.facts.seed
        if self.state == "restricted":
            return {direction: mean_loss(epochs, direction, seed) for direction in DIRECTIONS}
        return most_extra_losses(epochs, seed) if self.compared else {}

    @property
    def extra_loss_both_ways(self) -> Interval | None:
        """The extra loss over both directions together, of a restricted arm."""
        restricted = self.state == "restricted"
        return mean_loss(self.view.accusing, "both", self.view.facts.seed) if restricted else None


def log_threshold(facts: Facts) -> float:
    """ln(m/alpha): what an e-value must reach, over all m arms of the check together."""
    return log(max(1, len(facts.plan.arms)) / min(facts.plan.alpha, ALPHA))


def calls_fail(proof: Strength) -> bool:
    """Whether set-ups of calls fail, or calls are cut off, more than their twins."""
    return any(part.log_e >= COUNTS_LOG_E for part in proof.parts if part.name in ("setup", "kill"))


def proven_without_delay(proof: Strength, limit: float) -> bool:
    """Whether the e-value reaches the threshold without the tests of delay. Those say nothing where packets left late;
    and where calls are cut off, twins that go on meet another background, and may be later because of it."""
    parts = [part for part in proof.parts if part.name != "delay"]
    log_e = log_mean(np.array([part.log_e for part in parts]), np.log([part.weight for part in parts]))
    return float(log_e) >= limit


@remember_result
def most_extra_losses(epochs: tuple[Epoch, ...], seed: bytes) -> dict[Direction, Interval]:
    """The most extra loss in each direction over the given epochs, for an arm that nothing accuses."""
    return {direction: most_extra_loss(epochs, direction, seed=seed) for direction in DIRECTIONS}


@remember_result
def mean_loss(epochs: tuple[Epoch, ...], direction: AffectedDirections, seed: bytes) -> Interval:
    """The mean extra loss in that direction, or of both together, where it may depend on how long calls are."""
    return overall_loss(epochs, direction, seed=seed)


@remember_result
def extra_delays(epochs: tuple[Epoch, ...]) -> dict[Direction, Interval]:
    """The extra delay in each direction over the given epochs, in ms."""
    return {direction: extra_delay_ms(epochs, direction) for direction in DIRECTIONS}
