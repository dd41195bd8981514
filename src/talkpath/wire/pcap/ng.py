"""Reads the pcapng container (draft-ietf-opsawg-pcapng): sections, interfaces and their resolutions, both byte orders.

Blocks are walked in Python, one `unpack_from` each; the packets' fields are read by numpy over the block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from talkpath.wire.pcap.arrays import Bytes, Ints, bytes_at, distinct_values
from talkpath.wire.pcap.frames import Frames, join_frames
from talkpath.wire.pcap.window import Window

MAGIC = b"\x0a\x0d\x0d\x0a"
SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET = 0x0A0D0D0A, 1, 2, 3, 6
MAX_BLOCK = 4 << 20
MAX_RECOVERIES, SEARCH_BYTES = 50, 1 << 15
MOST_INTERFACES = 1 << 16
NANO = 1_000_000_000
COMMENT, FLAGS, RESOLUTION, OFFSET = 1, 2, 9, 14
CUSTOM, PCAPDROID, MOST_APPS = 0x0BAD, (62652, 1, 1), 10_000
"""Custom block; PCAPdroid's enterprise number, version and type of its app map (pcap_dump.h); the most apps kept."""
UID_DIGITS = 10


@dataclass(frozen=True, slots=True)
class InterfaceDescription:
    """One interface: its link type, ticks per second (`base` to the power `digits`), and what to add in seconds."""

    link: int
    base: int = 10
    digits: int = 6
    offset_s: int = 0

    def nanoseconds(self, ticks: NDArray[np.uint64]) -> Ints:
        """Convert ticks of this interface to ns since 1970."""
        if self.base == 10 and self.digits <= 9:
            time_ns = ticks * np.uint64(10 ** (9 - self.digits))
        elif self.base == 10:
            time_ns = ticks // np.uint64(10 ** min(self.digits - 9, 19))
        else:
            time_ns = self._binary(ticks)
        return time_ns.astype(np.int64) + self.offset_s * NANO

    def time_ns(self, ticks: int) -> int:
        """Convert ticks of one packet, exactly."""
        ticks_per_s: int = self.base**self.digits
        return ticks * NANO // ticks_per_s + self.offset_s * NANO

    def _binary(self, ticks: NDArray[np.uint64]) -> NDArray[np.uint64]:
        shift = np.uint64(min(self.digits, 63))
        rest = ticks & np.uint64((1 << int(shift)) - 1)
        part = (rest.astype(np.float64) * (NANO / 2.0 ** int(shift))).astype(np.uint64)
        return (ticks >> shift) * np.uint64(NANO) + part


@dataclass(slots=True)
class Section:
    """The interfaces and options that the current section has declared so far."""

    order: str
    interfaces: list[InterfaceDescription] = field(default_factory=list)


def ng_frames(source: Window) -> Iterator[Frames]:
    """Yield the frames of the file, a block at a time."""
    section, done = Section("<"), 0
    recovery = _Recovery(source)
    while source.more(done):
        done = recovery.resume(0, section) if recovery.lost else 0
        of_sections: list[Frames] = []
        while True:
            packets, done = _walk_blocks(source, done, section, recovery)
            if packets:
                of_sections += _packet_frames(source, np.array(packets, np.int64), section)
            opened = _open_section(source, done)
            if opened is None:
                break
            section, done = opened
        if of_sections:
            yield join_frames(of_sections)
    if source.end and not recovery.lost:
        source.unread.note("block cut off at the end of the file")


def _walk_blocks(source: Window, at: int, section: Section, recovery: _Recovery) -> tuple[list[int], int]:
    """Return the offsets of the complete packet blocks from `at` on, and where the walk stopped (a new section, or the
    end)."""
    data, end = source.data, source.end
    packets: list[int] = []
    append, read = packets.append, struct.Struct(section.order + "II").unpack_from
    last = end - 12
    while at <= last:
        kind, length = read(data, at)
        if kind == SECTION:
            break
        after = at + length + (-length & 3)
        if not 12 <= length <= MAX_BLOCK:
            at = recovery.resume(at, section)
            continue
        if after > end:
            break
        if kind in (PACKET, OLD_PACKET):
            append(at)
        else:
            _note_declaration(source, at, kind, length, section)
        at = after
    return packets, at


