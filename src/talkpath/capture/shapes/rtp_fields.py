"""The fields of RTP and RTCP (RFC 3550, RFC 8285): payload types, markers and the elements of header extensions stay as
their protocol has them; SSRCs, times and contents become random."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from talkpath.apps.contract.shape import OTHER_DIRECTION, Direction
from talkpath.apps.recorded.fields import CounterField, LengthField, RandomField, SteppedField, WordField
from talkpath.capture.shapes.evidence import (
    MIN_STREAM_PACKETS,
    MOSTLY,
    FieldPart,
    FlowEvidence,
    SeenValue,
    element_parts,
    random_part,
)
from talkpath.grouping import grouped_by_key

RTP_BYTES, REPORT_BYTES = 12, 8
_ONE_BYTE, _TWO_BYTE = 0xBEDE, 0x1000
SRTCP_INDEX_PLACES: Final = (14, 4, 20)
"""Before the end: SHA-1's tag of 10 bytes behind it, GCM's in front of it, a tag of 16 bytes behind it."""


def is_media(data: bytes) -> bool:
    """Whether it has the form of an RTP packet, extension included."""
    if len(data) < RTP_BYTES or data[0] >> 6 != 2 or is_report(data):
        return False
    at = extension_at(data)
    return at <= len(data) if not data[0] & 16 else at + 4 <= len(data) and payload_at(data) <= len(data)


def is_report(data: bytes) -> bool:
    """Whether it has the form of an RTCP packet (RFC 5761)."""
    return len(data) >= REPORT_BYTES and data[0] >> 6 == 2 and 192 <= data[1] <= 223


def extension_at(data: bytes) -> int:
    """Return where the header's extension begins."""
    return RTP_BYTES + 4 * (data[0] & 15)


def payload_at(data: bytes) -> int:
    """Return where the payload begins."""
    at = extension_at(data)
    return at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big") if data[0] & 16 else at


