"""One call at the far end, without sockets and clock: its `secure_transport`, and the media that is sent.

    engine = CallEngine(parse_offer(sdp), medium)
    engine.answer(host, port)                   # SDP, for the page
    engine.receive(now_s, data, source)         # -> datagrams to send
    engine.poll(now_s)                          # the same, at `engine.wake_s`
    engine.media(now_s, wall_s, tick)           # the packet of a tick, once the call is set up

What the browser sends is counted and never decoded.

What this end sends in one call: RTP packets protected by SRTP, and an RTCP report each second (RFC 3550, RFC 3711).

One packet a tick, whose time stamp is that of its tick. A video packet is one whole VP8 frame with the descriptor of
RFC 7741. Reports tell what of the browser's packets came, as every receiver does; nothing is asked for again.
"""

from __future__ import annotations

import os
import struct
from secrets import token_hex
from typing import TYPE_CHECKING

from talkpath.browser.webrtc.call_media import STAMPS_A_TICK, CallMedium, packets_of
from talkpath.browser.webrtc.dtls_association import SrtpKeys
from talkpath.browser.webrtc.ice_agent import SocketAddress
from talkpath.browser.webrtc.secure_transport import SecureTransport, SourcedDatagrams
from talkpath.browser.webrtc.session_description import SdpOffer

if TYPE_CHECKING:
    from pylibsrtp import Session

VP8_DESCRIPTOR = b"\x90\x80"  # a picture id follows, and a partition begins
PICTURE_IDS = 1 << 15
SEQUENCES, STAMPS = 1 << 16, 1 << 32
REPORT_S = 1.0
NTP_EPOCH_S = 2_208_988_800  # from 1900 to 1970
SENDER_REPORT, SOURCE_DESCRIPTION, CNAME = 200, 202, 1

_RTP = struct.Struct("!BBHII")
_SENDER = struct.Struct("!BBHIQIII")
_REPORT = struct.Struct("!IIIIII")


class RtpSender:
    """The sender. `zero_stamp` is the RTP time stamp of tick 0, `ssrc` its source, `sent` the ticks that were sent."""

    def __init__(self, medium: CallMedium) -> None:
        self.ssrc = int.from_bytes(os.urandom(4), "big")
        self.zero_stamp = int.from_bytes(os.urandom(4), "big")
        self.sent: list[int] = []
        self._sequence = int.from_bytes(os.urandom(2), "big")
        self._step = STAMPS_A_TICK[medium.name]
        self._is_video = medium.picture_bytes > 0
        self._packets = packets_of(medium)
        self._session: Session | None = None
        self._bytes = 0
        self.reception = Reception()

    def secure(self, keys: SrtpKeys) -> None:
        """From now on packets can be sent: this end is the DTLS server."""
        from pylibsrtp import Policy, Session

        policy = Policy(
            key=keys.server,
            ssrc_type=Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=getattr(Policy, keys.profile.constant),
        )
        self._session = Session(policy)

    @property
    def is_ready(self) -> bool:
        """Whether there are keys."""
        return self._session is not None

    def packet(self, payload_type: int, tick: int) -> bytes:
        """The protected packet of that tick."""
        assert self._session is not None  # as `is_ready` said
        payload = self._packets[tick % len(self._packets)]
        marker = 0
        if self._is_video:
            marker = 0x80
            payload = VP8_DESCRIPTOR + (PICTURE_IDS | tick % PICTURE_IDS).to_bytes(2, "big") + payload
        stamp = (self.zero_stamp + self._step * tick) % STAMPS
        header = _RTP.pack(0x80, marker | payload_type, self._sequence, stamp, self.ssrc)
        self._sequence = (self._sequence + 1) % SEQUENCES
        self._bytes += len(payload)
        self.sent.append(tick)
        return self._session.protect(header + payload)

    def report(self, wall_s: float, tick: int, name: str) -> bytes:
        """The protected RTCP report at that time: a sender report and a source description."""
        assert self._session is not None  # as `is_ready` said
        blocks = self.reception.block()
        words = (_SENDER.size + len(blocks)) // 4 - 1
        ntp = int((wall_s + NTP_EPOCH_S) * (1 << 32)) & ((1 << 64) - 1)
        stamp = (self.zero_stamp + self._step * tick) % STAMPS
        first = 0x80 | bool(blocks)
        sender = _SENDER.pack(
            first, SENDER_REPORT, words, self.ssrc, ntp, stamp, len(self.sent), self._bytes % (1 << 32)
        )
        return self._session.protect_rtcp(sender + blocks + _source_description(self.ssrc, name))


