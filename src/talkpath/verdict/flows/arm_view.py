"""Prepares one arm's facts for the rules: for each slot, how many calls lost their packet and how many twins did.

A rule explains *extra* loss: under it a call's packet of slot i is lost with chance 1 - (1 - q_i)(1 - p_i), where q_i
is the loss of twins in the same slot and p_i what the rule predicts. The rule's gain is the log-likelihood of the
calls' losses above the hypothesis that calls fare as twins (all p_i = 0). So the gains of all rules can be compared,
and background loss that calls and twins share cancels. Where flows of one kind differ more than chance allows (paths,
queues, address translators), packets of one flow are not independent evidence: gains are divided by that dispersion,
and outlying flows are left out. A named rule never accuses by itself: the e-value does that first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import lgamma, log
from statistics import median

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.facts import Epoch, Facts, Track
from talkpath.verdict.flows.nat_rebinding import first_life
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.statistics import loss
from talkpath.verdict.statistics.cohort import DIRECTIONS, bitmaps, is_call, is_twin, pick, track
from talkpath.verdict.statistics.interval import ROLES, loss_rate

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]
Ranks = NDArray[np.intp]

ALL = slice(None)

EXPLAINED = ("battery", "watch", "rate", "hello")  # questions whose epochs hold calls beside twins over UDP
OUTLIER_ERRORS = 4.0  # a flow that lost so many standard errors more than the median one is an outlier
OUTLIER_SHARE = 0.4  # and at most this share of flows are
CONCENTRATIONS = (1e4, 32.0, 8.0, 2.0)  # of the beta-binomial: how alike the twins of one slot fare
SLOTS_DIFFER_NATS = 0.5  # slots are taken to be alike unless so much evidence is against it
SIZES_DIFFER_NATS = 6.0  # likewise small and large packets, over all sizes that could divide them
WORSE_LOG_E, WORSE_LOSS = log(5.0), 0.005


@dataclass(frozen=True, slots=True, eq=False)
class DirectionLosses:
    """The losses of one direction of one epoch. Arrays are per slot: the calls that sent its packet, how many of these
    lost it, and the chance that a twin loses it. `calls` holds (sent, lost) of each call, (flows, slots) both.

    `before` counts the packets that a call sent both ways, up to and including the slot; `size` is UDP payload bytes.
    `weight` shrinks gains by the dispersion of flows, `twins_weight` by that of twins alone; `known` (slots,) shrinks
    them where the few twins of a slot leave its chance in doubt. Late packets count as arrived: the tests of delay
    weigh those.
    """

    epoch: Epoch
    direction: Direction
    at_s: Floats
    size: Floats
    before: Floats
    stage: tuple[str, ...]
    sent: Floats
    lost: Floats
    chance: Floats
    weight: float
    twins_weight: float
    calls: tuple[Bits, Bits]
    known: Floats

    @property
    def question(self) -> str:
        """Return the epoch's question."""
        return self.epoch.question

    def on(self, *stages: str) -> Bits:
        """Return which slots belong to these stages."""
        return _on(self.stage, stages)

    @property
    def media(self) -> Bits:
        """Return which slots carry media."""
        return self.on("media")

    def by_size(self, terms: Floats, chosen: Bits) -> tuple[Floats, Floats]:
        """Return the sizes of the `chosen` slots, ascending, and the sums of their `terms` (..., slots) for each size.

        A restrictor may drop some sizes of keepalive or report like media and pass others.
        """
        order = np.flatnonzero(chosen)[np.argsort(self.size[chosen], kind="stable")]
        sizes = self.size[order]
        if not len(order):
            return sizes, terms[..., :0]
        starts = np.concatenate([[0], 1 + np.flatnonzero(sizes[1:] != sizes[:-1])])
        return sizes[starts], np.add.reduceat(terms[..., order], starts, axis=-1)

    def gains(self, extra: Floats, slots: Ranks | slice = ALL) -> Floats:
        """(..., slots): the gain of each of these slots where the extra loss is `extra` (..., slots) or (..., 1)."""
        gain = _gain(self.sent[slots], self.lost[slots], self.chance[slots], extra)
        gain *= self.weight * self.known[slots]
        return gain

    def gains_by_call(self, extra: Floats) -> Floats:
        """Return the gain of each call in each slot (flows, slots), for effects that may differ from call to call. Only
        the dispersion of twins reduces it."""
        return self.twins_weight * self.known * _gain(*self.calls, self.chance, extra)

    def best_gains(self, most: Floats | float) -> Floats:
        """(slots,): the gain of each slot at the extra loss that fits it best, at most `most` (slots,): no rule that
        gives all calls the same chance in a slot gains more there."""
        own = (self.lost / np.maximum(self.sent, 1.0) - self.chance) / (1.0 - self.chance)
        return self.gains(np.clip(own, 0.0, most))