def _open_section(source: Window, at: int) -> tuple[Section, int] | None:
    """Return the section that begins at `at` and where its blocks begin; None if there is none, or only part of it."""
    if source.end - at < 28 or source.data[at : at + 4] != MAGIC:
        return None
    order = "<" if source.data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
    (length,) = struct.unpack_from(order + "I", source.data, at + 4)
    if not 28 <= length <= MAX_BLOCK:
        source.unread.note("damaged block")
        length = 28
    return None if at + length > source.end else (Section(order), at + length + (-length & 3))


def _note_declaration(source: Window, at: int, kind: int, length: int, section: Section) -> None:
    if kind == INTERFACE and len(section.interfaces) >= MOST_INTERFACES:
        source.unread.note("interface of too many")
    elif kind == INTERFACE and length >= 20:
        section.interfaces.append(read_interface(source.data, at, length, section.order))
    elif kind == CUSTOM:
        _note_app(source, at, length)
    elif kind == SIMPLE_PACKET:
        source.unread.note("packet without a time")


def _note_app(source: Window, at: int, length: int) -> None:
    """Note the app of a user id, from PCAPdroid's custom block (its fields are little-endian)."""
    if length < 26 or len(source.apps) >= MOST_APPS:
        return
    number, version, kind, uid, package, name = struct.unpack_from("<IHBxiBB", source.data, at + 8)
    begin = at + 22
    if (number, version, kind) != PCAPDROID or begin + package + name > at + length - 4:
        return
    texts = source.data[begin : begin + package], source.data[begin + package : begin + package + name]
    source.apps[uid] = (texts[0].decode("utf-8", "replace"), texts[1].decode("utf-8", "replace"))


def read_interface(data: bytearray | memoryview, at: int, length: int, order: str) -> InterfaceDescription:
    """Read an interface description block."""
    (link,) = struct.unpack_from(order + "H", data, at + 8)
    base, digits, offset_s = 10, 6, 0
    for code, value in _block_options(data, at + 16, at + length - 4, order):
        if code == RESOLUTION and value:
            base, digits = (2, value[0] & 0x7F) if value[0] & 0x80 else (10, value[0])
        elif code == OFFSET and len(value) == 8:
            (offset_s,) = struct.unpack(order + "q", value)
    return InterfaceDescription(link, base, digits, max(min(offset_s, 1 << 33), -(1 << 33)))


