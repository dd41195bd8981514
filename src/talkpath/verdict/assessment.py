"""Where one arm stands: the table of DESIGN section 5, line by line. `judge` words it, `ask` goes on from it.

The order is that of soundness. First what voids the run, then what voids the comparison (twins worse than calls), then
the one accusation (an e-value over m/alpha, and an effect that matters), then what hits calls and twins alike (closed,
impaired), then `ok`, which must be earned: everything else is `insufficient`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from msgspec.structs import replace

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import ArmPlan, Epoch, Facts
from talkpath.measure.quality import TALKABLE_MOS
from talkpath.verdict.flows.arm_view import EXPLAINED, View, view_of
from talkpath.verdict.flows.call_quality import Talk, talk
from talkpath.verdict.flows.outcomes import fates
from talkpath.verdict.flows.self_congestion import lightest, relieved
from talkpath.verdict.memo import per_epochs
from talkpath.verdict.model import Reason, State
from talkpath.verdict.rules import rules_of
from talkpath.verdict.rules.best import Candidate, Naming, name
from talkpath.verdict.rules.whole_network import MOST
from talkpath.verdict.statistics.canary import canary_log_e
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.verdict.statistics.interval import Interval, extra_delay_ms, extra_loss, overall_loss
from talkpath.verdict.statistics.permutation import log_mean
from talkpath.verdict.statistics.strength import Strength, strength
from talkpath.verdict.statistics.twins import twin_worse_log_e

MATTERS_LOSS = 0.01  # restricted: at least so much extra loss
MATTERS_DELAY_MS = 50.0  # or so much extra delay
OK_LOSS = 0.05  # ok: less extra loss than that, each way
CANARY_LOG_E = log(20.0)
COUNTS_LOG_E = log(20.0)  # failed set-ups and deaths count, and hold an `ok` back, from here
HINT_LOG_E = log(5.0)  # worth asking again
POOR_EPOCHS = 3  # a bad second is no poor line
LATE_VOIDS_DELAY_MS, LATE_VOIDS_ALL_MS = 5.0, 50.0
CLOCK_JUMP_S = 1.0
LOST = ("responder_lost", "network_lost")
UNCOMPARED = ("throttled", "untried", "unphased", "unlike", "no_control")  # why a browser's epoch compares nothing


@dataclass(frozen=True, slots=True)
class Standing:
    """One arm. `settled`: more epochs of the plain question would change nothing. `closed` and `suspected`: the rule
    that closes the network (or names why nothing answers), proven or not yet. `compared`: unaccused calls fared so that
    how they differ from their twins is told."""

    arm: ArmPlan
    view: View
    state: State
    settled: bool = False
    reason: Reason | None = None
    strength: Strength | None = None
    closed: Candidate | None = None
    suspected: Candidate | None = None
    compared: bool = False
    talk: Talk | None = None
    hint: bool = False

    @property
    def naming(self) -> Naming | None:
        """What explains a restricted arm. Only worked out for whoever asks: while arms are still being heard for the
        first time, that is nobody, and it costs more than all else."""
        return name(self.view) if self.state == "restricted" else None

    @property
    def extra_loss(self) -> dict[Direction, Interval]:
        """Each way, where calls were `compared` with their twins; worked out for whoever asks, too."""
        epochs, seed = self.view.accusing, self.view.facts.seed
        if self.state == "restricted":
            return {way: overall_loss(epochs, way, seed=seed) for way in DIRECTIONS}
        return losses(epochs, seed) if self.compared else {}


def log_threshold(facts: Facts) -> float:
    """ln(m/alpha): what an e-value must reach, over all arms of the check together."""
    return log(max(1, len(facts.plan.arms)) / facts.plan.alpha)


class _Frame:
    """Carries the facts past the memo: a standing depends on the epochs and on all else but what may still be spent."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self._key = facts, replace(facts, epochs=(), plan=replace(facts.plan, budget_s=0.0))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frame) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def stand(facts: Facts, arm: ArmPlan) -> Standing:
    """The arm's line of the table."""
    return _stand(facts.epochs, _Frame(facts), arm)


