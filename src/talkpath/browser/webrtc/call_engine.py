"""One call at the far end, without sockets and clock: its `secure_transport`, and the media that is sent.

    engine = CallEngine(parse_offer(sdp), medium, host, port)
    engine.answer()                             # SDP, for the page
    engine.receive(now_s, data, source)         # -> datagrams to send
    engine.poll(now_s)                          # the same, at `engine.wake_s`
    engine.media(now_s, wall_s, tick)           # the packet of a tick, once the call is set up

What the browser sends is counted and never decoded.
"""

from __future__ import annotations

from secrets import token_hex

from talkpath.browser.webrtc.call_media import CallMedium
from talkpath.browser.webrtc.ice_agent import SocketAddress
from talkpath.browser.webrtc.rtp_sender import REPORT_S, RtpSender
from talkpath.browser.webrtc.secure_transport import SecureTransport, SourcedDatagrams
from talkpath.browser.webrtc.session_description import SdpOffer

RTP = range(128, 192)


class CallEngine:
    """The engine. `fragment` and `password` are this end's of ICE; `sent` has the ticks that were sent."""

    def __init__(self, offer: SdpOffer, medium: CallMedium, host: str, port: int) -> None:
        if offer.kind != ("video" if medium.picture_bytes else "audio"):
            raise ValueError("a call of another kind than is due")
        self._host, self._port, self._payload_type = host, port, offer.payload_type
        self._transport = SecureTransport(offer)
        self.fragment, self.password = self._transport.fragment, self._transport.password
        self._name = token_hex(8)
        self._sender = RtpSender(medium)
        self._report_due_s = 0.0

    @property
    def sent(self) -> list[int]:
        """The ticks for which a packet was sent."""
        return self._sender.sent

    @property
    def zero_stamp(self) -> int:
        """The RTP time stamp of tick 0."""
        return self._sender.zero_stamp

    @property
    def is_connected(self) -> bool:
        """Whether both ends have keys."""
        return self._transport.is_connected

    @property
    def wake_s(self) -> float:
        """When to call `poll`."""
        return self._transport.wake_s

    def answer(self) -> str:
        """The SDP answer."""
        return self._transport.answer(self._host, self._port, self._sender.ssrc, self._name)

    def receive(self, now_s: float, data: bytes, source: SocketAddress) -> SourcedDatagrams:
        """Take a datagram of this call."""
        if data[0] in RTP:
            if len(data) >= 12 and not 192 <= data[1] <= 223:
                self._sender.reception.add(data)
            return []
        said = self._transport.receive(now_s, data, source)
        self._transport.received.clear()  # a call has no data channels
        if self._transport.keys is not None and not self._sender.is_ready:
            self._sender.secure(self._transport.keys)
        return said

    def poll(self, now_s: float) -> SourcedDatagrams:
        """Repeat what was not answered in time."""
        return self._transport.poll(now_s)

    def media(self, now_s: float, wall_s: float, tick: int) -> SourcedDatagrams:
        """The packet of that tick, and a report each REPORT_S; nothing before the call is set up."""
        target = self._transport.target(now_s)
        if not self._sender.is_ready or target is None:
            return []
        sent: SourcedDatagrams = [(self._sender.packet(self._payload_type, tick), target)]
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + REPORT_S
            sent.append((self._sender.report(wall_s, tick, self._name), target))
        return sent

    def close(self, now_s: float) -> SourcedDatagrams:
        """End the call; return what tells the browser so."""
        return self._transport.close(now_s)
