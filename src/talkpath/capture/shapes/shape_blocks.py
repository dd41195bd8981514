"""Cuts the packets of a call into blocks: sizes, gaps and kinds of consecutive packets of one direction.

The beginning of a call is kept apart, in finer pieces, as it differs: bit rates open, names in headers end, probes are
sent. Steady blocks are chosen evenly over all recordings and written in an order of their own, so that no call can be
put together again from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.fields import SteppedField
from talkpath.apps.recorded.record import BlockPacket, PacketBlock
from talkpath.capture.shapes.shape_setup import NamedPacket

OPENING_MS: Final = (0, 500, 1000, 2000, 3000)
STEADY_BLOCK_MS: Final = 1000.0
MAX_GAP_MS: Final = 3_000.0  # a longer pause is a hold, or lies between two calls of one flow
MAX_PACKETS_A_BLOCK: Final = 150

Sequenced = list[tuple[float, BlockPacket]]
"""Packets with ms since the media of their direction began."""


def sequence_packets(packets: Sequence[NamedPacket]) -> Sequenced:
    """Return one direction's packets of a call, in order of time, with gaps and steps of timestamps."""
    out: Sequenced = []
    ticks = dict[str, int]()
    begin_s = before_s = packets[0].read.packet.at_s if packets else 0.0
    for one in packets:
        read, step = one.read, 0
        if read.tick is not None:
            stream = next((field.name for field in read.fields or () if isinstance(field, SteppedField)), "")
            step = (read.tick - ticks.get(stream, read.tick)) & 0xFFFFFFFF
            ticks[stream] = max(read.tick, ticks.get(stream, 0)) if step >= 1 << 31 else read.tick
            step = 0 if step >= 1 << 31 else step
        gap_ms = round(min((read.packet.at_s - before_s) * 1000, MAX_GAP_MS), 1)
        before_s = read.packet.at_s
        out.append(((before_s - begin_s) * 1000, BlockPacket(one.kind, gap_ms, read.size, step)))
    return out


def cut_blocks(
    calls: Sequence[Sequenced], direction: Direction, max_packets: int, max_openings: int
) -> Iterator[PacketBlock]:
    """Yield the blocks of one direction; its steady ones have `max_packets` packets in all at most, and of each part of
    the beginning there are `max_openings`."""
    steady: list[tuple[BlockPacket, ...]] = []
    groups: dict[int, list[tuple[BlockPacket, ...]]] = {after_ms: [] for after_ms in OPENING_MS[:-1]}
    for packets in calls:
        for after_ms, piece in _cut(packets):
            target = groups.get(after_ms)
            if target is None:
                steady.append(piece)
            elif len(target) < max_openings:
                target.append(piece)
    if not steady:  # a short call: all of it is its beginning
        steady = [piece for pieces in groups.values() for piece in pieces]
        groups = {0: []}
    chosen = _chosen(steady, max_packets)
    groups[OPENING_MS[-1] if groups[0] else 0] = sorted(
        chosen, key=lambda piece: hashlib.sha256(repr(piece).encode()).digest()
    )
    for after_ms, pieces in groups.items():
        for piece in pieces:
            yield PacketBlock(direction=direction, after_ms=after_ms, packets=piece)


def _cut(packets: Sequenced) -> list[tuple[int, tuple[BlockPacket, ...]]]:
    pieces: list[tuple[int, list[BlockPacket]]] = []
    begun_ms = 0.0
    for at_ms, packet in packets:
        after_ms = max(edge for edge in OPENING_MS if edge <= max(at_ms, 0.0))
        full = pieces and (len(pieces[-1][1]) >= MAX_PACKETS_A_BLOCK or at_ms - begun_ms >= STEADY_BLOCK_MS)
        if not pieces or pieces[-1][0] != after_ms or full:
            pieces.append((after_ms, []))
            begun_ms = at_ms
        pieces[-1][1].append(packet)
    return [(after_ms, tuple(piece)) for after_ms, piece in pieces]


def _chosen(pieces: list[tuple[BlockPacket, ...]], max_packets: int) -> list[tuple[BlockPacket, ...]]:
    """Return as many pieces as fit, evenly from all."""
    every = sum(map(len, pieces))
    count = min(len(pieces), max(1, int(len(pieces) * max_packets / every))) if every else 0
    return [pieces[number * len(pieces) // count] for number in range(count)]
