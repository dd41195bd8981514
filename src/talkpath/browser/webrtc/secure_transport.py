"""What a call or a data channel goes through at the far end: ICE and DTLS, without sockets and clock.

    transport = SecureTransport(parse_offer(sdp))
    transport.answer(host, port)                # SDP, for the page
    transport.receive(now_s, data, source)      # -> datagrams to send; application data is then in `received`
    transport.poll(now_s)                       # the same, at `transport.wake_s`
    transport.send(now_s, data)                 # application data, encrypted

To an address that is not proven yet no more of a handshake is sent than MOST_UNPROVEN times what came from it (as
RFC 9000 section 8 has it); the rest waits until it is.
"""

from __future__ import annotations

from secrets import token_hex

from talkpath.browser.webrtc.dtls_association import Certificate, DtlsAssociation, SrtpKeys
from talkpath.browser.webrtc.ice_agent import NEVER_DUE_S, IceAgent, SocketAddress
from talkpath.browser.webrtc.session_description import Credentials, SdpAnswer, SdpOffer

STUN, DTLS = range(4), range(20, 64)
MOST_UNPROVEN, MOST_HELD = 3, 4

SourcedDatagrams = list[tuple[bytes, SocketAddress]]


class SecureTransport:
    """The transport. `fragment` and `password` are this end's of ICE; `received` has the application data that came."""

    def __init__(self, offer: SdpOffer) -> None:
        self._offer, self._certificate = offer, Certificate()
        self._own = Credentials(token_hex(4), token_hex(16))
        self.fragment, self.password = self._own.fragment, self._own.password
        self._agent = IceAgent(self._own, offer.credentials)
        self._dtls = DtlsAssociation(self._certificate, offer.fingerprints, has_media=offer.kind != "application")
        self.received = self._dtls.received
        self._credit: dict[SocketAddress, int] = {}
        self._client: SocketAddress | None = None  # where the handshake comes from
        self._held: list[bytes] = []  # what may not be sent there yet
        self._dtls_due_s = NEVER_DUE_S

    @property
    def is_connected(self) -> bool:
        """Whether the handshake is done."""
        return self._dtls.state == "connected"

    @property
    def keys(self) -> SrtpKeys | None:
        """The keys of media, once the handshake is done."""
        return self._dtls.keys

    @property
    def wake_s(self) -> float:
        """When to call `poll`."""
        return min(self._agent.wake_s, self._dtls_due_s)

    def answer(self, host: str, port: int, ssrc: int = 0, name: str = "") -> str:
        """The SDP answer. This end is reached at `host` and `port`; its media has the source `ssrc` with that name."""
        answer = SdpAnswer(
            offer=self._offer,
            host=host,
            port=port,
            credentials=self._own,
            fingerprint=self._certificate.fingerprint(),
            ssrc=ssrc,
            name=name,
        )
        return answer.text()

    def target(self, now_s: float) -> SocketAddress | None:
        """Where to send to; None while no address is proven."""
        selected = self._agent.selected
        return selected if selected is not None and self._agent.has_consent(selected, now_s) else None

    def receive(self, now_s: float, data: bytes, source: SocketAddress) -> SourcedDatagrams:
        """Take a datagram of STUN or DTLS; others are ignored."""
        if data[0] in STUN:
            said = [(each, source) for each in self._agent.receive(now_s, data, source)]
            return said + self._affordable(now_s, []) if self._held else said
        if data[0] in DTLS and self._agent.knows(source):
            checks = [(each, source) for each in self._agent.check_again(now_s, source)]
            return checks + self._take_dtls(now_s, data, source)
        return []

    def _take_dtls(self, now_s: float, data: bytes, source: SocketAddress) -> SourcedDatagrams:
        self._client = source
        self._credit[source] = self._credit.get(source, 0) + MOST_UNPROVEN * len(data)
        said = self._dtls.receive(data)
        self._note_wait(now_s)
        return self._affordable(now_s, said)

    def _note_wait(self, now_s: float) -> None:
        wait_s = self._dtls.wait_s()
        self._dtls_due_s = NEVER_DUE_S if wait_s is None else now_s + wait_s

    def _affordable(self, now_s: float, said: list[bytes]) -> SourcedDatagrams:
        """What may be sent to where the handshake comes from."""
        client = self._client
        if client is None:
            return []
        waiting, self._held = [*self._held, *said][-MOST_HELD:], []
        sent: SourcedDatagrams = []
        for number, datagram in enumerate(waiting):
            if not self._agent.has_consent(client, now_s):
                if self._credit[client] < len(datagram):
                    self._held = waiting[number:]
                    break
                self._credit[client] -= len(datagram)
            sent.append((datagram, client))
        return sent

    def poll(self, now_s: float) -> SourcedDatagrams:
        """Repeat what was not answered in time."""
        sent = self._agent.poll(now_s)
        if now_s >= self._dtls_due_s:
            sent += self._affordable(now_s, self._dtls.poll())
            self._note_wait(now_s)
        return sent

    def send(self, now_s: float, data: bytes) -> SourcedDatagrams:
        """Application data, encrypted; nothing before the handshake is done, and while no address is proven."""
        target = self.target(now_s)
        return [] if target is None else [(datagram, target) for datagram in self._dtls.send(data)]

    def close(self, now_s: float) -> SourcedDatagrams:
        """End it; return what tells the browser so."""
        return self._affordable(now_s, self._dtls.close())
