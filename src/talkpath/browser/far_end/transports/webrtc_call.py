"""One real call on the shared port. What the browser sends is counted by its lane and never decoded."""

from __future__ import annotations

import time

from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.far_end.transports.webrtc_flow import WebRtcFlow
from talkpath.browser.webrtc.call_engine import CallEngine
from talkpath.browser.webrtc.call_media import CallMedium
from talkpath.browser.webrtc.session_description import parse_offer


class WebRtcCall(WebRtcFlow[CallEngine]):
    """The call."""

    def __init__(self, port: SharedPort, host: str, medium: CallMedium) -> None:
        super().__init__(port, host)
        self._medium = medium

    @property
    def sent(self) -> tuple[int, ...]:
        """The slots that were sent."""
        return tuple(self._engine.sent) if self._engine else ()

    @property
    def zero_stamp(self) -> int | None:
        """The RTP time stamp of slot 0; None if nothing was sent."""
        return self._engine.zero_stamp if self._engine and self._engine.sent else None

    async def answer(self, sdp: str) -> str:
        """Return the SDP answer to an offer. `ValueError` if it is no valid offer."""
        engine = CallEngine(parse_offer(sdp), self._medium, self._host, self._port.address[1])
        self._begin(engine)
        return engine.answer()

    def tick(self, slot: int) -> None:
        """Send slot `slot`, if the call is set up."""
        if self._engine is not None:
            self._send(self._engine.media(time.monotonic(), time.time(), slot))
