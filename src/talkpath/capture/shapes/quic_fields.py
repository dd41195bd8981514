"""The fields of QUIC's headers (RFC 9000 section 17, RFC 9369): form, version, lengths and connection ids, which are
random for each flow. Header protection leaves the low bits of a first byte and the packet number random (RFC 9001)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from talkpath.apps.contract.shape import OTHER_DIRECTION, Direction
from talkpath.apps.recorded.fields import BitsField, RandomField, WordField
from talkpath.capture.shapes.evidence import FieldPart, FlowEvidence, random_part

INITIAL_TYPES: Final = {b"\x00\x00\x00\x01": 0, b"\x6b\x33\x43\xcf": 1}
"""The known versions, and in each the type of an Initial packet, which has a token."""
MAX_CONNECTION_ID: Final = 20


def connection_ids(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the two connection ids of a long header of a known version, that of the receiver first; None of others."""
    if len(data) < 7 or data[0] < 0xC0 or data[1:5] not in INITIAL_TYPES:
        return None
    middle = 6 + data[5]
    size = data[middle] if middle < len(data) else MAX_CONNECTION_ID + 1
    is_whole = max(data[5], size) <= MAX_CONNECTION_ID and middle + 1 + size < len(data)
    return (data[6:middle], data[middle + 1 : middle + 1 + size]) if is_whole else None


def see_quic(data: bytes, direction: Direction, evidence: FlowEvidence) -> None:
    """Note the ids of a long header: the other end puts the sender's own into its short headers."""
    ids = connection_ids(data)
    if ids is not None:
        evidence.chosen_ids[direction] = ids[1]
        for one in ids:
            evidence.connection_ids.setdefault(one, f"quic_id{len(evidence.connection_ids)}")


def quic_parts(data: bytes, direction: Direction, evidence: FlowEvidence) -> Iterator[FieldPart] | None:
    """Return the parts of a packet of a connection whose handshake was recorded, None of others."""
    if connection_ids(data) is not None:
        return _long_parts(data, evidence)
    chosen = evidence.chosen_ids.get(OTHER_DIRECTION[direction])
    is_short = chosen is not None and data[0] >> 6 == 1 and data[1 : 1 + len(chosen)] == chosen
    return _short_parts(chosen or b"", evidence) if is_short and chosen is not None else None


def _short_parts(chosen: bytes, evidence: FlowEvidence) -> Iterator[FieldPart]:
    yield BitsField(0x40, 0x3F)
    yield from _id_parts(chosen, evidence)
    yield RandomField()


def _long_parts(data: bytes, evidence: FlowEvidence) -> Iterator[FieldPart]:
    at = 5
    yield BitsField(data[0] & 0xF0, 0x0F)
    yield data[1:5]
    for one in connection_ids(data) or ():
        yield data[at : at + 1]
        yield from _id_parts(one, evidence)
        at += 1 + len(one)
    if data[0] >> 4 & 3 == INITIAL_TYPES[data[1:5]]:
        width, token = _variable_number(data, at)
        yield data[at : at + width]
        yield from random_part(min(token, len(data) - at - width))
        at += width + token
    yield data[at : at + _variable_number(data, at)[0]]
    yield RandomField()


def _variable_number(data: bytes, at: int) -> tuple[int, int]:
    """Return the width and the value of a number of variable length (RFC 9000 section 16); 0 and 0 behind the end."""
    if at >= len(data):
        return 0, 0
    width = 1 << (data[at] >> 6)
    return width, int.from_bytes(data[at : at + width], "big") & (1 << 8 * width - 2) - 1


def _id_parts(one: bytes, evidence: FlowEvidence) -> Iterator[FieldPart]:
    if one:
        yield WordField(evidence.connection_ids[one], len(one))
