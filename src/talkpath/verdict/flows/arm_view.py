"""One arm's facts as the rules look at them: per slot, how many calls lost their packet and how twins fared there.

A rule explains *extra* loss: under it a call's packet of slot i is lost with chance 1 - (1 - q_i)(1 - p_i), where q_i
is what the twins of the same slot suffered and p_i what the rule predicts. Its gain is the log-likelihood of the calls'
losses above "calls fare as twins" (all p_i = 0), so the gains of all rules can be compared, and what the background
does to both cancels. Where flows of one kind differ more than chance (paths, queues, NAT) packets of one flow are no
independent evidence, and gains shrink by that much; flows that stand far apart from their kind are left out. Naming a
rule never accuses: the e-value did that before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import lgamma, log
from statistics import median

import numpy as np
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

EXPLAINED = ("battery", "watch", "rate", "hello")  # questions whose epochs hold calls beside twins over UDP
ODD, ODD_SHARE = (
    4.0,
    0.4,
)  # flows that are bad by themselves: standard errors above the middle one, and how many at most
SPREADS = (1e4, 32.0, 8.0, 2.0)  # how alike twins of one slot fare: beta-binomial concentrations tried
ALIKE_NATS = 0.5  # slots are taken to be alike unless that much speaks against it
SIZED_NATS = 6.0  # and large packets like small ones likewise, among all edges that could be between them
WORSE_LOG_E, WORSE_LOSS = log(5.0), 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One direction of one epoch. Arrays are per slot: calls that sent it, of these the lost, the twins' chance;
    `calls` are the rows of each, (sent, lost), (flows, slots) both. The weights shrink gains as flows, or twins alone,
    are unlike; `known` (slots,) does where the few twins of a slot leave its chance in doubt.

    `before` counts the packets of a call flow, both ways, up to and with the slot; `size` is UDP payload bytes.
    Late packets count as arrived here: delay is told by delay.
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
        """Why the epoch was run."""
        return self.epoch.question

    def on(self, *stages: str) -> Bits:
        """Which slots belong to these stages."""
        return np.array([stage in stages for stage in self.stage], np.bool_)

    @property
    def media(self) -> Bits:
        """Which slots carry media."""
        return self.on("media")

    def control_kinds(self) -> list[Bits]:
        """The keepalives and reports, kind by kind (by size): a box may take some for media and spare others."""
        control = self.on("control")
        return [control & (self.size == size) for size in np.unique(self.size[control])]

    def terms(self, extra: Floats) -> Floats:
        """(..., slots): each slot's gain where its extra loss is `extra` (..., slots) or (..., 1)."""
        return self.weight * self.known * self._gain(self.sent, self.lost, extra)

    def each(self, extra: Floats) -> Floats:
        """(flows, slots): the same call by call, for what may befall each in its own way: what makes calls unlike one
        another is then no doubt about it, only what makes twins unlike."""
        return self.twins_weight * self.known * self._gain(*self.calls, extra)

    def _gain(self, sent: Floats | Bits, lost: Floats | Bits, extra: Floats) -> Floats:
        odds = np.log1p((1.0 - self.chance) * extra / self.chance)
        return np.asarray(lost * odds + (sent * 1.0 - lost) * np.log1p(-extra))


@dataclass(frozen=True, eq=False)
class View:
    """One arm: its epochs of every question, and the whole check around it. `ways`: the directions looked at;
    `stillborn` calls (see `fates`) are left out."""

    facts: Facts
    epochs: tuple[Epoch, ...]
    ways: tuple[Direction, ...] = DIRECTIONS
    stillborn: frozenset[tuple[int, int]] = frozenset()

    @cached_property
    def sides(self) -> tuple[Side, ...]:
        """The directions of every epoch that has calls beside twins."""
        of_epochs = (sides(epoch, self._without(epoch)) for epoch in self.explained)
        return tuple(side for both in of_epochs for side in both if side.direction in self.ways)

    def _without(self, epoch: Epoch) -> frozenset[int]:
        return frozenset(flow for number, flow in self.stillborn if number == epoch.number)

    @cached_property
    def explained(self) -> tuple[Epoch, ...]:
        """The epochs behind `sides`."""
        return tuple(e for e in self.epochs if e.question in EXPLAINED and not e.missing)

    @cached_property
    def accusing(self) -> tuple[Epoch, ...]:
        """The epochs that may accuse."""
        return tuple(e for e in self.epochs if e.question in ("battery", "watch") and not e.missing)

    def asked(self, question: str, value: float | str | None = None, packets: int = 0) -> int:
        """How many epochs put that question (with that value, if one is given, and at least so many media packets)."""
        return sum(
            e.question == question and value in (None, e.value) and e.up.stage.count("media") >= packets
            for e in self.epochs
        )

    @cached_property
    def worse(self) -> tuple[Direction, ...]:
        """The ways in which calls lose more by the exact test, too; all where none shows it. Slots have patterns of
        their own behind policers and queues, and a rule with a pattern finds some of it in the other way as well."""
        return tuple(way for way in self.ways if _worse(self.accusing, way)) or self.ways

    @property
    def header_bytes(self) -> int:
        """IP and UDP headers of one packet (RFC 791, 8200, 768)."""
        return 48 if self.facts.family == 6 else 28