@per_epochs
def _stand(epochs: tuple[Epoch, ...], frame: _Frame, arm: ArmPlan) -> Standing:
    facts = frame.facts
    view = view_of(facts, arm.arm)
    void = voided(facts)
    if void is not None:
        return Standing(arm, view, "insufficient", True, void)
    if facts.reach.control != "connected" and not facts.epochs:
        return Standing(arm, view, "unreachable", True, closed=_first(view, "unreachable"))
    if not view.accusing:
        return _without_calls(facts, arm, view)
    limit = log_threshold(facts)
    proof = _proof(view.epochs, limit)
    if proof.twin_worse >= limit and not sound(proof.strength, limit):
        return Standing(arm, view, "insufficient", True, Reason("twin_worse"), proof.strength)
    closed = _closed(view)
    if accused(facts, proof.strength, limit) and not (closed is not None and closed.rule.voids):
        found = _accused(view, arm, proof.strength)
        if found is not None:
            return found
    if closed is not None and closed.fit.gain >= limit:
        return Standing(arm, view, "closed", True, strength=proof.strength, closed=closed)
    if proof.strength.known_at_s is not None and not accused(facts, proof.strength, limit):
        return Standing(
            arm, view, "insufficient", False, Reason("late", {"late_ms_p99": late_ms(facts)}), proof.strength
        )
    return _unaccused(facts, arm, view, proof.strength, suspected=closed)


def late_ms(facts: Facts) -> float:
    """How late packets left (or the lab's own passed), at the worst but one in a hundred."""
    return max(facts.health.late_ms_p99 or 0.0, facts.health.lab_late_ms_p99 or 0.0)


def voided(facts: Facts) -> Reason | None:
    """What makes the whole run worthless."""
    health = facts.health
    if health.network_changed:
        return Reason("network_changed")
    if health.hidden:
        return Reason("hidden")
    if health.vpn:
        return Reason("vpn")
    if health.vpn is None and facts.plan.basis == "webrtc":  # a browser cannot look, so it asks
        return Reason("vpn", {"unanswered": True})
    if abs(health.clock_jump_s) > CLOCK_JUMP_S:
        return Reason("clock", {"jump_s": health.clock_jump_s})
    if late_ms(facts) > LATE_VOIDS_ALL_MS or health.router_drops:
        return Reason("late", {"late_ms_p99": late_ms(facts), "router_drops": health.router_drops})
    return None


def accused(facts: Facts, proof: Strength, limit: float) -> bool:
    """Did the e-value reach the threshold? Where packets left too late, without the tests of delay."""
    if proof.known_at_s is None:
        return False
    if late_ms(facts) <= LATE_VOIDS_DELAY_MS:
        return True
    return sound(proof, limit)


def sound(proof: Strength, limit: float) -> bool:
    """Is it proven without the tests of delay? Those say nothing where packets left late; and where calls are cut off,
    twins that go on see other weather, and may come later for that."""
    parts = [part for part in proof.parts if part.name != "delay"]
    log_e = log_mean(np.array([part.log_e for part in parts]), np.log([part.weight for part in parts]))
    return float(log_e) >= limit


@dataclass(frozen=True, slots=True)
class Proof:
    """The e-values of one arm: calls worse than twins, and twins worse than calls (natural log)."""

    strength: Strength
    twin_worse: float


@per_epochs
def _proof(epochs: tuple[Epoch, ...], limit: float) -> Proof:
    return Proof(strength(epochs, limit), twin_worse_log_e(epochs))


@per_epochs
def losses(epochs: tuple[Epoch, ...], seed: bytes) -> dict[Direction, Interval]:
    """Extra loss each way over the epochs given."""
    return {way: extra_loss(epochs, way, seed=seed) for way in DIRECTIONS}


@per_epochs
def delays(epochs: tuple[Epoch, ...]) -> dict[Direction, Interval]:
    """Extra delay each way in ms over the epochs given."""
    return {way: extra_delay_ms(epochs, way) for way in DIRECTIONS}