def header_elements(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (id, start, end) of the elements of an extension, with id 0 for a byte of padding."""
    at = extension_at(data)
    profile, end = int.from_bytes(data[at : at + 2], "big"), payload_at(data)
    at += 4
    width = 1 if profile == _ONE_BYTE else 2
    while at < end:
        if data[at] == 0:
            yield 0, at, at + 1
            at += 1
            continue
        number, size = (data[at] >> 4, (data[at] & 15) + 1) if width == 1 else (data[at], data[at + 1 : at + 2])
        size = size if isinstance(size, int) else int.from_bytes(size, "big")
        first = min(at + width, end)
        at = min(first + size, end)
        yield number, first, at


def has_elements(data: bytes) -> bool:
    """Whether a header extension is one of RFC 8285's."""
    if not data[0] & 16:
        return False
    at = extension_at(data)
    profile = int.from_bytes(data[at : at + 2], "big")
    return profile == _ONE_BYTE or profile & 0xFFF0 == _TWO_BYTE


Sighting = tuple[float, Direction, bytes]


def see_media(seen: Sequence[Sighting], evidence: FlowEvidence) -> None:
    """Name the streams of a flow from all datagrams that have RTP's form, and decide what its elements are."""
    streams = grouped_by_key(((one[1], int.from_bytes(one[2][8:12], "big")), one) for one in seen)
    for key, packets in streams.items():
        if len(packets) >= MIN_STREAM_PACKETS and _is_stream([data for _, _, data in packets]):
            name = f"{key[0]}{packets[0][2][1] & 127}"
            while name in evidence.streams.values():
                name += "x"
            evidence.streams[key] = name[:12]
            if not any(any(data[4:8]) for _, _, data in packets):
                evidence.still.add(key)
    values: dict[tuple[Direction, int, int], list[SeenValue]] = defaultdict(list)
    for at_s, direction, data in seen:
        if (direction, int.from_bytes(data[8:12], "big")) in evidence.streams and has_elements(data):
            for number, first, end in header_elements(data):
                if number and end > first:
                    values[direction, number, end - first].append(SeenValue(at_s, data[first:end]))
    for (direction, number, size), found in values.items():
        evidence.elements[direction, number, size] = element_parts(direction, number, found)


def _is_stream(packets: Sequence[bytes]) -> bool:
    """Whether the sequence numbers of one SSRC grow as those of a stream do."""
    numbers = [int.from_bytes(data[2:4], "big") for data in packets]
    steps = [(after - before) & 0xFFFF for before, after in pairwise(numbers)]
    return sum(0 < step < 64 for step in steps) >= MOSTLY * len(steps)


def see_reports(seen: Sequence[Sighting], evidence: FlowEvidence) -> None:
    """Name the senders of RTCP that send no RTP, and find where SRTCP's index stands."""
    senders: dict[tuple[Direction, int], int] = defaultdict(int)
    for _, direction, data in seen:
        senders[direction, int.from_bytes(data[4:8], "big")] += 1
    for (direction, ssrc), count in senders.items():
        if count >= MIN_STREAM_PACKETS and (direction, ssrc) not in evidence.streams:
            name = f"{direction}_rtcp"
            while name in evidence.reports.values():
                name += "x"
            evidence.reports[direction, ssrc] = name[:16]
    for direction in ("up", "down"):
        packets = [data for _, sender, data in seen if sender == direction and len(data) >= REPORT_BYTES + 14]
        for place in SRTCP_INDEX_PLACES if packets else ():
            marks = [data[-place] == 0x80 and data[1 - place] == 0 for data in packets]
            if sum(marks) > MOSTLY * len(marks):
                evidence.index_at[direction] = place
                break


def media_parts(data: bytes, direction: Direction, evidence: FlowEvidence) -> Iterator[FieldPart] | None:
    """Return the parts of an RTP packet of a stream that is known, None of another."""
    name = evidence.streams.get((direction, int.from_bytes(data[8:12], "big")))
    return None if name is None else _media_parts(data, direction, name, evidence)


def _media_parts(data: bytes, direction: Direction, name: str, evidence: FlowEvidence) -> Iterator[FieldPart]:
    yield data[:2]
    yield CounterField(f"{name}_seq", 2)
    still = (direction, int.from_bytes(data[8:12], "big")) in evidence.still
    yield data[4:8] if still else SteppedField(f"{name}_time", 4)
    yield WordField(f"{name}_ssrc", 4)
    sources = 4 * (data[0] & 15)
    if sources:
        yield WordField(f"{name}_sources", sources)
    if data[0] & 16:
        yield from _extension(data, direction, evidence)
    yield RandomField()


def _extension(data: bytes, direction: Direction, evidence: FlowEvidence) -> Iterator[FieldPart]:
    at = extension_at(data)
    yield data[at : at + 4]
    if not has_elements(data):
        yield from random_part(payload_at(data) - at - 4)
        return
    at += 4
    for number, first, end in header_elements(data):
        if number == 0:
            yield data[first:end]
        else:
            yield data[at:first]
            size = end - first
            yield from evidence.elements.get((direction, number, size), tuple(random_part(size)))
        at = end


def report_parts(data: bytes, direction: Direction, evidence: FlowEvidence, start: int) -> Iterator[FieldPart] | None:
    """Return the parts of an RTCP packet whose sender is known, None of another."""
    ssrc = int.from_bytes(data[4:8], "big")
    name = evidence.streams.get((direction, ssrc)) or evidence.streams.get((OTHER_DIRECTION[direction], ssrc))
    word = f"{name}_ssrc" if name else evidence.reports.get((direction, ssrc))
    return None if word is None else _report_parts(data, direction, word, evidence, start)


def _report_parts(
    data: bytes, direction: Direction, word: str, evidence: FlowEvidence, start: int
) -> Iterator[FieldPart]:
    """Only the first header is legible; its length is that of the packet where it is the only report."""
    place = evidence.index_at.get(direction, 0)
    place = place if len(data) >= REPORT_BYTES + place else 0  # a report that is not encrypted among others that are
    behind = {0: 0, 4: 20}.get(place, place)
    length = int.from_bytes(data[2:4], "big")
    yield data[:2]
    alone = 4 * (length + 1) + behind == len(data)
    yield LengthField(2, -start - behind - 4, 4) if alone else data[2:4]
    yield WordField(word, 4)
    yield RandomField()
    if place:
        yield b"\x80"
        yield from (b"\x00", CounterField(f"{word.removesuffix('_ssrc')}_index", 2, 1))
        yield from random_part(place - 4)