def _worse(epochs: Sequence[Epoch], way: Direction) -> bool:
    """Over all flows, or in most epochs: the few that are bad by themselves may all be twins."""
    if loss.log_e(epochs, way) < WORSE_LOG_E:
        return False
    return max(_excess(epochs, way), median(_excess([epoch], way) for epoch in epochs)) >= WORSE_LOSS


def _excess(epochs: Sequence[Epoch], way: Direction) -> float:
    """How much more of what they sent calls lose than twins."""
    calls, twins = (loss_rate(epochs, way, role) or 0.0 for role in ROLES)
    return calls - twins


def view_of(facts: Facts, arm: Arm) -> View:
    """The view of one arm."""
    return View(facts, tuple(epoch for epoch in facts.epochs if epoch.arm == arm))


@per_epoch
def sides(epoch: Epoch, without: frozenset[int] = frozenset()) -> tuple[Side, ...]:
    """Up and down; none where no call or no twin sent anything. `without`: calls that are left out."""
    calls = {way: _counts(epoch, way, calls=True, without=without) for way in DIRECTIONS}
    twins = {way: _counts(epoch, way, calls=False) for way in DIRECTIONS}
    before = before_each(epoch)
    found = []
    for way in DIRECTIONS:
        plan, (sent, lost), (twin_sent, twin_lost) = track(epoch, way), calls[way], twins[way]
        if not len(sent) or not len(twin_sent):
            continue
        unlike = _dispersion(twin_sent, twin_lost)
        size = np.array(plan.size, np.float64)
        of_twins, lost_twins = (rows.sum(axis=0, dtype=np.float64) for rows in (twin_sent, twin_lost))
        chance, doubt = _chance(of_twins, lost_twins, size, unlike)
        of_calls = sent.sum(axis=0, dtype=np.float64)
        found.append(
            Side(
                epoch,
                way,
                np.array(plan.at_ms, np.float64) / 1000.0,
                size,
                before[way],
                plan.stage,
                of_calls,
                lost.sum(axis=0, dtype=np.float64),
                chance,
                1.0 / max(_dispersion(sent, lost), unlike),
                1.0 / unlike,
                (sent, lost),
                1.0 / (1.0 + np.maximum(0.0, of_calls - 1.0) * doubt),
            )
        )
    return tuple(found)


def arrivals(
    epoch: Epoch, direction: Direction, *, calls: bool, without: frozenset[int] = frozenset()
) -> tuple[Bits, Bits]:
    """(sent, arrived), each (flows, slots), of calls or of random twins; late packets arrived."""
    size = len(track(epoch, direction).stage)
    chosen = is_call if calls else is_twin
    flows = [flow for flow in pick(epoch, direction, chosen, chosen) if flow.flow not in without]
    sent = bitmaps([flow.sent for flow in flows], size)
    arrived = bitmaps([flow.arrived for flow in flows], size) | bitmaps([flow.late for flow in flows], size)
    return sent, arrived


def _counts(
    epoch: Epoch, direction: Direction, *, calls: bool, without: frozenset[int] = frozenset()
) -> tuple[Bits, Bits]:
    """(sent, lost) of the flows that fared like most of their kind, each until it came back from the dead."""
    sent, arrived = arrivals(epoch, direction, calls=calls, without=without)
    sent = first_life(sent, arrived, np.array(track(epoch, direction).size, np.float64))
    lost = sent & ~arrived
    usual = _usual(sent.sum(axis=1), lost.sum(axis=1))
    return sent[usual], lost[usual]


