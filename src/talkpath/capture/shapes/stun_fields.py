"""The fields of a STUN or TURN message (RFC 8489, RFC 8656): attributes, their sizes and what has a fixed meaning in
their protocol stay; names, addresses, ids, secrets and texts become random."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from talkpath.apps.contract.shape import OTHER_DIRECTION, Direction
from talkpath.apps.recorded.fields import Alphabet, ChecksumField, EchoField, RandomField, WordField
from talkpath.capture.shapes.evidence import FieldPart, FlowEvidence, alphabet_of, random_part
from talkpath.wire.rtc.stun import COOKIE_BYTES, STUN_HEADER_BYTES, Attribute

NETWORK_COST, RENOMINATION, GOOGLE_DELTA = 0xC057, 0xC001, 0xC059
_DATA, _ERROR, _FINGERPRINT, _USERNAME = 0x0013, 0x0009, 0x8028, 0x0006
_ROLES: Final = (0x8029, 0x802A)
_ADDRESSES: Final = (0x0001, 0x0002, 0x0004, 0x0005, 0x0012, 0x0016, 0x0020, 0x8020, 0x8023, 0x802B, 0x802C)
_PLAIN: Final = frozenset((0x000C, 0x000D, 0x0017, 0x0018, 0x0019, 0x001A, 0x0024, 0x0025, NETWORK_COST, GOOGLE_DELTA))
"""Attributes whose values of at most 4 bytes say nothing of anybody: channel, lifetime, transport, priority …"""
SHORT_MARK_BYTES: Final = 2

Inner = Callable[[bytes, int], Iterable[FieldPart]]


def is_whole_stun(data: bytes) -> bool:
    """Whether a message with the magic cookie fills these bytes."""
    return (
        len(data) >= STUN_HEADER_BYTES
        and data[0] < 64
        and data[4:8] == COOKIE_BYTES
        and int.from_bytes(data[2:4], "big") == len(data) - STUN_HEADER_BYTES
        and all(end <= len(data) for _, _, end in message_attributes(data))
    )


def message_attributes(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (type, start, end) of each attribute's value."""
    at = STUN_HEADER_BYTES
    while at + 4 <= len(data):
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        yield int.from_bytes(data[at : at + 2], "big"), at + 4, at + 4 + size
        at += 4 + size + -size % 4


def is_reply(data: bytes) -> bool:
    """Whether the message answers a request (RFC 8489 section 5: class bits)."""
    return bool(data[0] & 1)


def see_stun(data: bytes, start: int, direction: Direction, evidence: FlowEvidence) -> None:
    """Note what is decided over all messages: transaction ids, and values of attributes that have no meaning here."""
    if not is_reply(data):
        evidence.requests[data[8:20]] = direction, start
    for kind, first, end in message_attributes(data):
        evidence.attributes[direction, kind].add(data[first:end])


def settle_stun(evidence: FlowEvidence) -> None:
    """Decide in what transaction ids are written."""
    for direction in ("up", "down"):
        ids = [one for one, (asked, _) in evidence.requests.items() if asked == direction]
        evidence.letters[direction] = "letters" if alphabet_of(ids) != "bytes" else "bytes"


def stun_parts(
    data: bytes, start: int, direction: Direction, evidence: FlowEvidence, inner: Inner
) -> Iterator[FieldPart]:
    """Yield the parts of a message that begins at `start` of its packet; `inner` writes what it carries."""
    yield data[:8]
    yield _transaction(data, direction, evidence)
    for kind, first, end in message_attributes(data):
        value = data[first:end]
        if kind == _FINGERPRINT and len(value) == 4 and end == len(data):
            yield ChecksumField(start)
            return
        yield data[first - 4 : first]
        if kind == _DATA:
            yield from inner(value, start + first)
        else:
            yield from _value(kind, value, direction, evidence)
        yield bytes(min(-len(value) % 4, len(data) - end))


def _transaction(data: bytes, direction: Direction, evidence: FlowEvidence) -> FieldPart:
    asked = evidence.requests.get(data[8:20])
    fresh = RandomField(12, evidence.letters.get(direction, "bytes"))
    return EchoField(asked[1] + 8, 12) if is_reply(data) and asked and asked[0] != direction else fresh


def _value(kind: int, value: bytes, direction: Direction, evidence: FlowEvidence) -> list[FieldPart]:
    size = len(value)
    if (kind in _PLAIN and size <= 4) or not any(value) or (kind == RENOMINATION and value[:-1] == bytes(3)):
        return [value]
    if kind == _USERNAME and value.count(b":") == 1:
        far, near = value.split(b":")
        return [*_name(f"{OTHER_DIRECTION[direction]}_name", far), b":", *_name(f"{direction}_name", near)]
    if kind == _USERNAME or kind in (Attribute.REALM, Attribute.NONCE):
        return _name(f"text{kind:x}", value)
    if kind in _ROLES:
        return [WordField(f"{direction}_tie", size)]
    if kind in _ADDRESSES and size in (8, 20):  # the rest of an IPv6 address is mixed with the transaction id
        return [value[:2], WordField(f"{direction}_place{kind:x}", 6), *random_part(size - 8)]
    is_error = kind == _ERROR and size >= 4
    return [value[:4], *random_part(size - 4, "letters")] if is_error else _unknown(kind, value, direction, evidence)


def _name(name: str, value: bytes) -> list[FieldPart]:
    """A ufrag or another text: random letters, the same in the flow."""
    if not value:
        return []
    alphabet: Alphabet = "hexdigits" if alphabet_of([value]) == "hexdigits" else "letters"
    return [WordField(name, min(len(value), 256), alphabet), *random_part(len(value) - 256, "letters")]


def _unknown(kind: int, value: bytes, direction: Direction, evidence: FlowEvidence) -> list[FieldPart]:
    """An attribute without a meaning here: a short mark, a word that the flow repeats, or random."""
    same = len(evidence.attributes[direction, kind]) == 1
    if same and len(value) <= SHORT_MARK_BYTES:
        return [value]
    is_word = same and len(value) <= 256 and kind not in (Attribute.MESSAGE_INTEGRITY, 0x001C)
    return [WordField(f"{direction}_value{kind:x}", len(value))] if is_word else random_part(len(value))
