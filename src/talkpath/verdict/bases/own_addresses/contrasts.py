"""Compares the four cells of epochs of packets that expire: which of two were answered less, and by how much.

Cells were drawn over the 5-tuples of an epoch, so that given what the network did to 5-tuples, any two cells are
exchangeable: the e-value and the interval are those of `statistics.answer_loss`. That holds for bytes. An address is
more than a label: two addresses may have different ways, and `reading` asks for more before it calls that a rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from talkpath.measure.arrays import Bits
from talkpath.measure.bitmap import unpack_bitmap_rows
from talkpath.measure.endpoint_facts import ExpiringEpoch, ExpiringFlow
from talkpath.measure.facts import Role
from talkpath.verdict.statistics.answer_loss import Tally, answer_log_e, answer_loss
from talkpath.verdict.statistics.permutation import even_log_weights, log_mean

Cell = tuple[Role, bool]
"""(bytes, towards the neutral address)."""
CALL_HERE: Cell = ("call", False)
TWIN_HERE: Cell = ("twin", False)
CALL_THERE: Cell = ("call", True)
TWIN_THERE: Cell = ("twin", True)


Slots = Callable[[ExpiringEpoch], Bits]
"""Which slots of an epoch count."""


class Pair(NamedTuple):
    """Treated cells, and those that they are compared with."""

    treated: frozenset[Cell]
    control: frozenset[Cell]


SHAPE_HERE = Pair(frozenset((CALL_HERE,)), frozenset((TWIN_HERE,)))
SHAPE_THERE = Pair(frozenset((CALL_THERE,)), frozenset((TWIN_THERE,)))
ADDRESS = Pair(frozenset((TWIN_HERE,)), frozenset((TWIN_THERE,)))
SHAPE = Pair(SHAPE_HERE.treated | SHAPE_THERE.treated, SHAPE_HERE.control | SHAPE_THERE.control)
CALL_ADDRESS = Pair(frozenset((CALL_HERE,)), frozenset((CALL_THERE,)))
ANY_ADDRESS = Pair(frozenset((CALL_HERE, TWIN_HERE)), frozenset((CALL_THERE, TWIN_THERE)))
PAIRS = (SHAPE_HERE, SHAPE_THERE, ADDRESS)
"""Those that may accuse."""


class AnswerContrast(NamedTuple):
    """The extra share of treated packets without an answer, `low` to `high` at 99 %, and the natural log e that there
    is any. `epochs`: how many compare."""

    low: float
    high: float
    log_e: float
    epochs: int


def answer_contrast(
    epochs: Sequence[ExpiringEpoch], pair: Pair, seed: bytes, slots: Slots | None = None
) -> AnswerContrast:
    """Compare over all these epochs together, by `slots` alone where they are given. Greetings of both forms count as
    one kind: towards an address none of them is a call."""
    rounds = [tally for epoch in epochs if (tally := _answer_tally(epoch, pair, slots)) is not None]
    return AnswerContrast(*answer_loss(rounds, seed), answer_log_e(rounds, seed), len(rounds))


def any_part(epochs: Sequence[ExpiringEpoch], pair: Pair, seed: bytes) -> AnswerContrast:
    """Compare by all slots, by those of the set-up alone and by the later half alone, since a rule may act on a part:
    the mean of the three e-values is one. `low` is that of the part that shows most, `high` that of the one least
    known."""
    found = [answer_contrast(epochs, pair, seed, slots) for slots in (None, setup_slots, later_slots)]
    log_e = float(log_mean(np.array([one.log_e for one in found]), even_log_weights(len(found))))
    return AnswerContrast(max(one.low for one in found), max(one.high for one in found), log_e, found[0].epochs)


def setup_slots(epoch: ExpiringEpoch) -> Bits:
    """The slots of a call's set-up; all of them where there is nothing else."""
    setup = np.array([stage not in ("media", "control") for stage in epoch.stage], np.bool_)
    return setup if setup.any() else np.ones(len(epoch.stage), np.bool_)


def later_slots(epoch: ExpiringEpoch) -> Bits:
    """The later half of the slots."""
    return np.arange(len(epoch.stage)) >= len(epoch.stage) // 2


def cells_of(epoch: ExpiringEpoch, pair: Pair) -> Pair:
    """Return the cells that this epoch compares for that pair."""
    return ANY_ADDRESS if pair == ADDRESS and epoch.carries == "greeting" else pair


def flows_of(epoch: ExpiringEpoch, cells: Iterable[Cell]) -> list[ExpiringFlow]:
    """Return the flows of these cells."""
    wanted = frozenset(cells)
    return [flow for flow in epoch.flows if (flow.role, flow.neutral) in wanted]


def answer_bits(epoch: ExpiringEpoch, flows: Sequence[ExpiringFlow]) -> tuple[Bits, Bits]:
    """Return (sent, answered), each (flows, slots)."""
    size = len(epoch.size)
    sent = unpack_bitmap_rows([flow.sent for flow in flows], size)
    return sent, sent & unpack_bitmap_rows([flow.answered for flow in flows], size)


def _answer_tally(epoch: ExpiringEpoch, pair: Pair, slots: Slots | None) -> Tally | None:
    if epoch.carries == "greeting" and pair != ADDRESS:
        return None
    pair = cells_of(epoch, pair)
    flows = [] if epoch.missing else flows_of(epoch, pair.treated | pair.control)
    sent, answered = (each if slots is None else each[:, slots(epoch)] for each in answer_bits(epoch, flows))
    left = sent.sum(axis=1).astype(np.float64)
    treated = np.array([(flow.role, flow.neutral) in pair.treated for flow in flows], np.bool_)[left > 0]
    if not treated.any() or treated.all():
        return None
    label = f"{epoch.number}/{sorted(pair.treated)}"
    return Tally(treated, left[left > 0], answered.sum(axis=1).astype(np.float64)[left > 0], label)
