"""Reads a capture a block at a time, as far as no packet of an earlier block is needed: frames, packets, and the
datagrams inside what carries others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from talkpath.capture.packets.cues import CueTable
from talkpath.capture.packets.datagrams import Datagrams, open_payloads
from talkpath.wire.pcap import UDP, Frames, Packets, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments, ReassemblyBudget
from talkpath.wire.pcap.read import BLOCK_BYTES
from talkpath.wire.pcap.window import ByteSource


@dataclass(slots=True)
class Block:
    """The frames of one block and their packets. Each UDP packets have their datagrams beside them, of which the flows
    are not known yet."""

    frames: Frames
    packets: list[tuple[Packets, Datagrams | None]]


class Reader:
    """Reads one capture. `unread` counts what could not be read."""

    def __init__(self, wrappings: CueTable, budget: ReassemblyBudget, block_bytes: int = BLOCK_BYTES) -> None:
        self.unread, self._block_bytes = Unread(), block_bytes
        self._wrappings = wrappings
        self._fragments = Fragments(self.unread, budget)

    def block(self, frames: Frames) -> Block:
        """Read one block."""
        found = transport_packets(frames, self.unread, self._fragments)
        return Block(
            frames,
            [
                (packets, open_packets(packets, self._wrappings) if packets.protocol[0] == UDP else None)
                for packets in found
            ],
        )

    def blocks(self, source: ByteSource) -> Iterator[Block]:
        """Read all blocks. Each is valid until the next is asked for."""
        for frames in frame_blocks(source, self.unread, self._block_bytes):
            if len(frames):
                yield self.block(frames)
        self._fragments.close()


def open_packets(packets: Packets, wrappings: CueTable) -> Datagrams:
    """Open the payloads of UDP packets."""
    return open_payloads(packets.data, packets.payload, packets.size, packets.captured, wrappings)
