"""The engine of `talkpath listen`: bytes of a stream of packets in, pictures of its calls out.

It has no socket and no clock. `feed` takes bytes as they come; `look` measures what came, once a second or so, at a
time that its caller tells in the stream's own seconds. The stream is a pcap or pcapng file that goes on.
"""

from __future__ import annotations

from talkpath.capture.calls.records import MeasuredCapture
from talkpath.capture.live.live_picture import LiveCalls, LivePicture
from talkpath.capture.live.recent_scan import OVERDUE_FACTOR, RecentScan
from talkpath.wire.pcap.splitter import OnPacket, RecordSplitter

CHUNK_BYTES = 1 << 20
"""So many bytes at most wait to be scanned."""


class LiveCapture:
    """One stream. `on_packet` is given each packet at once."""

    def __init__(self, on_packet: OnPacket | None = None) -> None:
        self._splitter = RecordSplitter(on_packet)
        self._scan, self._calls = RecentScan(), LiveCalls()
        self._waiting = self._looked_at = 0
        self.measured: MeasuredCapture | None = None
        """The latest measurement of the last seconds."""

    @property
    def packets(self) -> int:
        """How many packets came."""
        return self._splitter.packets

    @property
    def unfinished_bytes(self) -> int:
        """How many bytes came of a record whose rest is still to come."""
        return self._splitter.unfinished_bytes

    @property
    def header(self) -> bytes:
        """What a capture file that begins at the next record needs before it."""
        return self._splitter.header

    @property
    def fullness(self) -> float:
        """How much of what one part of the stream may hold is held: 1.0 is all of it."""
        return self._scan.fullness

    @property
    def wants_new_part(self) -> bool:
        """Whether so much is held that another part of the stream should begin, as soon as no call goes on."""
        full = self._scan.fullness
        return full >= OVERDUE_FACTOR or (
            full >= 1.0 and not self.picture(self.now_s).running and not self._calls.set_up
        )

    @property
    def now_s(self) -> float:
        """The time of the latest packet, in seconds from the first."""
        first_ns, last_ns = self._splitter.first_ns, self._splitter.last_ns
        return 0.0 if first_ns is None or last_ns is None else (last_ns - first_ns) / 1e9

    def feed(self, data: bytes) -> None:
        """Take bytes of the stream."""
        self._splitter.feed(data)
        self._waiting += len(data)
        if self._waiting >= CHUNK_BYTES:
            self._scan_waiting()

    def look(self, now_s: float | None = None) -> LivePicture:
        """Measure the last seconds, and return the picture of that moment (None: of the latest packet)."""
        self._scan_waiting()
        if self._scan.packets > self._looked_at:
            self._looked_at = self._scan.packets
            self.measured = self._scan.measured()
            self._calls.update(self.measured, self.now_s)
        return self.picture(self.now_s if now_s is None else now_s)

    def picture(self, now_s: float) -> LivePicture:
        """Return what the last measurement showed, at a moment after it."""
        return LivePicture(
            now_s=max(now_s, self.now_s),
            begun_ns=self._splitter.first_ns,
            packets=self._splitter.packets,
            calls=tuple(self._calls.calls),
            set_up=self._calls.set_up,
            unanswered=self._calls.unanswered,
        )

    def begin_part(self) -> None:
        """Begin another part of the stream: what was seen of flows is forgotten, calls so far are kept."""
        self._scan_waiting()
        self._scan, self._looked_at, self.measured = RecentScan(self._splitter.first_ns), 0, None
        self._calls.begin_anew()

    def _scan_waiting(self) -> None:
        self._waiting = 0
        self._scan.feed(self._splitter.take())
