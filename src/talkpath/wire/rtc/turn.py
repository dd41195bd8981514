"""Unwraps what TURN (RFC 8656) and ICE-TCP (RFC 4571) put around other packets, on datagrams and on byte streams.

Contract: the stream splitters return the same packets however the stream is cut into pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from talkpath.errors import WireError
from talkpath.wire.rtc import stun

FIRST_CHANNEL: Final = 0x4000
LAST_CHANNEL: Final = 0x4FFF


@dataclass(frozen=True, slots=True)
class ChannelData:
    """A ChannelData message (RFC 8656 section 12.4). `padded`: zeros to a multiple of four follow, as on TCP."""

    channel: int
    data: bytes
    padded: bool = False


def is_channel_data(data: bytes) -> bool:
    """Whether the first byte is 64 to 79 (RFC 7983) and the length fits, up to three bytes of padding."""
    if len(data) < 4 or not 0x40 <= data[0] <= 0x4F:
        return False
    return 0 <= len(data) - 4 - int.from_bytes(data[2:4], "big") <= 3


def decode(data: bytes) -> ChannelData:
    """Decode one ChannelData message. `WireError` if the length does not fit."""
    size = int.from_bytes(data[2:4], "big")
    left = len(data) - 4 - size
    if not is_channel_data(data) or left not in (0, -size % 4):
        raise WireError("These bytes are not one ChannelData message: channel or length do not fit.")
    return ChannelData(int.from_bytes(data[:2], "big"), data[4 : 4 + size], padded=left > 0)


def encode(message: ChannelData) -> bytes:
    """Encode `message`."""
    if not FIRST_CHANNEL <= message.channel <= LAST_CHANNEL or len(message.data) > 0xFFFF:
        raise WireError("A ChannelData message has a channel from 0x4000 to 0x4FFF and at most 65535 bytes.")
    head = message.channel.to_bytes(2, "big") + len(message.data).to_bytes(2, "big")
    return head + message.data + (bytes(-len(message.data) % 4) if message.padded else b"")


def inner(data: bytes) -> bytes | None:
    """Return the packet inside a Send or Data indication or a ChannelData message, None if `data` is none of them."""
    if is_channel_data(data):
        return data[4 : 4 + int.from_bytes(data[2:4], "big")]
    if data[:2] not in (b"\x00\x16", b"\x00\x17") or not stun.is_stun(data):
        return None
    try:
        return stun.decode(data).get(stun.Attribute.DATA)
    except WireError:
        return None


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
                end = at + stun.HEADER_BYTES + size
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


def frame(packet: bytes) -> bytes:
    """Return `packet` with its length in front, as RFC 4571 section 2 puts it on a stream."""
    if len(packet) > 0xFFFF:
        raise WireError("A framed packet has at most 65535 bytes.")
    return len(packet).to_bytes(2, "big") + packet
