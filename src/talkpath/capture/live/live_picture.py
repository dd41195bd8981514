"""What a stream of packets shows at one moment: its calls, set-up without a call yet, and other traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from talkpath.capture.calls.records import MeasuredCapture
from talkpath.capture.live.live_call import LiveCall
from talkpath.capture.live.recent_scan import RECENT_WINDOW_S
from talkpath.measure.call import Attempt

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
            same = (one for one in reversed(self.calls) if one.flows & flows and not one.has_ended(now_s))
            known = next(same, None)
            if known is None:
                known = self._added(call.app, call.start_s, flows, call.protocol)
            known.update(call, flows, since_s, now_s)
        recent = [one for one in measured.findings.attempts if one.end_s > now_s - LIVE_SETUP_S]
        self.set_up = tuple(sorted({one.app for one in recent}))
        self.unanswered = tuple(sorted({one.app for one in recent if _is_unanswered(one)}))

    def begin_anew(self) -> None:
        """Another scan follows: its flows have other numbers, so that its calls are others."""
        for call in self.calls:
            call.flows = set()

    def _added(self, app: str, start_s: float, flows: set[int], protocol: str) -> LiveCall:
        self._counted += 1
        call = LiveCall(
            number=self._counted,
            app=app,
            app_confidence=0.0,
            media=(),
            start_s=start_s,
            end_s=start_s,
            flows=flows,
            protocol=protocol,
        )
        self.calls = [*self.calls[1 - MOST_LIVE_CALLS :], call]
        return call


def _is_unanswered(attempt: Attempt) -> bool:
    waited_s, tries = attempt.end_s - attempt.start_s, max(attempt.requests, attempt.sent_packets)
    return not attempt.answered and waited_s >= LIVE_UNANSWERED_S and tries >= UNANSWERED_TRIES