def _gain(sent: Floats | Bits, lost: Floats | Bits, chance: Floats, extra: Floats) -> Floats:
    odds, passed = np.asarray((1.0 - chance) * extra), np.asarray(-extra)
    odds /= chance
    gain = np.asarray(lost * np.log1p(odds, out=odds), np.float64)
    gain += (sent * 1.0 - lost) * np.log1p(passed, out=passed)
    return gain


@lru_cache(maxsize=256)
def _on(stage: tuple[str, ...], stages: tuple[str, ...]) -> Bits:
    found = np.array([each in stages for each in stage], np.bool_)
    found.flags.writeable = False
    return found


@dataclass(frozen=True, eq=False)
class ArmView:
    """One arm: its epochs of every question, and the facts of the whole check. `directions` are those considered;
    `left_out` are (epoch, flow) of calls that are no evidence (see `flows.calls_left_out`). The calls that
    live through the check are apart, in `all_long` (of all arms): they have twins of other arms, and only screen."""

    facts: Facts
    epochs: tuple[Epoch, ...]
    arm: Arm | None = None
    all_long: tuple[Epoch, ...] = ()
    directions: tuple[Direction, ...] = DIRECTIONS
    left_out: frozenset[tuple[int, int]] = frozenset()

    @cached_property
    def losses(self) -> tuple[DirectionLosses, ...]:
        """The losses in each direction of every epoch that has calls beside twins."""
        of_epochs = (losses_of(epoch, self._left_out_of(epoch)) for epoch in self.explained)
        return tuple(losses for both in of_epochs for losses in both if losses.direction in self.directions)

    def _left_out_of(self, epoch: Epoch) -> frozenset[int]:
        return frozenset(flow for number, flow in self.left_out if number == epoch.number)

    @cached_property
    def explained(self) -> tuple[Epoch, ...]:
        """The epochs that hold calls beside twins over UDP."""
        return tuple(e for e in self.epochs if e.question in EXPLAINED and not e.missing)

    @cached_property
    def accusing(self) -> tuple[Epoch, ...]:
        """The epochs that may bear on `restricted`."""
        return tuple(e for e in self.epochs if e.question in ("battery", "watch") and not e.missing)

    @cached_property
    def long(self) -> tuple[Epoch, ...]:
        """The arm's own calls that live through the check."""
        return tuple(epoch for epoch in self.all_long if epoch.arm == self.arm)

    @cached_property
    def every_epoch(self) -> tuple[Epoch, ...]:
        """All epochs of the check, of every arm; the calls that live through it included."""
        return self.facts.epochs + self.all_long

    def asked(self, question: str, value: float | str | None = None, packets: int = 0) -> int:
        """Count the epochs of that question (with that value, if given, and at least so many media packets)."""
        return sum(
            e.question == question and value in (None, e.value) and e.up.stage.count("media") >= packets
            for e in (*self.epochs, *self.long)
        )

    @cached_property
    def worse(self) -> tuple[Direction, ...]:
        """Return the directions in which calls lose more by the exact test too; all of them if none shows it.
        Policers and queues give slots their own loss pattern, and a rule with a pattern fits some of it in the
        other direction."""
        return tuple(way for way in self.directions if _worse(self.accusing, way)) or self.directions

    @property
    def header_bytes(self) -> int:
        """IP and UDP headers of one packet (RFC 791, 8200, 768)."""
        return 48 if self.facts.family == 6 else 28


def _worse(epochs: Sequence[Epoch], way: Direction) -> bool:
    """Whether calls lose more over all flows, or in most epochs: in a few epochs all outliers may be twins."""
    if loss.log_e(epochs, way) < WORSE_LOG_E:
        return False
    return max(_excess(epochs, way), median(_excess([epoch], way) for epoch in epochs)) >= WORSE_LOSS


def _excess(epochs: Sequence[Epoch], way: Direction) -> float:
    """Return the loss rate of calls minus that of twins."""
    calls, twins = (loss_rate(epochs, way, role) or 0.0 for role in ROLES)
    return calls - twins


