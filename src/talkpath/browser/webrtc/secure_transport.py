"""What a call or a data channel goes through at the far end: ICE and DTLS, without sockets and clock.

    transport = SecureTransport(parse_offer(sdp))
    transport.answer(host, port)                # SDP, for the page
    transport.receive(now_s, data, source)      # -> datagrams to send; application data is then in `received`
    transport.poll(now_s)                       # the same, at `transport.wake_s`
    transport.send(now_s, data)                 # application data, encrypted

To an address that is not proven yet no more of a handshake is sent than MOST_UNPROVEN times what came from it (as
RFC 9000 section 8 has it); the rest waits until it is.

What a page can make a far end keep of SCTP, decided before SCTP itself sees a packet (RFC 9260, RFC 3758).

A twin is one data channel, whose messages go one to a packet. Whatever else comes is left out: to the sender that looks
like loss, which an unreliable channel reports (FORWARD TSN) and goes on from. Contract: pure; any bytes give an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex

from talkpath.browser.webrtc.dtls_association import Certificate, DtlsAssociation, SrtpKeys
from talkpath.browser.webrtc.ice_agent import NEVER_DUE_S, IceAgent, SocketAddress
from talkpath.browser.webrtc.session_description import Credentials, SdpAnswer, SdpOffer

STUN, DTLS = range(4), range(20, 64)
MOST_UNPROVEN, MOST_HELD = 3, 4

SourcedDatagrams = list[tuple[bytes, SocketAddress]]


class SecureTransport:
    """The transport. `fragment` and `password` are this end's of ICE; `received` has the application data that came;
    its media has the source `ssrc`, with a name."""

    def __init__(self, offer: SdpOffer, ssrc: int = 0, name: str = "") -> None:
        self._offer, self._ssrc, self._name = offer, ssrc, name
        self._certificate = Certificate.fresh()
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

    def answer(self, host: str, port: int) -> str:
        """The SDP answer. This end is reached at `host` and `port`."""
        answer = SdpAnswer(
            offer=self._offer,
            host=host,
            port=port,
            credentials=self._own,
            fingerprint=self._certificate.fingerprint(),
            ssrc=self._ssrc,
            name=self._name,
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


HEADER_BYTES, CHUNK_HEADER_BYTES = 12, 4
DATA, INIT, FORWARD_TSN = 0, 1, 192
DCEP_PROTOCOL, DCEP_OPEN = 50, 3  # RFC 8832: the message that opens a channel
MAX_DATA_CHUNKS = 5000  # of one twin: several times what an epoch sends
MAX_CHUNKS_AHEAD = 256  # of what is missing before them: SCTP sorts them at every packet
TSN_MODULO = 1 << 32


class SctpBounds:
    """The bounds of one twin. `admits` has to see its packets in their order."""

    def __init__(self) -> None:
        self._chunk_count = 0
        self._stream: bytes | None = None
        self._cumulative: int | None = None  # the last number up to which none is missing
        self._ahead: set[int] = set()

    def admits(self, packet: bytes) -> bool:
        """Whether SCTP may take the packet, all of it."""
        return all(self._admits_chunk(kind, body) for kind, body in sctp_chunks(packet))

    def _admits_chunk(self, kind: int, body: bytes) -> bool:
        if kind == INIT and len(body) >= 16 and self._cumulative is None:
            self._move(int.from_bytes(body[12:16], "big") - 1)
        if kind == FORWARD_TSN and len(body) >= 4:
            self._move(int.from_bytes(body[:4], "big"))
            return all(body[at : at + 2] == self._stream for at in range(4, len(body) - 3, 4))
        return kind != DATA or self._admits_data(body)

    def _admits_data(self, body: bytes) -> bool:
        """One stream, opened once; not too many in all, nor too many that came before what is missing."""
        self._chunk_count += 1
        stream, is_first = body[4:6], self._stream is None
        self._stream = self._stream or stream
        opens = body[8:12] == DCEP_PROTOCOL.to_bytes(4, "big") and body[12:13] == bytes([DCEP_OPEN])
        if stream != self._stream or self._chunk_count > MAX_DATA_CHUNKS or (opens and not is_first):
            return False
        return self._is_near(int.from_bytes(body[:4], "big"))

    def _is_near(self, number: int) -> bool:
        if self._cumulative is None or not 0 < (number - self._cumulative) % TSN_MODULO < TSN_MODULO // 2:
            return True  # nothing is known yet, or it came before
        if number != (self._cumulative + 1) % TSN_MODULO and len(self._ahead) >= MAX_CHUNKS_AHEAD:
            return False
        self._ahead.add(number)
        self._advance()
        return True

    def _move(self, cumulative: int) -> None:
        """Nothing up to that number is missing any more."""
        self._cumulative = cumulative % TSN_MODULO
        self._ahead = {one for one in self._ahead if 0 < (one - cumulative) % TSN_MODULO < TSN_MODULO // 2}
        self._advance()

    def _advance(self) -> None:
        while self._cumulative is not None and (after := (self._cumulative + 1) % TSN_MODULO) in self._ahead:
            self._ahead.remove(after)
            self._cumulative = after


def sctp_chunks(packet: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each chunk of a packet, up to the first that is cut or damaged (RFC 9260 section 3.2)."""
    at = HEADER_BYTES
    while at + CHUNK_HEADER_BYTES <= len(packet):
        size = int.from_bytes(packet[at + 2 : at + 4], "big")
        if size < CHUNK_HEADER_BYTES or at + size > len(packet):
            return
        yield packet[at], packet[at + CHUNK_HEADER_BYTES : at + size]
        at += (size + 3) // 4 * 4
