"""One call at the far end, without sockets and clock: its `secure_transport`, and the media that is sent.

    engine = CallEngine(parse_offer(sdp), medium, host, port)
    engine.answer()                             # SDP, for the page
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