def arm_view(facts: Facts, arm: Arm) -> ArmView:
    """Build the view of one arm."""
    long = tuple(epoch for epoch in facts.epochs if epoch.question == "long")
    if long:
        facts = replace(facts, epochs=tuple(epoch for epoch in facts.epochs if epoch.question != "long"))
    epochs = tuple(epoch for epoch in facts.epochs if epoch.arm == arm)
    return ArmView(facts=facts, epochs=epochs, arm=arm, all_long=long)


@per_epoch
def losses_of(epoch: Epoch, without: frozenset[int] = frozenset()) -> tuple[DirectionLosses, ...]:
    """Return the losses up and down, without the flows `without`; none for a direction in which no call or no twin
    sent."""
    calls = {way: _counts(epoch, way, calls=True, without=without) for way in DIRECTIONS}
    twins = {way: _counts(epoch, way, calls=False) for way in DIRECTIONS}
    before = before_each(epoch)
    found = []
    for way in DIRECTIONS:
        plan, (sent, lost), (twin_sent, twin_lost) = track(epoch, way), calls[way], twins[way]
        if not len(sent) or not len(twin_sent):
            continue
        dispersion = _dispersion(twin_sent, twin_lost)
        size = np.array(plan.size, np.float64)
        of_twins, lost_twins = (rows.sum(axis=0, dtype=np.float64) for rows in (twin_sent, twin_lost))
        chance, doubt = _chance(of_twins, lost_twins, size, dispersion)
        of_calls = sent.sum(axis=0, dtype=np.float64)
        found.append(
            DirectionLosses(
                epoch=epoch,
                direction=way,
                at_s=np.array(plan.at_ms, np.float64) / 1000.0,
                size=size,
                before=before[way],
                stage=plan.stage,
                sent=of_calls,
                lost=lost.sum(axis=0, dtype=np.float64),
                chance=chance,
                weight=1.0 / max(_dispersion(sent, lost), dispersion),
                twins_weight=1.0 / dispersion,
                calls=(sent, lost),
                known=1.0 / (1.0 + np.maximum(0.0, of_calls - 1.0) * doubt),
            )
        )
    return tuple(found)


def arrivals(
    epoch: Epoch, direction: Direction, *, calls: bool, without: frozenset[int] = frozenset()
) -> tuple[Bits, Bits]:
    """Return (sent, arrived), each (flows, slots), of calls or of random twins. Late packets count as arrived."""
    size = len(track(epoch, direction).stage)
    chosen = is_call if calls else is_twin
    flows = [flow for flow in pick(epoch, direction, chosen, chosen) if flow.flow not in without]
    sent = bitmaps([flow.sent for flow in flows], size)
    arrived = bitmaps([flow.arrived for flow in flows], size) | bitmaps([flow.late for flow in flows], size)
    return sent, arrived


def _counts(
    epoch: Epoch, direction: Direction, *, calls: bool, without: frozenset[int] = frozenset()
) -> tuple[Bits, Bits]:
    """Return (sent, lost) of the flows that are not outliers, each until an address translator gave it a new port."""
    sent, arrived = arrivals(epoch, direction, calls=calls, without=without)
    sent = first_life(sent, arrived, np.array(track(epoch, direction).size, np.float64))
    lost = sent & ~arrived
    typical = _typical(sent.sum(axis=1), lost.sum(axis=1))
    return sent[typical], lost[typical]


def _typical(packets: Floats, losses: Floats) -> Bits:
    """Return the flows that rules are fitted to. A rule treats calls alike, but paths, queues and translators harm
    single 5-tuples: flows that lost far more than the median one are left out, at most OUTLIER_SHARE of them."""
    rate = median((losses / np.maximum(packets, 1)).tolist()) if len(packets) else 0.0
    over = losses - packets * rate
    spread = np.sqrt(packets * rate * (1.0 - rate) + 1.0)
    excess = over / np.maximum(spread, 1.483 * median(np.abs(over).tolist()) if len(over) else 0.0)
    odd = np.argsort(-excess, kind="stable")[: int(OUTLIER_SHARE * len(excess))]
    typical = np.ones(len(excess), np.bool_)
    typical[odd[excess[odd] > OUTLIER_ERRORS]] = False
    return typical


