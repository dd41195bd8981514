"""Messages between a client and Telegram's call reflectors.

Every datagram starts with a 16-byte tag. libtgvoip (capture telegram__a, 2020) uses one tag for the whole call; tgcalls
v2 (source: its ReflectorPort, no capture) keeps the call's first 12 bytes and ends in the 4 bytes of the destination
client. Twelve bytes FF after the tag mark a message to or from the reflector itself; it forwards anything else as data.
libtgvoip's data is encrypted from byte 16 on and has no form that could be decoded here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from talkpath.errors import WireError
from talkpath.wire.ip.address import Address

REFLECTOR_TAG_BYTES: Final = 16
CALL_TAG_BYTES: Final = 12
DATA_BYTES: Final = 24
MOST_STREAMED_BYTES: Final = 1 << 14
HELLO_QUERY: Final = (123).to_bytes(8, "big")

_MARK: Final = b"\xff" * 12
_ASK_SELF: Final = _MARK + b"\xfe\xff\xff\xff"
_ASK_PEER: Final = _MARK + b"\xff\xff\xff\xff"
_TELL_SELF: Final = _MARK + (0xC01572C7).to_bytes(4, "little")
_TELL_PEER: Final = _MARK + (0x27D9371C).to_bytes(4, "little")
_MAPPED: Final = bytes(10) + b"\xff\xff"
_SELF = struct.Struct("<I8s16sI")
_PEER = struct.Struct("<4sI4sI")


@dataclass(frozen=True, slots=True)
class Ping:
    """40 bytes: a reachability query. `query` is 8 bytes that the answer repeats; tgcalls v2 always sends
    HELLO_QUERY."""

    tag: bytes
    query: bytes

    @property
    def is_hello(self) -> bool:
        """Whether it is tgcalls v2's."""
        return self.query == HELLO_QUERY


@dataclass(frozen=True, slots=True)
class SelfInfo:
    """64 bytes, the answer to a ping: the reflector's clock and the source address it saw."""

    tag: bytes
    unix_s: int
    query: bytes
    seen: Address = field(repr=False)


@dataclass(frozen=True, slots=True)
class PeerRequest:
    """32 bytes: a request for the peer's address."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """48 bytes: the addresses of both ends as the reflector sees them (IPv4)."""

    tag: bytes
    own: Address = field(repr=False)
    peer: Address = field(repr=False)


@dataclass(frozen=True, slots=True)
class Data:
    """Data of tgcalls v2: `inner` (STUN, DTLS or SRTP) from client `sender` to the client in `tag`'s last 4 bytes."""

    tag: bytes
    sender: bytes
    inner: bytes = field(repr=False)


ReflectorFrame = Ping | SelfInfo | PeerRequest | PeerInfo | Data


def encode_frame(frame: ReflectorFrame) -> bytes:
    """Encode a frame as a datagram; `WireError` for fields of a wrong length."""
    if len(frame.tag) != REFLECTOR_TAG_BYTES:
        raise WireError("A reflector tag has 16 bytes.")
    match frame:
        case Ping(tag, query):
            return tag + _ASK_SELF + _sized_field(query, 8)
        case SelfInfo(tag, unix_s, query, seen):
            address = _MAPPED + seen.packed if seen.family == 4 else seen.packed
            return tag + _TELL_SELF + _SELF.pack(unix_s, _sized_field(query, 8), address, seen.port)
        case PeerRequest(tag):
            return tag + _ASK_PEER
        case PeerInfo(tag, own, peer):
            ends = _sized_field(own.packed, 4), own.port, _sized_field(peer.packed, 4), peer.port
            return tag + _TELL_PEER + _PEER.pack(*ends)
        case Data(tag, sender, inner):
            return tag + _sized_field(sender, 4) + len(inner).to_bytes(4, "big") + inner + bytes(-len(inner) % 4)


def decode_frame(data: bytes) -> ReflectorFrame:
    """Decode one frame; `WireError` for any other bytes, such as libtgvoip's encrypted data."""
    tag, rest = data[:REFLECTOR_TAG_BYTES], data[REFLECTOR_TAG_BYTES:]
    if rest[:12] == _MARK:
        return _special_frame(tag, rest[:16], rest[16:])
    size = int.from_bytes(rest[4:8], "big")
    if len(rest) >= 8 and len(rest) == 8 + size + -size % 4 and not any(rest[8 + size :]):
        return Data(tag, rest[:4], rest[8 : 8 + size])
    raise WireError("These bytes are no message of a reflector: no mark, and no length that fits.")


def is_special(data: bytes) -> bool:
    """Whether it carries the mark of a message to or from the reflector itself."""
    return len(data) >= 32 and data[16:28] == _MARK


def _special_frame(tag: bytes, kind: bytes, body: bytes) -> ReflectorFrame:
    if kind == _ASK_SELF and len(body) == 8:
        return Ping(tag, body)
    if kind == _ASK_PEER and not body:
        return PeerRequest(tag)
    if kind == _TELL_SELF and len(body) == _SELF.size:
        unix_s, query, packed, port = _SELF.unpack(body)
        return SelfInfo(tag, unix_s, query, _address(packed, port))
    if kind == _TELL_PEER and len(body) == _PEER.size:
        own, own_port, peer, peer_port = _PEER.unpack(body)
        return PeerInfo(tag, _address(own, own_port), _address(peer, peer_port))
    raise WireError("A reflector's message of an unknown kind or a wrong length.")


def _address(packed: bytes, port: int) -> Address:
    if port > 0xFFFF:
        raise WireError("A reflector's message with a port above 65535.")
    return Address(packed[12:] if packed[:12] == _MAPPED else packed, port)


def _sized_field(value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise WireError(f"A field of a reflector's message needs {size} bytes.")
    return value


@dataclass(slots=True)
class ReflectorStream:
    """Telegram's reflectors over TCP (tgcalls, RawTcpSocket): four bytes EE, then each packet behind its length."""

    rest: bytes = b""
    begun: bool = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the packets that `piece` completes."""
        data, at, found = self.rest + piece, 0 if self.begun else 4, []
        while at + 4 <= len(data):
            size = int.from_bytes(data[at : at + 4], "little")
            if size > MOST_STREAMED_BYTES:
                raise WireError("This stream is not Telegram's: a length is too large.")
            if at + 4 + size > len(data):
                break
            found.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        self.rest, self.begun = data[at:], self.begun or at >= 4
        return found

    @property
    def pending(self) -> int:
        """How many bytes of a packet that has begun are kept."""
        return len(self.rest)
