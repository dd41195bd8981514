"""Reads a stream of packets as captures are read, and shows its calls meanwhile.

The stream's bytes go two ways: into the reader of capture files, whose result is what `talkpath capture` would say of
them, and into `LiveCapture`, which is asked for a picture once a second. A stream that goes on for hours is cut into
parts, each of which is read as a file of its own, at a moment without a call (or where a part holds far too much).

A stream whose bytes are kept in memory, to be scrubbed and written when it has ended (`--keep`).

Tells when a person's one call is over, so that listening ends by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from io import BytesIO

from talkpath.capture.live.live_capture import LiveCapture
from talkpath.capture.live.live_picture import LivePicture
from talkpath.capture.live.recent_scan import PART_LIMITS
from talkpath.capture.scan import FILE_LIMITS
from talkpath.listening.control_traffic_scheduler import PICTURE_LOOK_S as GLANCE_S
from talkpath.listening.control_traffic_scheduler import ControlTrafficScheduler
from talkpath.listening.control_traffic_session import ControlThread
from talkpath.listening.packet_streams import PacketStream

MOST_KEPT = 256 << 20
"""What comes after so many bytes is not kept."""


class KeptStream:
    """A stream beside what was read of it."""

    def __init__(self, stream: PacketStream, most: int = MOST_KEPT) -> None:
        self._stream, self._most, self.is_live = stream, most, stream.is_live
        self.kept = BytesIO()
        self.is_full = False
        """Whether later bytes were left out."""

    def read(self, wait_s: float) -> bytes | None:
        """See `PacketStream`."""
        data = self._stream.read(wait_s)
        if data:
            self.is_full = self.is_full or self.kept.tell() + len(data) > self._most
            if not self.is_full:
                self.kept.write(data)
        return data

    def plain(self, data: bytes) -> bytes:
        """See `PacketStream`."""
        return self._stream.plain(data)

    def close(self) -> None:
        """See `PacketStream`."""
        self._stream.close()


FOLLOW_LOOK_S = 1.0

OnPicture = Callable[[LivePicture], None]


class FollowedStream:
    """One stream. `on_picture` is given a picture a second: of the stream's own time where it is played, else of the
    clock's. `control` runs control traffic beside its calls. `stop` may be called at any moment."""

    def __init__(
        self,
        stream: PacketStream,
        on_picture: OnPicture,
        live: LiveCapture | None = None,
        clock: Callable[[], float] = time.monotonic,
        control: ControlThread | None = None,
    ) -> None:
        self._stream, self._on_picture, self._clock, self.control = stream, on_picture, clock, control
        self._scheduler = ControlTrafficScheduler(control.session, clock) if control else None
        self._live = self._scheduler.live if self._scheduler else live or LiveCapture()
        self._next_glance_s = self._next_look_s = self._heard_s = 0.0
        self._rest, self.limits = b"", PART_LIMITS if stream.is_live else FILE_LIMITS
        self._is_stopped = False
        self.has_ended = False
        """Whether nothing more comes."""

    def stop(self) -> None:
        """End the stream here."""
        self._is_stopped = True

    def parts(self) -> Iterator[StreamPart]:
        """Yield the parts of the stream, each to be read to its end before the next. Only a live stream has several."""
        self._next_look_s, self._heard_s = self._time_s() + FOLLOW_LOOK_S, self._clock()
        head = b""
        while not self.has_ended:
            yield StreamPart(self, head)
            head = self._live.header
            self._live.begin_part()

    def more(self) -> bytes:
        """Return the next bytes of this part, whole records until the stream ends; b"" at the part's end."""
        while not self.has_ended:
            if self._stream.is_live and self._live.wants_new_part:
                return b""
            wait_s = min(GLANCE_S, max(self._next_look_s - self._time_s(), 0.0))
            data = b"" if self._is_stopped else self._stream.read(wait_s)
            whole = b"" if data is None else self._taken(data)
            self._look_if_due()
            if not self._stream.is_live and self._live.wants_new_part:
                self._live.begin_part()  # of the pictures alone: the file has one part
            if whole:
                return whole
        return b""

    def _taken(self, data: bytes) -> bytes:
        """Take bytes of the stream, none at its end; return those of whole records."""
        self.has_ended = not data
        packets = self._live.packets
        self._live.feed(self._stream.plain(data))
        if self._live.packets > packets:
            self._heard_s = self._clock()
        if not self._stream.is_live:
            return data
        data = self._rest + data
        whole = len(data) - (0 if self.has_ended else self._live.unfinished_bytes)
        self._rest = data[whole:]
        return data[:whole]

    def _time_s(self) -> float:
        """What pictures are timed by: the stream's own time where it is played, else the clock."""
        return self._clock() if self._stream.is_live else self._live.now_s

    def _look_if_due(self) -> None:
        time_s = self._time_s()
        since_s = self._clock() - self._heard_s if self._stream.is_live else 0.0
        now_s = self._live.now_s + since_s
        if self._scheduler is not None and time_s >= self._next_glance_s:
            self._next_glance_s = time_s + GLANCE_S
            self._scheduler.look(now_s)
        if time_s >= self._next_look_s or self.has_ended:
            self._next_look_s = time_s + FOLLOW_LOOK_S
            self._on_picture(self._live.look(now_s))
        if self.has_ended and self._scheduler is not None:
            self._scheduler.end()


class StreamPart:
    """A part of the stream, as a source for the reader of captures (`wire.pcap.window.ByteSource`)."""

    def __init__(self, followed: FollowedStream, head: bytes) -> None:
        self._followed, self._rest = followed, head

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, b"" at the end."""
        if not self._rest:
            self._rest = self._followed.more()
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    def readinto(self, room: memoryview, /) -> int:
        """Fill `room` from its start; return how many bytes came, 0 at the end."""
        piece = self.read(len(room))
        room[: len(piece)] = piece
        return len(piece)


CALL_QUIET_S = 10.0
"""A call that nothing came of, either way, for so long is over; a change of networks takes less."""
CALL_UNSEEN_S = 120.0
"""So long a call is waited for."""
CALL_UNANSWERED_S = 30.0
"""So long set-up may bring no call, from when it was first seen; a phone rings for less."""
LONGEST_CALL_WAIT_S = 600.0


class OneCall:
    """Looks at pictures of a stream, one a second, until its call is over."""

    def __init__(self) -> None:
        self._set_up_s: float | None = None

    def is_over(self, picture: LivePicture) -> bool:
        """Whether there is nothing more to wait for at this moment."""
        now_s = picture.now_s
        if now_s >= LONGEST_CALL_WAIT_S:
            return True
        if picture.calls:
            return all(now_s - call.end_s >= CALL_QUIET_S for call in picture.calls)
        if picture.set_up and self._set_up_s is None:
            self._set_up_s = now_s
        if self._set_up_s is not None:
            return now_s - self._set_up_s >= CALL_UNANSWERED_S
        return now_s >= CALL_UNSEEN_S
