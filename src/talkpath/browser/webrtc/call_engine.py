"""One call at the far end, without sockets and clock: ICE, DTLS, and what is sent in it.

    engine = CallEngine(parse_offer(sdp), medium, host, port)
    engine.answer()                             # SDP, for the page
    engine.receive(now_s, data, source)         # -> datagrams to send
    engine.poll(now_s)                          # the same, at `engine.wake_s`
    engine.media(now_s, tick)                   # the packet of a tick, once the call is set up

What the browser sends is counted and never decoded. To an address that is not proven yet no more of a handshake is sent
than MOST_UNPROVEN times what came from it (as RFC 9000 section 8 has it); the rest waits until it is.
"""

from __future__ import annotations

from secrets import token_hex

from talkpath.browser.webrtc.call_media import Medium
from talkpath.browser.webrtc.dtls_association import Certificate, DtlsAssociation
from talkpath.browser.webrtc.ice_agent import NEVER, IceAgent, Source
from talkpath.browser.webrtc.rtp_sender import REPORT_S, RtpSender
from talkpath.browser.webrtc.session_description import Answer, Credentials, Offer

STUN, DTLS, RTP = range(4), range(20, 64), range(128, 192)
MOST_UNPROVEN, MOST_HELD = 3, 4

Datagrams = list[tuple[bytes, Source]]


class CallEngine:
    """The engine. `fragment` is this end's ICE user name fragment; `sent` has the ticks that were sent."""

    def __init__(self, offer: Offer, medium: Medium, host: str, port: int) -> None:
        if (offer.kind == "video") != bool(medium.picture_bytes):
            raise ValueError("a call of another kind than is due")
        own, certificate = Credentials(token_hex(4), token_hex(16)), Certificate()
        self.fragment, self._name = own.fragment, token_hex(8)
        self._agent = IceAgent(own, offer.credentials)
        self._dtls = DtlsAssociation(certificate, offer.fingerprints)
        self._sender = RtpSender(medium)
        self._payload_type = offer.payload_type
        self._credit: dict[Source, int] = {}
        self._client: Source | None = None  # where the handshake comes from
        self._held: list[bytes] = []  # what may not be sent there yet
        self._dtls_due_s, self._report_due_s = NEVER, 0.0
        self._answer = Answer(
            offer=offer,
            host=host,
            port=port,
            credentials=own,
            fingerprint=certificate.fingerprint(),
            ssrc=self._sender.ssrc,
            name=self._name,
        )

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
        return self._dtls.state == "connected"

    @property
    def wake_s(self) -> float:
        """When to call `poll`."""
        return min(self._agent.wake_s, self._dtls_due_s)

    def answer(self) -> str:
        """The SDP answer."""
        return self._answer.text()

    def receive(self, now_s: float, data: bytes, source: Source) -> Datagrams:
        """Take a datagram of this call."""
        first = data[0]
        if first in RTP:
            if len(data) >= 12 and not 192 <= data[1] <= 223:
                self._sender.reception.add(data)
            return []
        if first in STUN:
            said = [(each, source) for each in self._agent.receive(now_s, data, source)]
            return said + self._affordable(now_s, []) if self._held else said
        if first in DTLS and self._agent.knows(source):
            return self._take_dtls(now_s, data, source)
        return []

    def _take_dtls(self, now_s: float, data: bytes, source: Source) -> Datagrams:
        self._client = source
        self._credit[source] = self._credit.get(source, 0) + MOST_UNPROVEN * len(data)
        said = self._dtls.receive(data)
        self._dtls.received.clear()  # a call has no data channels
        if self._dtls.keys is not None and not self._sender.is_ready:
            self._sender.secure(self._dtls.keys)
        self._note_wait(now_s)
        return self._affordable(now_s, said)

    def _note_wait(self, now_s: float) -> None:
        wait_s = self._dtls.wait_s()
        self._dtls_due_s = NEVER if wait_s is None else now_s + wait_s

    def _affordable(self, now_s: float, said: list[bytes]) -> Datagrams:
        """What may be sent to where the handshake comes from."""
        client = self._client
        if client is None:
            return []
        waiting, self._held = [*self._held, *said][-MOST_HELD:], []
        sent: Datagrams = []
        for number, datagram in enumerate(waiting):
            if not self._agent.has_consent(client, now_s):
                if self._credit[client] < len(datagram):
                    self._held = waiting[number:]
                    break
                self._credit[client] -= len(datagram)
            sent.append((datagram, client))
        return sent

    def poll(self, now_s: float) -> Datagrams:
        """Repeat what was not answered in time."""
        sent = self._agent.poll(now_s)
        if now_s >= self._dtls_due_s:
            sent += self._affordable(now_s, self._dtls.poll())
            self._note_wait(now_s)
        return sent

    def media(self, now_s: float, wall_s: float, tick: int) -> Datagrams:
        """The packet of that tick, and a report each REPORT_S; nothing before the call is set up."""
        target = self._agent.selected
        if not self._sender.is_ready or target is None or not self._agent.has_consent(target, now_s):
            return []
        sent: Datagrams = [(self._sender.packet(self._payload_type, tick), target)]
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + REPORT_S
            sent.append((self._sender.report(wall_s, tick, self._name), target))
        return sent

    def close(self, now_s: float) -> Datagrams:
        """End the call; return what tells the browser so."""
        return self._affordable(now_s, self._dtls.close())