def _source_description(ssrc: int, name: str) -> bytes:
    """The RTCP packet that gives the source its canonical name."""
    item = bytes((CNAME, len(name))) + name.encode()
    chunk = ssrc.to_bytes(4, "big") + item + bytes(4 - len(item) % 4)
    return struct.pack("!BBH", 0x81, SOURCE_DESCRIPTION, len(chunk) // 4) + chunk


class Reception:
    """What came of the browser's packets, as its report block says it (RFC 3550 section 6.4.1)."""

    def __init__(self) -> None:
        self._ssrc, self._first, self._highest, self._count = 0, 0, -1, 0
        self._due_before = self._count_before = 0

    def add(self, packet: bytes) -> None:
        """Count a packet, by its header."""
        _, _, number, _, ssrc = _RTP.unpack_from(packet)
        if self._highest < 0 or ssrc != self._ssrc:
            self._ssrc, self._first, self._highest, self._count = ssrc, number, number, 0
            self._due_before = self._count_before = 0
        ahead = (number - self._highest) % SEQUENCES
        if ahead < SEQUENCES // 2:
            self._highest += ahead
        self._count += 1

    def block(self) -> bytes:
        """The report block; empty if nothing came."""
        if self._highest < 0:
            return b""
        due = self._highest - self._first + 1
        lost = max(0, due - self._count)
        due_now, lost_now = due - self._due_before, (due - self._due_before) - (self._count - self._count_before)
        fraction = min(255, 256 * lost_now // due_now) if due_now > 0 and lost_now > 0 else 0
        self._due_before, self._count_before = due, self._count
        return _REPORT.pack(self._ssrc, fraction << 24 | min(lost, 0x7FFFFF), self._highest % (1 << 32), 0, 0, 0)


RTP = range(128, 192)


class CallEngine(SecureTransport):
    """The engine: a transport, and the `sender` of media, which has keys once the handshake is done."""

    def __init__(self, offer: SdpOffer, medium: CallMedium) -> None:
        if offer.kind != ("video" if medium.picture_bytes else "audio"):
            raise ValueError("a call of another kind than is due")
        self.sender = RtpSender(medium)
        super().__init__(offer, self.sender.ssrc, token_hex(8))
        self._payload_type, self._report_due_s = offer.payload_type, 0.0

    def receive(self, now_s: float, data: bytes, source: SocketAddress) -> SourcedDatagrams:
        """Take a datagram of this call."""
        if data[0] in RTP:
            if len(data) >= 12 and not 192 <= data[1] <= 223:
                self.sender.reception.add(data)
            return []
        said = super().receive(now_s, data, source)
        self.received.clear()  # a call has no data channels
        if self.keys is not None and not self.sender.is_ready:
            self.sender.secure(self.keys)
        return said

    def media(self, now_s: float, wall_s: float, tick: int) -> SourcedDatagrams:
        """The packet of that tick, and a report each REPORT_S; nothing before the call is set up."""
        target = self.target(now_s)
        if not self.sender.is_ready or target is None:
            return []
        sent: SourcedDatagrams = [(self.sender.packet(self._payload_type, tick), target)]
        if now_s >= self._report_due_s:
            self._report_due_s = now_s + REPORT_S
            sent.append((self.sender.report(wall_s, tick, self._name), target))
        return sent