def _first(view: View, state: State) -> Candidate | None:
    fits = ((rule, rule.explain(view)) for rule in rules_of(state))
    return next((Candidate(rule, fit) for rule, fit in fits if fit is not None), None)


def _without_calls(facts: Facts, arm: ArmPlan, view: View) -> Standing:
    if facts.health.ended in LOST or facts.reach.control != "connected":
        return Standing(arm, view, "insufficient", True, Reason("responder_lost"))
    if _twinless(view):
        return Standing(arm, view, "insufficient", True, Reason("no_control"))
    return Standing(arm, view, "insufficient", False, Reason("budget", {"epochs": 0}))


def _accused(view: View, arm: ArmPlan, proof: Strength) -> Standing | None:
    """Restricted, where the effect matters."""
    heard = talk(view.accusing)
    matters = (
        heard.least_extra_loss() >= MATTERS_LOSS
        or any((interval.low or 0.0) >= MATTERS_DELAY_MS for interval in delays(view.accusing).values())
        or any(part.log_e >= COUNTS_LOG_E for part in proof.parts if part.name in ("setup", "kill"))
    )
    if not matters:
        return None
    return Standing(arm, view, "restricted", True, strength=proof, talk=heard)


def _closed(view: View) -> Candidate | None:
    """The rule with the strongest contrast, proven or only suspected."""
    fits = ((rule, rule.explain(view)) for rule in rules_of("closed"))
    found = [Candidate(rule, fit) for rule, fit in fits if fit is not None]
    return max(found, key=lambda candidate: candidate.fit.gain) if found else None


def _unaccused(facts: Facts, arm: ArmPlan, view: View, proof: Strength, *, suspected: Candidate | None) -> Standing:
    heard = talk(lightest(view.accusing))
    hint = any(part.log_e >= COUNTS_LOG_E for part in proof.parts if part.name in ("setup", "kill"))
    base = {"strength": proof, "talk": heard, "hint": hint or proof.log_e >= HINT_LOG_E}
    if suspected or unheard(view):
        reason = _why(facts, view)
        return Standing(arm, view, "insufficient", False, reason, suspected=suspected, **base)  # type: ignore[arg-type]
    if not base["hint"] and heard.poor:
        enough = len(view.accusing) >= POOR_EPOCHS and relieved(view.accusing)
        return Standing(arm, view, "impaired", enough, **base)  # type: ignore[arg-type]
    extra = losses(view.accusing, facts.seed)
    fared = all(interval.high is not None and interval.high < OK_LOSS for interval in extra.values())
    prompt = all((interval.estimate or 0.0) < MATTERS_DELAY_MS for interval in delays(view.accusing).values())
    if not (fared and prompt and not hint and heard.mos >= TALKABLE_MOS):
        return Standing(arm, view, "insufficient", False, _why(facts, view), compared=True, **base)  # type: ignore[arg-type]
    if canary_log_e(facts.epochs) < CANARY_LOG_E:
        reason = _why(facts, view) if facts.health.ended in LOST else Reason("canary")
        return Standing(arm, view, "insufficient", False, reason, compared=True, **base)  # type: ignore[arg-type]
    return Standing(arm, view, "ok", not base["hint"], compared=True, **base)  # type: ignore[arg-type]


def unheard(view: View) -> bool:
    """Did next to nothing of calls and twins arrive?"""
    flows = [fate for epoch in view.epochs if epoch.question in EXPLAINED for fate in fates(epoch)]
    return sum(fate.dead for fate in flows) >= MOST * len(flows)


def _why(facts: Facts, view: View) -> Reason:
    if facts.health.ended in LOST:
        return Reason("responder_lost", {"ended": facts.health.ended})
    if _twinless(view):
        return Reason("no_control")
    return Reason("budget", {"ended": facts.health.ended})


def _twinless(view: View) -> bool:
    """Did a browser fail the arm? It held twins or calls back, or could not time or size calls, or its twins were cut
    off with the calls' own set-up. What befell another medium says nothing of it."""
    return any(epoch.missing in UNCOMPARED for epoch in view.epochs)
