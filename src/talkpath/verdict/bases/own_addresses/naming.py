"""Names the rule that explains best which packets of an epoch went unanswered, by likelihood.

Under each rule a packet of one slot is lost with the chance that the rule gives; what is not lost is answered as often
as the packets that the rule leaves alone. The best rule, less a price for each free number, is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.arrays import Bits, Floats
from talkpath.measure.endpoint_facts import ExpiringEpoch
from talkpath.verdict.bases.own_addresses.contrasts import (
    ADDRESS,
    Cell,
    Pair,
    Slots,
    answer_bits,
    answer_contrast,
    cells_of,
    flows_of,
)
from talkpath.verdict.model import Number
from talkpath.verdict.rules.rule import PARAMETER_PRICE_NATS, SURE_LOSS, Parameters

RULES_OF_STAGES = {
    "stun": "stun.drop",
    "allocate": "stun.drop",
    "dtls": "dtls.hello_drop",
    "reflector": "reflector.drop",
}
STAGE_ONSETS = (0, 4, 6, 8, 10, 12, 16, 20)
SPREAD = 2.0  # nats within which a packet count is as likely: a 95 % interval
LEAST_ANSWERED, MOST_ANSWERED = 0.02, 0.995


class NamedRule(NamedTuple):
    """A rule's id, its parameters, and the slots of an epoch on which it acts."""

    rule: str
    parameters: Parameters
    slots: Slots


class _Counts(NamedTuple):
    """Slots of all epochs, one after the other: how many packets of treated flows were answered and how many were not,
    the slot's place in its flow, its stage; and the share of other packets that was answered."""

    answered: Floats
    unanswered: Floats
    place: NDArray[np.intp]
    stage: NDArray[np.str_]
    usual: float


class _Model(NamedTuple):
    """One rule with its numbers: `gain` above "nothing is dropped", the slots on which it acts, its parameters."""

    rule: str
    gain: float
    slots: Slots
    measure: Callable[[], Parameters] = dict


def name_rule(epochs: Sequence[ExpiringEpoch], pair: Pair, seed: bytes) -> NamedRule:
    """Name the rule by which the treated cells fare worse. Those of `ADDRESS` are held back whatever they carry."""
    calls = [epoch for epoch in epochs if epoch.carries == "call"]
    if not calls:
        return _of_greetings(epochs, seed)
    models = _rule_models(_slot_counts(calls, pair), calls, pair, seed)
    best = max(models, key=lambda model: model.gain)
    return NamedRule(best.rule, best.measure(), best.slots)


def _of_greetings(epochs: Sequence[ExpiringEpoch], seed: bytes) -> NamedRule:
    """Greetings alone: none passes, or some do."""
    if _answered_rate(epochs, ADDRESS.treated, ADDRESS, every_slot) == 0.0:
        return NamedRule("address.block", {}, every_slot)
    return NamedRule("media.drop", {"p": _share_interval(epochs, ADDRESS, seed, every_slot)}, every_slot)


def every_slot(epoch: ExpiringEpoch) -> Bits:
    """Every slot of an epoch."""
    return np.ones(len(epoch.size), np.bool_)


def _slots_after(epoch: ExpiringEpoch, first: int) -> Bits:
    return np.arange(len(epoch.size)) >= first


def _of_stages(epoch: ExpiringEpoch, stages: frozenset[str]) -> Bits:
    return np.array([stage in stages for stage in epoch.stage], np.bool_)


def _flowing_slots(epoch: ExpiringEpoch, stages: frozenset[str], first: int) -> Bits:
    return _of_stages(epoch, stages) & _slots_after(epoch, first)


def _slot_counts(epochs: Sequence[ExpiringEpoch], pair: Pair) -> _Counts:
    answered, unanswered, others_sent, others_came = [], [], 0, 0
    for epoch in epochs:
        treated, control = (answer_bits(epoch, flows_of(epoch, cells)) for cells in cells_of(epoch, pair))
        answered.append(treated[1].sum(axis=0))
        unanswered.append(treated[0].sum(axis=0) - answered[-1])
        others_sent += int(control[0].sum())
        others_came += int(control[1].sum())
    return _Counts(
        answered=np.concatenate(answered).astype(np.float64),
        unanswered=np.concatenate(unanswered).astype(np.float64),
        place=np.concatenate([np.arange(len(epoch.size)) for epoch in epochs]),
        stage=np.concatenate([np.array(epoch.stage) for epoch in epochs]),
        usual=min(MOST_ANSWERED, max(LEAST_ANSWERED, others_came / max(1, others_sent))),
    )


