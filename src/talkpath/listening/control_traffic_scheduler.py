"""Joins what is seen of calls with the control traffic beside them: when it begins, what it imitates, when it ends.

An engine: `live` is fed with the stream, `look` is called a few times a second.

Finds the packets of a call's flows among all frames, one by one and cheaply.

A frame of a flow holds its two addresses and ports one behind the other, whatever link layer is around them: twelve
bytes in IPv4 without options, 36 in IPv6 without extension headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from talkpath.capture.live.live_capture import LiveCapture
from talkpath.capture.live.live_picture import LiveCall, LivePicture
from talkpath.listening.control_traffic_session import ControlTrafficSession
from talkpath.wire.ip.address import Address

LOOKED_AT_BYTES = 160
"""So many bytes of a frame are searched: link headers, IP and UDP."""
SHORTEST_PAYLOAD_BYTES = 8


class CallPackets:
    """The UDP flows that are followed now."""

    def __init__(self) -> None:
        self._needles: tuple[tuple[bytes, bool], ...] = ()

    def follow(self, flows: Iterable[tuple[Address, Address]]) -> None:
        """Follow these flows, each as (local end, far end), and no others."""
        needles = []
        for near, far in flows:
            ports = near.port.to_bytes(2, "big"), far.port.to_bytes(2, "big")
            needles.append((near.packed + far.packed + ports[0] + ports[1], True))
            needles.append((far.packed + near.packed + ports[1] + ports[0], False))
        self._needles = tuple(needles)

    def find(self, frame: memoryview) -> tuple[bool, int] | None:
        """Return (whether it was sent, bytes of its UDP payload) of a frame of one of the flows."""
        if not self._needles:
            return None
        head = bytes(frame[:LOOKED_AT_BYTES])
        for needle, sent in self._needles:
            at = head.find(needle)
            if at >= 0:
                length = int.from_bytes(head[at + len(needle) : at + len(needle) + 2], "big")
                return (sent, length - 8) if length >= SHORTEST_PAYLOAD_BYTES else None
        return None


PICTURE_LOOK_S = 0.25
"""`look` is called so often."""
FRESH_CALL_S = 2.0
"""Control traffic begins beside a call whose media came so short a time ago."""
CALL_OVER_S = 5.0
"""It ends so long after the last packet of the call."""
CALL_SETUP_S = 20.0
"""It runs beside set-up that brings no media for so long at most, and not again for PAUSE_S."""
ACCOMPANY_PAUSE_S = 20.0
UNSPECIFIC_APPS = ("webrtc", "rtp", "unknown")
"""Set-up that may be of anything: control traffic begins beside it once it waits for an answer."""


class ControlTrafficScheduler:
    """Runs control traffic beside one call at a time, the latest. `clock` is that of the driver of `session`."""

    def __init__(self, session: ControlTrafficSession, clock: Callable[[], float]) -> None:
        self.live = LiveCapture(self._packet)
        self._session, self._clock = session, clock
        self._packets = CallPackets()
        self._call: LiveCall | None = None
        self._set_up_s = self._not_before_s = -inf
        self._is_running = False

    def look(self, now_s: float) -> LivePicture:
        """Measure the stream, at a moment of its own time, and act on what is seen."""
        picture = self.live.look(now_s)
        call = self._latest(picture)
        if call is not None:
            self._beside(call, picture)
        elif self._is_running and self._is_over(picture):
            self.end(picture.now_s)
        elif not self._is_running and self._asks(picture):
            self._set_up_s = picture.now_s
            self._begin(picture, picture.now_s)
        return picture

    def end(self, now_s: float = inf) -> None:
        """The call is over, or nobody listens any more."""
        if self._is_running:
            self._session.call_ended()
        self._is_running, self._call, self._not_before_s = False, None, now_s + ACCOMPANY_PAUSE_S
        self._packets.follow(())

    def _latest(self, picture: LivePicture) -> LiveCall | None:
        fresh = [one for one in picture.running if one.protocol == "udp" and picture.now_s - one.end_s < CALL_OVER_S]
        if self._call is None:
            fresh = [one for one in fresh if picture.now_s - one.end_s < FRESH_CALL_S]
        return fresh[-1] if fresh else None

    def _beside(self, call: LiveCall, picture: LivePicture) -> None:
        if self._call is not None and call is not self._call:
            self.end(-inf)
        if not self._is_running:
            self._begin(picture, call.start_s)
        self._call = call
        self._packets.follow(self._flows(call))

    def _begin(self, picture: LivePicture, at_s: float) -> None:
        if picture.begun_ns is not None:
            self._is_running = True
            self._session.call_began(picture.begun_ns + round(1e9 * at_s))

    def _is_over(self, picture: LivePicture) -> bool:
        return self._call is not None or not picture.set_up or picture.now_s - self._set_up_s > CALL_SETUP_S

    def _asks(self, picture: LivePicture) -> bool:
        """Whether an app with a name sets up a call, or anything does that nobody answers."""
        asks = any(app not in UNSPECIFIC_APPS for app in picture.set_up) or bool(picture.unanswered)
        return asks and picture.now_s >= self._not_before_s

    def _flows(self, call: LiveCall) -> list[tuple[Address, Address]]:
        """Return the ends of the flows that carry the call's media."""
        measured, out = self.live.measured, []
        for place, detected in enumerate(measured.calls if measured else ()):
            if measured is None or not call.flows & set(detected.flows):
                continue
            flows = measured.findings.calls[place].flows
            for flow, (near, far, protocol) in zip(flows, measured.endpoints(place), strict=True):
                if protocol == "udp" and flow.media_sent + flow.media_received:
                    out.append((near, far))
        return out

    def _packet(self, time_ns: int, frame: memoryview) -> None:
        found = self._packets.find(frame)
        if found is not None:
            sent, size = found
            self._session.call_packet(self._clock(), time_ns, size, sent=sent)
