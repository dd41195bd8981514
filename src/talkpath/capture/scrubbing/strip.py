"""Strips a datagram to the headers that the analysis reads, without contents.

STUN keeps its attributes' types and sizes, and values that name a provider but no person; addresses in it become
pseudonyms, identifiers become keyed hashes. RTP and RTCP keep their fixed headers, RTP the kinds of its extension's
elements, DTLS its handshake headers and what a hello asks for. Encrypted media keeps its first four bytes, by which
protocols are told apart, and a hash, by which copies are. All other bytes are zero.
"""

from __future__ import annotations

import struct

from talkpath.apps.contract.byte_hint import ByteHint
from talkpath.capture.scrubbing.pseudonym import Pseudonyms
from talkpath.errors import WireError
from talkpath.wire.rtc import reflector, rtp, stun
from talkpath.wire.rtc.dtls import UNIFIED_BYTES, UNIFIED_HEADER
from talkpath.wire.rtc.stun import Attribute
from talkpath.wire.tls import TLS_HEADER_BYTES, TURN_PROTOCOLS, client_hello_record, offered_protocols

NUMBER_ATTRIBUTES = frozenset(
    (
        Attribute.LIFETIME,
        Attribute.REQUESTED_TRANSPORT,
        Attribute.CHANNEL_NUMBER,
        Attribute.PRIORITY,
        Attribute.USE_CANDIDATE,
        Attribute.NETWORK_INFO,
        Attribute.NOMINATION,
        Attribute.GOOG_DELTA,
        *(0x8036, 0x8037, 0x8050, 0x8054, 0x8055, 0x8070),
    )
)
"""STUN attributes that hold a number which identifies nobody, in at most NUMBER_BYTES; longer values are something
else."""
NUMBER_BYTES = 4

ADDRESS_ATTRIBUTES = {
    Attribute.MAPPED_ADDRESS: False,
    Attribute.XOR_MAPPED_ADDRESS: True,
    Attribute.XOR_PEER_ADDRESS: True,
    Attribute.XOR_RELAYED_ADDRESS: True,
}
"""Attributes that hold an address, and whether it is masked (RFC 8489 section 14.2)."""

PROVIDER_NAMES = (b"signal.org", b"telegram.org", b"turner.facebook", b"viber.com", b"rtcmedia", b"turn.l.google.com")
KNOWN_WORDS = (b"EDGERAY_DEFAULT_USER",)
CERTIFICATE_MESSAGES = (b"\x0c\x08hangouts",)
USE_SRTP_EXTENSION = 14
HELLO_KEPT = frozenset((10, 11, 13, USE_SRTP_EXTENSION, 22, 23))
"""Extensions of a hello whose contents are kept: groups, point formats, signatures, SRTP profiles, two flags."""

SIP_METHODS = frozenset(
    b"INVITE ACK BYE CANCEL REGISTER OPTIONS NOTIFY SUBSCRIBE PRACK UPDATE MESSAGE INFO REFER PUBLISH".split()
)