def _rule_models(counts: _Counts, epochs: Sequence[ExpiringEpoch], pair: Pair, seed: bytes) -> Iterator[_Model]:
    def on(slots: Slots) -> Bits:
        return np.concatenate([slots(epoch) for epoch in epochs])

    def model(rule: str, slots: Slots, share: float | None, numbers: int, **given: Callable[[], Parameters]) -> _Model:
        acts = on(slots)
        lost = acts.astype(np.float64) * (_dropped_share(counts, acts) if share is None else share)
        return _Model(rule, _model_gain(counts, lost, numbers), slots, **given)

    by_address = pair == ADDRESS
    yield model("address.block" if by_address else "flow.block", every_slot, SURE_LOSS, 0)
    for rule, stages in () if by_address else _set_up(frozenset(counts.stage.tolist())):
        yield model(rule, partial(_of_stages, stages=stages), SURE_LOSS, 0)
    cuts = np.array(
        [
            _model_gain(counts, np.where(counts.place >= cut, SURE_LOSS, 0.0), 1)
            for cut in range(1, int(counts.place.max()) + 1)
        ]
    )
    if len(cuts):
        after, freeze = 1 + int(np.argmax(cuts)), "udp.freeze" if by_address else "media.freeze"
        yield model(
            freeze, partial(_slots_after, first=after), SURE_LOSS, 1, measure=partial(_packets_before_cut, cuts)
        )
    for slots, numbers in ((every_slot, 1),) if by_address else _talk_slots():
        if on(slots).any():
            yield model("media.drop", slots, None, numbers, measure=partial(_drop_share, epochs, pair, seed, slots))


def _talk_slots() -> Iterator[tuple[Slots, int]]:
    """The slots that a rule about media acts on: media, with or without control packets in between, once a call was
    recognised; and how many free numbers that has."""
    for stages in (frozenset(("media",)), frozenset(("media", "control"))):
        for onset in STAGE_ONSETS:
            yield partial(_flowing_slots, stages=stages, first=onset), 1 + (onset > 0)


def _set_up(stages: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Which stages the rules about set-up messages drop: one, with or without what keeps a call alive."""
    for stage, rule in RULES_OF_STAGES.items():
        if stage in stages:
            yield rule, frozenset((stage,))
            yield rule, frozenset((stage, "control"))


def _model_gain(counts: _Counts, lost: Floats, numbers: int) -> float:
    """Log-likelihood above "nothing is dropped", less the price of free numbers."""
    passes = counts.usual * (1.0 - lost)
    gain = counts.answered * np.log(passes / counts.usual)
    gain += counts.unanswered * np.log((1.0 - passes) / (1.0 - counts.usual))
    return float(gain.sum()) - PARAMETER_PRICE_NATS * numbers


def _dropped_share(counts: _Counts, acts: Bits) -> float:
    """The share that is dropped of these slots."""
    answered, unanswered = counts.answered[acts].sum(), counts.unanswered[acts].sum()
    share = answered / max(1.0, answered + unanswered) / counts.usual
    return float(min(SURE_LOSS, max(0.0, 1.0 - share)))


def _drop_share(epochs: Sequence[ExpiringEpoch], pair: Pair, seed: bytes, slots: Slots) -> Parameters:
    return {"p": _share_interval(epochs, pair, seed, slots)}


def _share_interval(epochs: Sequence[ExpiringEpoch], pair: Pair, seed: bytes, slots: Slots) -> Number:
    """The share that is dropped, with an exact interval of 99 %."""
    found = answer_contrast(epochs, pair, seed, slots)
    treated, control = (_answered_rate(epochs, cells, pair, slots) for cells in pair)
    estimate = 1.0 - treated / control if control else 1.0
    return Number(round(min(max(estimate, found.low), found.high), 3), found.low, found.high)


def _answered_rate(epochs: Sequence[ExpiringEpoch], cells: frozenset[Cell], pair: Pair, slots: Slots) -> float:
    """The share of packets that was answered, in the treated cells of `pair` or in the others."""
    sent = came = 0
    for epoch in epochs:
        both = cells_of(epoch, pair)
        flows = flows_of(epoch, both.treated if cells == pair.treated else both.control)
        left, answered = (each[:, slots(epoch)] for each in answer_bits(epoch, flows))
        sent, came = sent + int(left.sum()), came + int(answered.sum())
    return came / sent if sent else 0.0


def _packets_before_cut(cuts: Floats) -> Parameters:
    """After how many packets flows are cut off: all counts that are nearly as likely as the best."""
    likely = 1 + np.flatnonzero(cuts >= cuts.max() - SPREAD)
    best = 1 + int(np.argmax(cuts))
    return {"after_packets": Number(float(best), float(likely[0]), float(likely[-1]))}