@per_epoch
def before_each(epoch: Epoch, later_s: float = 0.0) -> dict[Direction, Floats]:
    """For each slot, count the packets that calls sent both ways up to and including it, in order of time (mean over
    calls).

    The far end's packets pass a middlebox later than ours of the same scheduled time, by `later_s`.
    """
    sent = [arrivals(epoch, way, calls=True)[0] for way in DIRECTIONS]
    shares = [
        rows.mean(axis=0) if len(rows) else _unsent(track(epoch, way))
        for rows, way in zip(sent, DIRECTIONS, strict=True)
    ]
    shifts = {"up": 0.0, "down": 1000.0 * later_s}
    at_ms = np.concatenate([np.array(track(epoch, way).at_ms, np.float64) + shifts[way] for way in DIRECTIONS])
    order = np.argsort(at_ms, kind="stable")
    total = np.zeros(len(at_ms))
    total[order] = np.concatenate(shares)[order].cumsum()
    ends = len(epoch.up.at_ms)
    return {"up": total[:ends], "down": total[ends:]}


def _unsent(plan: Track) -> Floats:
    return np.zeros(len(plan.at_ms))


def _chance(sent: Floats, lost: Floats, size: Floats, dispersion: float) -> tuple[Floats, Floats]:
    """Return (chance, doubt) of `_shrunk` for all slots, or for small and large packets separately where the line
    treats them differently."""
    large = size > _edge(sent, lost, size, dispersion)
    chance, doubt = np.zeros((2, len(size)))
    for part in (~large, large):
        if part.any():
            chance[part], doubt[part] = _shrunk(sent[part], lost[part])
    return chance, doubt


def _edge(sent: Floats, lost: Floats, size: Floats, dispersion: float) -> float:
    """Return the size in bytes above which twins fare differently from below; infinite if there is none."""
    sizes, kinds = np.unique(size[sent > 0], return_inverse=True)
    edges, totals = sizes[:-1], (sent.sum(), lost.sum())
    below = [np.bincount(kinds, counts[sent > 0], len(sizes)).cumsum()[:-1] for counts in (sent, lost)]
    above = [total - smaller for total, smaller in zip(totals, below, strict=True)]
    parts = [_flat(*below), _flat(*above)]
    gains = (parts[0] + parts[1] - _flat(*totals)) / dispersion
    return float(edges[np.argmax(gains)]) if len(edges) and gains.max() >= SIZES_DIFFER_NATS else float("inf")


def _flat(sent: Floats, lost: Floats) -> Floats:
    """Return the log-likelihood of losses at their own rate."""
    rate = np.clip(lost / np.maximum(sent, 1.0), 1e-9, 1.0 - 1e-9)
    return np.asarray(lost * np.log(rate) + (sent - lost) * np.log1p(-rate))


def _shrunk(sent: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """Estimate the twins' chance of loss for each slot, shrunk towards their mean as far as slots do not differ more
    than chance allows; and the correlation between two calls of one slot that this implies (beta-binomial)."""
    mean = (lost.sum() + 0.5) / (sent.sum() + 1.0)
    slots = sorted(Counter(zip(sent.tolist(), lost.tolist(), strict=True)).items())
    fits = [_beta_binomial(slots, mean, spread) for spread in CONCENTRATIONS]
    spread = next(s for s, fit in zip(CONCENTRATIONS, fits, strict=True) if fit >= max(fits) - SLOTS_DIFFER_NATS)
    chance = np.clip((lost + spread * mean) / (sent + spread), 1e-3, 0.98)
    return np.asarray(chance), np.asarray(1.0 / (sent + spread + 1.0))


def _beta_binomial(slots: Iterable[tuple[tuple[float, float], int]], mean: float, spread: float) -> float:
    """Return the log-likelihood of `slots`: (packets sent, lost) and how many slots had these numbers."""
    a, b = spread * mean, spread * (1.0 - mean)
    fit = 0.0
    for (n, x), count in slots:
        fit += count * (lgamma(x + a) + lgamma(n - x + b) - lgamma(n + spread))
        fit -= count * (lgamma(a) + lgamma(b) - lgamma(spread))
    return fit


def _dispersion(sent: Bits, lost: Bits) -> float:
    """Return how much more losses vary from flow to flow than binomial counts do, at least 1."""
    packets, losses = sent.sum(axis=1), lost.sum(axis=1)
    usable = packets > 0
    packets, losses = packets[usable], losses[usable]
    if len(packets) < 2 or not losses.any() or losses.sum() == packets.sum():
        return 1.0
    mean = losses.sum() / packets.sum()
    chi2 = ((losses - packets * mean) ** 2 / (packets * mean * (1.0 - mean))).sum()
    return max(1.0, float(chi2) / (len(packets) - 1))
