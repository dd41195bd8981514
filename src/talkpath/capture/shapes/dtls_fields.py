"""The fields of datagrams of DTLS 1.2 and 1.3: records with their true lengths, hellos as messages that datagrams carry
in parts, sealed contents as random bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.fields import CounterField, LengthField, PartField, RandomField
from talkpath.capture.shapes.evidence import FieldPart, FlowEvidence, random_part
from talkpath.capture.shapes.hello_fields import handshake_parts
from talkpath.wire.rtc.dtls import (
    HANDSHAKE_HEADER_BYTES,
    RECORD_HEADER_BYTES,
    UNIFIED_BYTES,
    Content,
    is_ciphertext,
    is_dtls,
)

CLIENT_HELLO: Final = 1
MAX_HELLO_BYTES: Final = 8000


@dataclass(frozen=True, slots=True)
class DtlsPiece:
    """One record: where it begins and ends, its content type (0: of DTLS 1.3's sealed form) and epoch."""

    start: int
    end: int
    type: int
    epoch: int


@dataclass(frozen=True, slots=True)
class HandshakePiece:
    """A handshake message or a fragment of it in a record."""

    start: int
    type: int
    length: int
    number: int
    offset: int
    body: bytes


def dtls_pieces(data: bytes) -> tuple[DtlsPiece, ...] | None:
    """Return the records that fill a datagram, None where it has another form."""
    found, at = [], 0
    while at < len(data):
        if is_dtls(data[at:]):
            end = at + RECORD_HEADER_BYTES + int.from_bytes(data[at + 11 : at + 13], "big")
            found.append(DtlsPiece(at, end, data[at], int.from_bytes(data[at + 3 : at + 5], "big")))
        elif is_ciphertext(data[at:]):
            end = at + UNIFIED_BYTES + int.from_bytes(data[at + 3 : at + 5], "big")
            found.append(DtlsPiece(at, end, 0, data[at] & 3))
        else:
            return None
        at = end
    return tuple(found) or None


def handshake_pieces(data: bytes, piece: DtlsPiece) -> list[HandshakePiece]:
    """Return the legible handshake messages of a record; none where it is sealed or has another form."""
    if piece.type != Content.HANDSHAKE or piece.epoch:
        return []
    found, at = [], piece.start + RECORD_HEADER_BYTES
    while at + HANDSHAKE_HEADER_BYTES <= piece.end:
        length, number, offset, size = (
            int.from_bytes(data[at + a : at + b], "big") for a, b in ((1, 4), (4, 6), (6, 9), (9, 12))
        )
        body = data[at + HANDSHAKE_HEADER_BYTES : at + HANDSHAKE_HEADER_BYTES + size]
        if len(body) < size or at + HANDSHAKE_HEADER_BYTES + size > piece.end or offset + size > length:
            return []
        found.append(HandshakePiece(at, data[at], length, number, offset, body))
        at += HANDSHAKE_HEADER_BYTES + size
    return found if at == piece.end else []


def see_dtls(data: bytes, pieces: tuple[DtlsPiece, ...], direction: Direction, evidence: FlowEvidence) -> None:
    """Note the handshake messages that a datagram holds parts of."""
    for piece in pieces:
        for one in handshake_pieces(data, piece):
            if one.type == CLIENT_HELLO or one.length > len(one.body):
                key = direction, one.type, one.number
                whole = bytearray(evidence.messages.get(key, bytes(min(one.length, MAX_HELLO_BYTES))))
                if one.offset + len(one.body) <= len(whole):
                    whole[one.offset : one.offset + len(one.body)] = one.body
                    evidence.messages[key] = bytes(whole)


def message_name(direction: Direction, kind: int, number: int) -> str:
    """Return the name in a shape of a handshake message."""
    return f"{direction}_{'hello' if kind == CLIENT_HELLO else f'handshake{kind}'}_{number}"


def dtls_parts(
    data: bytes, pieces: tuple[DtlsPiece, ...], start: int, direction: Direction, evidence: FlowEvidence
) -> Iterator[FieldPart]:
    """Yield the parts of a datagram's records; `start` is where they begin in the packet, whose end is theirs."""
    for piece in pieces:
        last = len(pieces) == 1
        if piece.type == 0:
            yield data[piece.start : piece.start + 1]
            yield RandomField(2)
            yield LengthField(2, -start - UNIFIED_BYTES) if last else data[piece.start + 3 : piece.start + 5]
            yield from [RandomField()] if last else random_part(piece.end - piece.start - UNIFIED_BYTES)
        elif piece.type in (Content.APPLICATION_DATA, Content.ALERT) and piece.epoch and last:
            yield from _sealed_record(data, piece, start, direction)
        else:
            yield data[piece.start : piece.start + RECORD_HEADER_BYTES]
            yield from _contents(data, piece, direction, evidence)


def _sealed_record(data: bytes, piece: DtlsPiece, start: int, direction: Direction) -> Iterator[FieldPart]:
    """Application data: a number that counts, the true length, perhaps the number again (RFC 5288 section 3)."""
    head = data[piece.start : piece.start + 5]
    yield head
    yield CounterField(f"{direction}_record", 6, 1)
    yield LengthField(2, -start - RECORD_HEADER_BYTES)
    nonce = data[piece.start + RECORD_HEADER_BYTES : piece.start + RECORD_HEADER_BYTES + 8]
    if nonce == data[piece.start + 3 : piece.start + 11]:
        yield nonce[:2]
        yield CounterField(f"{direction}_nonce", 6, 1)
    yield RandomField()


def _contents(data: bytes, piece: DtlsPiece, direction: Direction, evidence: FlowEvidence) -> Iterator[FieldPart]:
    body = data[piece.start + RECORD_HEADER_BYTES : piece.end]
    messages = handshake_pieces(data, piece)
    if (piece.type == Content.CHANGE_CIPHER_SPEC and len(body) == 1) or (
        piece.type == Content.ALERT and not piece.epoch and len(body) == 2
    ):
        yield body
    elif messages:
        for one in messages:
            yield data[one.start : one.start + HANDSHAKE_HEADER_BYTES]
            if (direction, one.type, one.number) in evidence.messages:
                name = message_name(direction, one.type, one.number)
                yield PartField(name, one.offset, one.offset + len(one.body))
            else:
                yield from handshake_parts(one.type, one.body)
    else:
        yield from random_part(len(body))