def _usual(packets: Floats, losses: Floats) -> Bits:
    """Which flows a mechanism may be read from: a rule treats calls alike, but paths, queues and translators are bad to
    single 5-tuples. Out go those that lost far more than the middle one, and never more than ODD_SHARE."""
    rate = float(np.median(losses / np.maximum(packets, 1))) if len(packets) else 0.0
    over = losses - packets * rate
    spread = np.sqrt(packets * rate * (1.0 - rate) + 1.0)
    excess = over / np.maximum(spread, 1.483 * np.median(np.abs(over)) if len(over) else 0.0)
    odd = np.argsort(-excess, kind="stable")[: int(ODD_SHARE * len(excess))]
    usual = np.ones(len(excess), np.bool_)
    usual[odd[excess[odd] > ODD]] = False
    return usual


@per_epoch
def before_each(epoch: Epoch, later_s: float = 0.0) -> dict[Direction, Floats]:
    """Packets sent both ways, the mean over calls, up to and with each slot in order of time.

    The far end's packets pass a box later than ours of the same time in the schedule, by `later_s`.
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


def _chance(sent: Floats, lost: Floats, size: Floats, unlike: float) -> tuple[Floats, Floats]:
    """(chance, doubt) of `_drawn` for all slots, or for the small and the large apart where a line tells them apart."""
    large = size > _edge(sent, lost, size, unlike)
    chance, doubt = np.zeros((2, len(size)))
    for part in (~large, large):
        if part.any():
            chance[part], doubt[part] = _drawn(sent[part], lost[part])
    return chance, doubt


def _edge(sent: Floats, lost: Floats, size: Floats, unlike: float) -> float:
    """The size (bytes) above which twins fare unlike those below, infinite where nothing shows one."""
    edges = np.unique(size[sent > 0])[:-1]
    below = size[:, None] <= edges
    parts = [_flat(sent @ part, lost @ part) for part in (below, ~below)]
    gains = (parts[0] + parts[1] - _flat(sent.sum(), lost.sum())) / unlike
    return float(edges[np.argmax(gains)]) if len(edges) and gains.max() >= SIZED_NATS else float("inf")


def _flat(sent: Floats, lost: Floats) -> Floats:
    """The log-likelihood of losses at the rate that they have."""
    rate = np.clip(lost / np.maximum(sent, 1.0), 1e-9, 1.0 - 1e-9)
    return np.asarray(lost * np.log(rate) + (sent - lost) * np.log1p(-rate))


def _drawn(sent: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """The twins' chance of loss per slot, drawn towards their mean as far as slots do not differ more than chance; and
    how alike that makes the fates of two calls of a slot (the correlation within a beta-binomial)."""
    mean = (lost.sum() + 0.5) / (sent.sum() + 1.0)
    fits = [_beta_binomial(sent, lost, mean, spread) for spread in SPREADS]
    spread = next(s for s, fit in zip(SPREADS, fits, strict=True) if fit >= max(fits) - ALIKE_NATS)
    chance = np.clip((lost + spread * mean) / (sent + spread), 1e-3, 0.98)
    return np.asarray(chance), np.asarray(1.0 / (sent + spread + 1.0))


def _beta_binomial(sent: Floats, lost: Floats, mean: float, spread: float) -> float:
    a, b = spread * mean, spread * (1.0 - mean)
    pairs, counts = np.unique(np.stack([sent, lost]), axis=1, return_counts=True)
    fit = 0.0
    for (n, x), count in zip(pairs.T, counts, strict=True):
        fit += count * (lgamma(x + a) + lgamma(n - x + b) - lgamma(n + spread))
        fit -= count * (lgamma(a) + lgamma(b) - lgamma(spread))
    return fit


def _dispersion(sent: Bits, lost: Bits) -> float:
    """How much more the twins' losses differ from flow to flow than binomial counts do, at least 1."""
    packets, losses = sent.sum(axis=1), lost.sum(axis=1)
    usable = packets > 0
    packets, losses = packets[usable], losses[usable]
    if len(packets) < 2 or not losses.any() or losses.sum() == packets.sum():
        return 1.0
    mean = losses.sum() / packets.sum()
    chi2 = ((losses - packets * mean) ** 2 / (packets * mean * (1.0 - mean))).sum()
    return max(1.0, float(chi2) / (len(packets) - 1))
