"""What a stream of packets shows at one moment: its calls, set-up without a call yet, and other traffic.

Of a call that goes on `LiveCall` holds what is known of its seconds so far. Each measurement of the last seconds
replaces what earlier ones said of them. The first seconds of a measurement are cut by its edge, and the last may lack
packets that are still on their way: neither replaces what is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from talkpath.capture.calls.records import MeasuredCapture
from talkpath.capture.live.recent_scan import RECENT_WINDOW_S
from talkpath.measure.call import Call, Moment, RecordedDirection, Second

MOST_LIVE_CALLS = 50
"""So many calls are shown; earlier ones that have ended are dropped."""
LIVE_UNANSWERED_S, UNANSWERED_TRIES = 2.0, 3
"""So long, and with so many packets, set-up went on without an answer."""
LIVE_SETUP_S = 15.0
"""Set-up is shown for so long after its last packet."""


@dataclass(frozen=True, slots=True)
class LivePicture:
    """One moment of the stream, at `now_s` seconds from its first packet. `begun_ns` is when that came, None before
    it. `set_up` are apps whose set-up was seen a moment ago, and which have no call; `unanswered` those of them whose
    requests nothing answered for a while."""

    now_s: float = 0.0
    begun_ns: int | None = None
    packets: int = 0
    calls: Sequence[LiveCall] = ()
    set_up: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def running(self) -> tuple[LiveCall, ...]:
        """The calls that have not ended."""
        return tuple(call for call in self.calls if not call.has_ended(self.now_s))


@dataclass(slots=True)
class LiveCalls:
    """The calls of the stream so far."""

    calls: list[LiveCall] = field(default_factory=list)
    set_up: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    _counted: int = 0

    def update(self, measured: MeasuredCapture, now_s: float) -> None:
        """Take a measurement of the last seconds."""
        since_s = now_s - RECENT_WINDOW_S
        for call, detected in zip(measured.findings.calls, measured.calls, strict=True):
            flows = set(detected.flows)
            known = next((one for one in reversed(self.calls) if one.flows & flows and not one.has_ended(now_s)), None)
            if known is None:
                self._counted += 1
                known = LiveCall(
                    number=self._counted,
                    app=call.app,
                    app_confidence=0.0,
                    media=(),
                    start_s=call.start_s,
                    end_s=call.start_s,
                    flows=flows,
                    protocol=call.protocol,
                )
                self.calls = [*self.calls[1 - MOST_LIVE_CALLS :], known]
            known.update(call, flows, since_s, now_s)
        recent = [one for one in measured.findings.attempts if one.end_s > now_s - LIVE_SETUP_S]
        self.set_up = tuple(sorted({one.app for one in recent}))
        unanswered = {
            one.app
            for one in recent
            if not one.answered
            and one.end_s - one.start_s >= LIVE_UNANSWERED_S
            and max(one.requests, one.sent_packets) >= UNANSWERED_TRIES
        }
        self.unanswered = tuple(sorted(unanswered))

    def begin_anew(self) -> None:
        """Another scan follows: its flows have other numbers, so that its calls are others."""
        for call in self.calls:
            call.flows = set()


STRIP_SECONDS = 120
"""So many seconds are kept one by one; earlier ones in sums."""
EDGE_SECONDS = 2
CALL_ENDED_S = 30.0
"""After so long without media a call has ended (as `detected_call.PAUSE_S`)."""


class DirectionSoFar(Struct, frozen=True):
    """Sums over one direction of a call. `lost` is None as long as nothing shows it; `last_s` is the latest second with
    a packet, None for never."""

    packets: int = 0
    lost: int | None = None
    last_s: int | None = None

    def plus(self, at_s: int, second: Second) -> DirectionSoFar:
        """Add one second."""
        lost = self.lost if second.lost is None else (self.lost or 0) + second.lost
        return DirectionSoFar(self.packets + second.packets, lost, at_s if second.packets else self.last_s)


@dataclass(slots=True)
class LiveCall:
    """One call. Times are seconds of the stream; `flows` are numbers of the scan's flows."""

    number: int
    app: str
    app_confidence: float
    media: tuple[str, ...]
    start_s: float
    end_s: float
    flows: set[int]
    protocol: str
    _recent: dict[int, Moment] = field(default_factory=dict)
    _sums: dict[RecordedDirection, DirectionSoFar] = field(
        default_factory=lambda: {"sent": DirectionSoFar(), "received": DirectionSoFar()}
    )

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The latest seconds, at most STRIP_S."""
        return tuple(moment for _, moment in sorted(self._recent.items()))

    def so_far(self, direction: RecordedDirection) -> DirectionSoFar:
        """Return the sums of one direction, of all seconds."""
        out = self._sums[direction]
        for at_s, moment in sorted(self._recent.items()):
            out = out.plus(at_s, moment.sent if direction == "sent" else moment.received)
        return out

    def has_ended(self, now_s: float) -> bool:
        """Whether no media has come for so long that a call would be another one."""
        return now_s - self.end_s > CALL_ENDED_S

    def update(self, call: Call, flows: set[int], since_s: float, now_s: float) -> None:
        """Take a measurement of the last seconds, which began at `since_s`."""
        self.flows |= flows
        if call.app_confidence >= self.app_confidence:
            self.app, self.app_confidence = call.app, call.app_confidence
        self.media = tuple(medium for medium in ("voice", "video") if medium in {*self.media, *call.media})
        self.start_s = min(self.start_s, call.start_s)
        self.end_s = max(self.end_s, call.start_s + call.duration_s)
        for moment in call.seconds:
            cut = moment.at_s < since_s + EDGE_SECONDS and moment.at_s in self._recent
            is_late = moment.at_s + STRIP_SECONDS < max(self._recent, default=-float("inf"))
            if not (cut or is_late) and moment.at_s + 1 <= now_s:
                self._recent[moment.at_s] = moment
        for at_s in sorted(self._recent)[:-STRIP_SECONDS]:
            moment = self._recent.pop(at_s)
            self._sums["sent"] = self._sums["sent"].plus(at_s, moment.sent)
            self._sums["received"] = self._sums["received"].plus(at_s, moment.received)
