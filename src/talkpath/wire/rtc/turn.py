"""Splits byte streams of TURN over TCP (RFC 8656) and of ICE-TCP (RFC 4571) into packets, and wraps packets for TURN.

Contract: the stream splitters return the same packets however the stream is cut into pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from talkpath.errors import WireError
from talkpath.wire.rtc import stun

FIRST_CHANNEL: Final = 0x4000


def to_channel(data: bytes, *, padded: bool) -> bytes:
    """A ChannelData message (RFC 8656 section 12.4) on the first channel; `padded` to a multiple of four, as on TCP."""
    head = FIRST_CHANNEL.to_bytes(2, "big") + len(data).to_bytes(2, "big")
    return head + data + (bytes(-len(data) % 4) if padded else b"")


def from_channel(message: bytes) -> bytes | None:
    """The packet in a ChannelData message of the first channel; None for any other message, or one cut short."""
    if int.from_bytes(message[:2], "big") != FIRST_CHANNEL or len(message) < 4:
        return None
    end = 4 + int.from_bytes(message[2:4], "big")
    return message[4:end] if end <= len(message) else None


@dataclass(slots=True)
class TurnStream:
    """Splits one direction of TURN over TCP (RFC 8656 section 3.1) into STUN messages and padded ChannelData."""

    _rest: bytes = field(default=b"", repr=False)

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the messages completed by `piece`. `WireError` if the stream cannot be TURN."""
        data, at, found = self._rest + piece, 0, []
        while at + 4 <= len(data):
            size = int.from_bytes(data[at + 2 : at + 4], "big")
            if data[at] < 0x40:
                end = at + stun.STUN_HEADER_BYTES + size
            elif data[at] <= 0x4F:
                end = at + 4 + size + -size % 4
            else:
                raise WireError("This stream is not TURN: neither STUN nor ChannelData starts here.")
            if end > len(data):
                break
            found.append(data[at:end])
            at = end
        self._rest = data[at:]
        return found

    @property
    def pending(self) -> int:
        """Return how many bytes of an incomplete packet are kept."""
        return len(self._rest)


@dataclass(slots=True)
class FramedStream:
    """One direction of an RFC 4571 stream: each packet follows its 16-bit length."""

    _rest: bytes = field(default=b"", repr=False)

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the packets completed by `piece`."""
        data, at, found = self._rest + piece, 0, []
        while at + 2 <= len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if end > len(data):
                break
            found.append(data[at + 2 : end])
            at = end
        self._rest = data[at:]
        return found

    @property
    def pending(self) -> int:
        """Return how many bytes of an incomplete packet are kept."""
        return len(self._rest)


def with_length(packet: bytes) -> bytes:
    """Return `packet` with its length in front, as RFC 4571 section 2 puts it on a stream."""
    if len(packet) > 0xFFFF:
        raise WireError("A framed packet has at most 65535 bytes.")
    return len(packet).to_bytes(2, "big") + packet