KEPT_QUIC_VERSIONS = (bytes(4), b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf")
QUIC_DRAFTS = (b"\xff\x00\x00", b"Q04", b"Q05", b"T05")

RTP_KEPT, EXTENSION_KEPT, RTCP_KEPT, QUIC_KEPT, ENCRYPTED_KEPT, RECORD_HEAD_BYTES, HANDSHAKE_HEAD_BYTES = (
    12,
    4,
    8,
    5,
    4,
    13,
    12,
)
"""Bytes that are kept; of RTP the first four of an extension too, its kind and its length."""
HELLO_LIST_BYTES = 256
"""At most so much is kept of a list in a hello: browsers offer shorter ones."""
MOST_STRIPPED_LAYERS = 3
KEPT_TAG_BYTES, MARK_END, QUERY_END, MARKED_BYTES = 16, 32, 40, 6


class PayloadStripper:
    """Strips datagrams of call flows. `hints` and `wrappings` are the apps'."""

    def __init__(self, names: Pseudonyms, hints: list[ByteHint], wrappings: list[ByteHint]) -> None:
        self._names, self._hints, self._wrappings = names, hints, wrappings

    def __call__(self, data: bytes) -> bytes:
        """Return the datagram at the same length, without its secrets."""
        return self._layer(data, MOST_STRIPPED_LAYERS)

    def _layer(self, data: bytes, layers: int) -> bytes:
        """Strip a datagram and what it carries, at most so many layers deep: `capture` opens no more."""
        if not data:
            return data
        first = data[0]
        if first < 64 and data[4:8] == stun.COOKIE_BYTES:
            return self._stun(data, layers)
        if 20 <= first < 64 and data[1:2] == b"\xfe" and len(data) >= RECORD_HEAD_BYTES:
            return _stripped_dtls(data)
        if first & 0xFC == UNIFIED_HEADER:
            return self._sealed_records(data)
        if not layers:
            return self._plain(data)
        if 0x40 <= first <= 0x4F and len(data) > 8 and 0 <= len(data) - 4 - int.from_bytes(data[2:4], "big") <= 3:
            return data[:4] + self._layer(data[4:], layers - 1)
        if data[:2] == b"\xff\x10" and len(data) > 12:
            return data[:4] + bytes(8) + self._layer(data[12:], layers - 1)
        if len(data) == reflector.DATA_BYTES + (int.from_bytes(data[20:24], "big") + 3 & ~3) > reflector.DATA_BYTES:
            return self._reflected(data, layers - 1)
        for hint in self._wrappings:
            if _matches_hint(hint, data) and len(data) > hint.inner_at and data[hint.inner_at] >> 6 == 2:
                return self._wrapped(data, hint, layers - 1)
        return self._plain(data)

    def record(self, data: bytes) -> bytes:
        """Strip a TLS record to its header and a hash, by which copies are known; a ClientHello to the TURN protocols
        that it offers."""
        protocols = tuple(name for name in offered_protocols(data) if name in TURN_PROTOCOLS)
        if protocols:
            return client_hello_record(len(data), protocols)
        body = self._names.bytes(data[TLS_HEADER_BYTES : TLS_HEADER_BYTES + KEPT_TAG_BYTES])
        return data[:TLS_HEADER_BYTES] + body + bytes(len(data) - TLS_HEADER_BYTES - len(body))

    def _plain(self, data: bytes) -> bytes:
        first = data[0]
        if first >> 6 == 2 and len(data) >= 12:
            return _with_elements(data, self._encrypted(data, _rtp_kept(data)))
        is_quic = first >= 192 and (data[1:5] in KEPT_QUIC_VERSIONS or data[1:4] in QUIC_DRAFTS)
        return _zeroed_after(data, QUIC_KEPT) if is_quic else strip_sip(data) or self._encrypted(data, ENCRYPTED_KEPT)

    def _encrypted(self, data: bytes, kept: int) -> bytes:
        """Keep a head and a hash of what follows up to 24 bytes; where a hint matches the datagram, its marks too."""
        out = bytearray(data[:kept] + self._names.bytes(data[kept:24]))
        out += bytes(len(data) - len(out))
        if data[KEPT_TAG_BYTES : KEPT_TAG_BYTES + 12] == b"\xff" * 12:
            out[KEPT_TAG_BYTES:MARK_END] = data[KEPT_TAG_BYTES:MARK_END]
            asks = data[MARK_END:QUERY_END]
            out[MARK_END : MARK_END + len(asks)] = asks if asks[:7] == bytes(7) else self._names.bytes(asks)
        out[:KEPT_TAG_BYTES] = self._tag(data, kept)
        for hint in self._hints:
            if _matches_hint(hint, data):
                if hint.marks[0][0] < MARKED_BYTES:
                    out[:MARKED_BYTES] = data[:MARKED_BYTES]
                for at, byte in hint.marks:
                    out[at] = byte
        return bytes(out[: len(data)])

    def _sealed_records(self, data: bytes) -> bytes:
        """Keep the heads of DTLS 1.3's records (RFC 9147 section 4): their lengths tell a good-bye."""
        out, at = bytearray(self._encrypted(data, UNIFIED_BYTES)), 0
        while data[at : at + 1] and data[at] & 0xFC == UNIFIED_HEADER:
            out[at : at + UNIFIED_BYTES] = data[at : at + UNIFIED_BYTES]
            at += UNIFIED_BYTES + int.from_bytes(data[at + 3 : at + UNIFIED_BYTES], "big")
        return bytes(out)

    def _tag(self, data: bytes, kept: int) -> bytes:
        """Return the first 16 bytes: what is kept, then separate hashes of 12 and 4 bytes, as a reflector's tag is
        made."""
        call = self._names.bytes(data[: min(12, len(data))])[kept:]
        return data[:kept] + call[: max(12 - kept, 0)] + self._names.bytes(data[12:KEPT_TAG_BYTES])[max(kept - 12, 0) :]

    def _wrapped(self, data: bytes, hint: ByteHint, layers: int) -> bytes:
        out = bytearray(hint.inner_at) + self._layer(data[hint.inner_at :], layers)
        out[:4], out[7:9] = data[:4], data[7:9]
        for at, byte in hint.marks:
            out[at] = byte
        return bytes(out[: len(data)])

    def _reflected(self, data: bytes, layers: int) -> bytes:
        """Strip what a reflector forwards: its tag as in all of the call's messages, its sender as the end of a tag."""
        tag = self._tag(data, _rtp_kept(data) if data[0] >> 6 == 2 else ENCRYPTED_KEPT)
        inner = data[reflector.DATA_BYTES :][: int.from_bytes(data[20:24], "big")]
        out = tag + self._names.bytes(data[KEPT_TAG_BYTES:20]) + data[20:24] + self._layer(inner, layers)
        return out.ljust(len(data), b"\0")

    def _stun(self, data: bytes, layers: int) -> bytes:
        try:
            message = stun.decode_message(data)
        except WireError:
            return _zeroed_after(data, 8)
        out = bytearray(data[:8] + self._names.bytes(message.transaction))
        for kind, value in message.attributes:
            stripped = self._value(kind, value, message.transaction, bytes(out[8:20]), layers)
            out += struct.pack("!HH", kind, len(value)) + stripped
            out += bytes(-len(value) % 4) if message.padded else b""
        return bytes(out[: len(data)]) + bytes(len(data) - len(out))

    def _value(self, kind: int, value: bytes, transaction: bytes, made: bytes, layers: int) -> bytes:
        if kind in NUMBER_ATTRIBUTES and len(value) <= NUMBER_BYTES:
            return value
        if kind == Attribute.REALM and value.rstrip(b"\0") in (*PROVIDER_NAMES, b'"rtcmedia"'):
            return value
        if kind in ADDRESS_ATTRIBUTES and len(value) in (8, 20):
            return self._address(value, transaction, made, ADDRESS_ATTRIBUTES[Attribute(kind)])
        if kind == Attribute.DATA and layers:
            return self._layer(value, layers - 1)
        if kind == Attribute.USERNAME:
            return _form_of(value, self._names)
        return _zeroed_after(value, {int(Attribute.WA_STREAM): 5, int(Attribute.ERROR_CODE): 4}.get(kind, 0))

    def _address(self, value: bytes, transaction: bytes, made: bytes, masked: bool) -> bytes:
        """Return the pseudonym of an address, masked again with the made-up transaction."""
        if not masked:
            return value[:4] + self._names.address(value[4:])
        real = _masked_bytes(value[4:], stun.COOKIE_BYTES + transaction)
        return value[:4] + _masked_bytes(self._names.address(real), stun.COOKIE_BYTES + made)


def _masked_bytes(value: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(value, mask, strict=False))


def _form_of(name: bytes, names: Pseudonyms) -> bytes:
    """Strip a user name to its form: colons and known words stay; all digits are 0, all else is a letter from g on, the
    same for the same part: by its two names an ICE session is known."""
    hashed = b":".join(names.bytes(part).ljust(len(part)) for part in name.split(b":"))
    out = bytearray(
        byte if byte == 58 else 48 if 48 <= byte <= 57 else 103 + other % 20
        for byte, other in zip(name, hashed, strict=True)
    )
    for word in KNOWN_WORDS:
        at = name.find(word)
        if at >= 0:
            out[at : at + len(word)] = word
    return bytes(out)


def _rtp_kept(data: bytes) -> int:
    """How much is kept of an RTP or RTCP packet: its header, and of an extension that follows at once its kind."""
    return RTCP_KEPT if 192 <= data[1] <= 223 else RTP_KEPT + EXTENSION_KEPT * (data[0] & 0x1F == 0x10)


def _with_elements(data: bytes, made: bytes) -> bytes:
    """Put back which elements an extension right behind the header has, and how long they are (RFC 8285 section 4.2):
    by these calls are told apart. Their values, such as how loud somebody spoke, stay away."""
    behind = rtp.is_rtp(data) and data[0] & 0x1F == 0x10
    elements = rtp.decode_packet(data).one_byte_elements() if behind else []
    if not elements or len(dict(elements)) < len(elements):  # a name that comes twice: some other bytes
        return made
    out, at = bytearray(made), RTP_KEPT + EXTENSION_KEPT
    end = at + 4 * int.from_bytes(data[at - 2 : at], "big")
    while at < end:
        out[at] = data[at] if data[at] >= 16 else 0
        at += 2 + (data[at] & 15) if data[at] >= 16 else 1
    return bytes(out)


def _matches_hint(hint: ByteHint, data: bytes) -> bool:
    return hint.least <= len(data) <= hint.most and all(data[at : at + 1] == bytes((byte,)) for at, byte in hint.marks)


def _zeroed_after(data: bytes, kept: int) -> bytes:
    return data[:kept] + bytes(max(len(data) - kept, 0))


def _stripped_dtls(data: bytes) -> bytes:
    """Keep the headers of records, what a hello asks for, and a provider's name in a certificate."""
    out = bytearray(len(data))
    at = 0
    while at + RECORD_HEAD_BYTES <= len(data) and 20 <= data[at] < 64:
        size = int.from_bytes(data[at + 11 : at + 13], "big")
        out[at : at + RECORD_HEAD_BYTES] = data[at : at + RECORD_HEAD_BYTES]
        body = at + RECORD_HEAD_BYTES
        if data[at] == 22 and data[at + 3 : at + 5] == bytes(2):
            out[body : body + HANDSHAKE_HEAD_BYTES] = data[body : body + HANDSHAKE_HEAD_BYTES]
            if data[body : body + 1] == b"\x01":
                hello = _stripped_hello(data[body + HANDSHAKE_HEAD_BYTES : body + size])
                out[body + HANDSHAKE_HEAD_BYTES : body + HANDSHAKE_HEAD_BYTES + len(hello)] = hello
        at = body + size
    for name in CERTIFICATE_MESSAGES:
        place = data.find(name)
        if place >= 0:
            out[place : place + len(name)] = name
    return bytes(out[: len(data)])


def _stripped_hello(body: bytes) -> bytes:
    """Strip a ClientHello (RFC 6347 section 4.2.1) of random, session and cookie; extensions that identify nobody
    stay."""
    out = bytearray(len(body))
    out[:2] = body[:2]
    at = 34
    for width, most in ((1, 1), (1, 1), (2, HELLO_LIST_BYTES), (1, HELLO_LIST_BYTES)):
        size = width + int.from_bytes(body[at : at + width], "big")
        kept = min(size, most)
        out[at : at + kept] = body[at : at + kept]
        at += size
    out[at : at + 2] = body[at : at + 2]
    at += 2
    while at + 4 <= len(body):
        kind, size = struct.unpack_from("!HH", body, at)
        kept = 4 + (_list_bytes(kind, body[at + 4 : at + 6], size) if kind in HELLO_KEPT else 0)
        out[at : at + kept] = body[at : at + kept]
        at += 4 + size
    return bytes(out[: len(body)])


def _list_bytes(kind: int, length: bytes, size: int) -> int:
    """How many bytes of an extension are a list: of use_srtp not the key identifier behind it (RFC 5764 section
    4.1.1)."""
    listed = 2 + int.from_bytes(length, "big") if kind == USE_SRTP_EXTENSION else size
    return min(listed, size, HELLO_LIST_BYTES)


def strip_sip(data: bytes) -> bytes:
    """Strip a SIP message to its method or code; empty where it is none."""
    line = data[:64].split(b"\r\n")[0]
    head, _, rest = line.partition(b" ")
    if head == b"SIP/2.0" and rest[:3].isdigit():
        invited = b"\r\nCSeq: 1 INVITE" if b"INVITE" in data.partition(b"CSeq:")[2][:40] else b""
        return (b"SIP/2.0 " + rest[:3] + invited).ljust(len(data))[: len(data)]
    is_request = rest[:4].lower() in (b"sip:", b"sips", b"tel:") and head in SIP_METHODS
    return (head + b" sip:x").ljust(len(data))[: len(data)] if is_request else b""
