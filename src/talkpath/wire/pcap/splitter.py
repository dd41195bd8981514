"""Splits a stream of pcap or pcapng bytes into whole records while it arrives.

The bytes come in pieces of any size. `take` returns the records that were completed since the last call as a capture
file of its own, with the header that they need, so that `blocks` reads it. Each packet is also handed on at once, for
those that cannot wait for the next `take`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from talkpath.wire.pcap import classic, ng
from talkpath.wire.pcap.records import MAX_FRAME_BYTES

OnPacket = Callable[[int, memoryview], None]
"""Is given a packet's time in ns since 1970 and its frame, which is valid during the call only."""

FILE_HEADER = 24
MOST_DECLARED = 1 << 20
"""So many bytes of a pcapng stream's declarations (interfaces, names of apps) are repeated before later packets."""


class RecordSplitter:
    """One stream. `lost` is set when it is no capture or is damaged: then nothing more comes of it."""

    def __init__(self, on_packet: OnPacket | None = None) -> None:
        self.on_packet = on_packet
        self.lost = False
        self.packets = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        """The latest time of a packet."""
        self._held = bytearray()
        self._at = 0
        self._head = b""
        self._layout: tuple[str, int, int] | None = None
        self._section: ng.Section | None = None
        self._declared = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes of the stream."""
        if self.lost:
            return
        self._held += data
        if self._layout is None and self._section is None:
            self._open()
        if self._layout is not None:
            self._walk_classic(*self._layout)
        elif self._section is not None:
            self._walk_ng()

    @property
    def unfinished_bytes(self) -> int:
        """How many bytes of a record came whose rest is still to come."""
        return 0 if self.lost else len(self._held) - self._at

    def take(self) -> bytes:
        """Return what was completed since the last call, as a capture file; b"" for nothing."""
        if not self._at:
            return b""
        out = self._head + bytes(memoryview(self._held)[: self._at])
        del self._held[: self._at]
        self._at, self._head = 0, self.header
        return out

    @property
    def header(self) -> bytes:
        """The bytes that a file which begins here needs before its first packet."""
        return self._head if self._section is None else bytes(self._declared)

    def _open(self) -> None:
        first = bytes(self._held[:4])
        if len(first) < 4:
            return
        if first == ng.MAGIC:
            self._section = ng.Section("<")
        elif first not in classic.MAGICS:
            self.lost = True
        elif len(self._held) >= FILE_HEADER:
            self._layout, self._head = classic.MAGICS[first], bytes(self._held[:FILE_HEADER])
            del self._held[:FILE_HEADER]

    def _hand_on(self, time_ns: int, view: memoryview, begin: int, size: int) -> None:
        self.packets += 1
        if self.first_ns is None:
            self.first_ns = time_ns
        if self.last_ns is None or time_ns > self.last_ns:
            self.last_ns = time_ns
        if self.on_packet is not None:
            self.on_packet(time_ns, view[begin : begin + size])

    def _walk_classic(self, order: str, tick_ns: int, header: int) -> None:
        read, at, end = struct.Struct(order + "III").unpack_from, self._at, len(self._held)
        with memoryview(self._held) as view:
            while at + header <= end:
                seconds, fraction, captured = read(view, at)
                if captured > MAX_FRAME_BYTES:
                    self.lost = True
                    break
                if at + header + captured > end:
                    break
                if seconds or captured:
                    self._hand_on(seconds * ng.NANO + fraction * tick_ns, view, at + header, captured)
                at += header + captured
        self._at = at

    def _walk_ng(self) -> None:
        at, end = self._at, len(self._held)
        with memoryview(self._held) as view:
            while at + 12 <= end and not self.lost:
                if bytes(view[at : at + 4]) == ng.MAGIC:
                    order = "<" if bytes(view[at + 8 : at + 12]) == b"\x4d\x3c\x2b\x1a" else ">"
                    self._section = ng.Section(order)
                    self._declared.clear()
                assert self._section is not None  # `feed` calls only then
                kind, length = struct.unpack_from(self._section.order + "II", view, at)
                if not 12 <= length <= ng.MAX_BLOCK:
                    self.lost = True
                    break
                after = at + length + (-length & 3)
                if after > end:
                    break
                self._block(view, at, kind, length, self._section)
                at = after
        self._at = at

    def _block(self, view: memoryview, at: int, kind: int, length: int, section: ng.Section) -> None:
        if kind == ng.PACKET and length >= 32:
            number, high, low, captured = struct.unpack_from(section.order + "IIII", view, at + 8)
            if number < len(section.interfaces) and captured + 32 <= length:
                time_ns = section.interfaces[number].time_ns(high << 32 | low)
                self._hand_on(time_ns, view, at + 28, captured)
        elif kind in (ng.SECTION, ng.INTERFACE, ng.CUSTOM) and len(self._declared) + length <= MOST_DECLARED:
            self._declared += view[at : at + length + (-length & 3)]
            if kind == ng.INTERFACE and length >= 20 and len(section.interfaces) < ng.MOST_INTERFACES:
                section.interfaces.append(ng.read_interface(view, at, length, section.order))
