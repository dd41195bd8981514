"""Estimates how much work facts would cause, from the lengths of their lists, before any of them is unpacked.

Contract: nothing is unpacked here: lists are skipped as bytes, and only the count in front of each is read
(MessagePack's array headers). `measure.decode` compares `facts_work` with its limits, and a queue may order bundles by
it. Judging keeps some numbers for each slot of each flow: that takes memory. It simulates each slot under each
mechanism, and draws conclusions from each epoch with all before it: so an arm takes time for its slots, and for its
epochs squared.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from talkpath.measure.bounds import MOST_EPOCHS, Word

SLOT_S, EPOCH_S = 0.0005, 0.004  # of judging: per slot of a schedule; per pair of epochs of one arm (measured)
FLOW_CELLS: Final = 64  # cost of a flow without packets, in slots


class Work(NamedTuple):
    """`cells`: flows times slots, over all epochs; `slots` of all schedules together; `epochs` of the arm that has
    most; `seconds` of processor time that judging takes at most, roughly: if every arm is restricted, on a machine of
    2024."""

    cells: int
    slots: int
    epochs: int
    seconds: float


class _Track(Struct, frozen=True, gc=False):
    at_ms: Raw
    size: Raw
    stage: Raw

    @property
    def slots(self) -> int:
        """Its slots, counted from the heads of the packed arrays: the longest counts."""
        return max(map(_array_length, (self.at_ms, self.size, self.stage)))


class _Epoch(Struct, frozen=True):
    app: Word
    variant: Word
    medium: Word
    up: _Track
    down: _Track
    flows: Raw

    @property
    def size(self) -> tuple[int, int]:
        """(flows, slots), both directions."""
        return _array_length(self.flows), self.up.slots + self.down.slots


class _Facts(Struct, frozen=True):
    epochs: Annotated[tuple[_Epoch, ...], Meta(max_length=MOST_EPOCHS)] = ()


_outlines = msgspec.msgpack.Decoder(_Facts)


def facts_work(data: bytes) -> Work:
    """Return the work that facts, as MessagePack, would cause; `msgspec.MsgspecError` if they are not facts."""
    arms: dict[tuple[str, str, str], list[tuple[int, int]]] = defaultdict(list)
    for epoch in _outlines.decode(data).epochs:
        arms[epoch.app, epoch.variant, epoch.medium].append(epoch.size)
    sizes = arms.values()
    slots = sum(slots for epochs in sizes for _, slots in epochs)
    return Work(
        cells=sum(flows * (slots + FLOW_CELLS) for epochs in sizes for flows, slots in epochs),
        slots=slots,
        epochs=max(map(len, sizes), default=0),
        seconds=SLOT_S * slots + EPOCH_S * sum(len(epochs) ** 2 for epochs in sizes),
    )


def _array_length(raw: Raw) -> int:
    """Return how many elements an encoded array has (MessagePack: fixarray, array 16, array 32)."""
    data = bytes(memoryview(raw)[:5])
    if data[0] & 0xF0 == 0x90:
        return data[0] & 0x0F
    if data[0] in (0xDC, 0xDD):
        return int.from_bytes(data[1 : 3 if data[0] == 0xDC else 5], "big")
    raise msgspec.ValidationError("Expected `array`")