def _block_options(data: bytearray | memoryview, at: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    while at + 4 <= end:
        code, length = struct.unpack_from(order + "HH", data, at)
        if code == 0 or at + 4 + length > end:
            return
        yield code, bytes(data[at + 4 : at + 4 + length])
        at += 4 + length + (-length & 3)


def _packet_frames(source: Window, at: Ints, section: Section) -> Iterator[Frames]:
    raw = np.frombuffer(source.data, np.uint8)
    head = bytes_at(raw, at, 28).view(f"{section.order}u4").astype(np.uint64)
    old = head[:, 0] == OLD_PACKET
    number = np.where(
        old, bytes_at(raw, at + 8, 2).view(f"{section.order}u2").ravel().astype(np.int64), head[:, 2]
    ).astype(np.int64)
    known = number < len(section.interfaces)
    captured = head[:, 5].astype(np.int64)
    fits = captured + 32 <= head[:, 1].astype(np.int64)
    source.unread.note("packet of an unknown interface", int(np.sum(~known)))
    source.unread.note("damaged packet block", int(np.sum(known & ~fits)))
    keep = known & fits
    if not keep.any():
        return
    at, head, number, captured = at[keep], head[keep], number[keep], captured[keep]
    ticks = head[:, 3] << np.uint64(32) | head[:, 4]
    time_ns, link = _packet_clock(ticks, number, section.interfaces)
    size = np.maximum(head[:, 6].astype(np.int64), captured)
    link_direction = _flag_directions(raw, at, captured, head[:, 1].astype(np.int64), section.order)
    uid = _uids(raw, at, captured, head[:, 1].astype(np.int64), section.order) if source.apps else None
    yield Frames(raw, at + 28, captured, size, time_ns, link, link_direction, uid, source.apps)


def _packet_clock(ticks: NDArray[np.uint64], number: Ints, interfaces: list[InterfaceDescription]) -> tuple[Ints, Ints]:
    """Return (time in ns, link type) of packets, from the interface of each."""
    time_ns = np.zeros(len(ticks), np.int64)
    for which in distinct_values(number).tolist():
        rows = number == which
        time_ns[rows] = interfaces[which].nanoseconds(ticks[rows])
    return time_ns, np.array([one.link for one in interfaces], np.int64)[number]


def _flag_directions(raw: Bytes, at: Ints, captured: Ints, length: Ints, order: str) -> NDArray[np.int8]:
    """Distinguish sent from received by the epb_flags option, which is looked for among the first four options."""
    link_direction = np.full(len(at), -1, np.int8)
    for rows, code, size, option in _packet_options(raw, at, captured, length, order):
        way = option[:, 4:8].copy().view(f"{order}u4").ravel() & 3
        flags = (code == FLAGS) & (size == 4) & (link_direction[rows] < 0)
        link_direction[rows[flags & (way == 1)]] = 0
        link_direction[rows[flags & (way == 2)]] = 1
    return link_direction


def _uids(raw: Bytes, at: Ints, captured: Ints, length: Ints, order: str) -> Ints:
    """Read the user ids of PCAPdroid's comments (`u-10123`), searched among the first four options."""
    uid = np.full(len(at), -1, np.int64)
    for rows, code, size, option in _packet_options(raw, at, captured, length, order):
        digits = size - 2
        is_uid = (code == COMMENT) & (option[:, 4] == ord("u")) & (option[:, 5] == ord("-")) & (uid[rows] < 0)
        is_uid &= (digits > 0) & (digits <= UID_DIGITS)
        value = np.zeros(len(rows), np.int64)
        for column in range(UID_DIGITS):
            digit = option[:, 6 + column].astype(np.int64) - ord("0")
            there = column < digits
            is_uid &= ~there | ((digit >= 0) & (digit <= 9))
            value = np.where(there, 10 * value + digit, value)
        uid[rows[is_uid]] = value[is_uid]
    return uid


def _packet_options(
    raw: Bytes, at: Ints, captured: Ints, length: Ints, order: str
) -> Iterator[tuple[Ints, Ints, Ints, Bytes]]:
    """Walk the first four options of packet blocks side by side: yield which blocks have one more, its code, its
    length, and its first bytes, code and length among them."""
    place, end = at + 28 + captured + (-captured & 3), at + length - 4
    rows = np.flatnonzero(place + 8 <= end)
    for _ in range(4):
        if not len(rows):
            return
        option = bytes_at(raw, place[rows], 6 + UID_DIGITS)
        code, size = np.ascontiguousarray(option[:, :4]).view(f"{order}u2").astype(np.int64).T
        yield rows, code, size, option
        place[rows] += 4 + size + (-size & 3)
        rows = rows[(code != 0) & (place[rows] + 8 <= end[rows])]


class _Recovery:
    """Finds the next block behind damage, a limited number of times."""

    def __init__(self, source: Window) -> None:
        self._source = source
        self._tries = 0
        self.lost = False

    def resume(self, at: int, section: Section) -> int:
        """Return the offset of the next plausible block behind damage at `at`; else set `lost` and return where to
        continue the search in the next bytes of the file: blocks are aligned to four bytes."""
        source, begin = self._source, at
        if not self.lost:
            source.unread.note("damaged block")
            self._tries += 1
            begin += 4
        found = self._search(begin, section) if self._tries <= MAX_RECOVERIES else None
        self.lost = found is None
        resumed = begin + max(source.end - 12 - begin + 4, 0) // 4 * 4 if found is None else found
        source.unread.note("bytes skipped after damage", resumed - at)
        return resumed

    def _search(self, at: int, section: Section) -> int | None:
        raw, end = np.frombuffer(self._source.data, np.uint8), self._source.end
        for piece in range(at, end - 11, SEARCH_BYTES):
            here = np.arange(piece, min(piece + SEARCH_BYTES, end - 11), 4, dtype=np.int64)
            head = bytes_at(raw, here, 8).view(f"{section.order}u4").astype(np.int64)
            sound = (head[:, 1] >= 12) & (head[:, 1] <= MAX_BLOCK) & (head[:, 1] % 4 == 0)
            here, length = here[sound], head[sound, 1]
            inside = here + length <= end
            here, length = here[inside], length[inside]
            echo = bytes_at(raw, here + length - 4, 4).view(f"{section.order}u4").ravel()
            found = here[echo == length]
            if len(found):
                return int(found[0])
        return None
