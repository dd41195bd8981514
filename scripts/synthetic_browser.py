"""A browser's end of calls and twins without a browser: the load of bench/browser_far_end.py, and an end for tests.

`NearCall` offers a call as Chromium does (its own SDP, shortened), checks connectivity, is the DTLS client, and sends
voice or video by SRTP. It has no sockets and no clock.
"""

from __future__ import annotations

import os
import re
import struct
from secrets import token_hex

from pylibsrtp import Policy, Session

from talkpath.browser.webrtc.call_media import RTP_BYTES, STAMPS_A_TICK, TAG_BYTES, CallMedium
from talkpath.browser.webrtc.dtls_association import Certificate, DtlsAssociation
from talkpath.browser.webrtc.session_description import DIGESTS, Credentials, Fingerprint
from talkpath.errors import WireError
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type, encode_with_integrity, is_sealed

PAYLOAD_TYPES = {"voice": 111, "video": 96}
OFFER = """v=0\r
o=- 5447294808999683343 2 IN IP4 127.0.0.1\r
s=-\r
t=0 0\r
a=group:BUNDLE 0\r
a=extmap-allow-mixed\r
a=msid-semantic: WMS\r
m={kind} 9 UDP/TLS/RTP/SAVPF {number}\r
c=IN IP4 0.0.0.0\r
a=rtcp:9 IN IP4 0.0.0.0\r
a=ice-ufrag:{fragment}\r
a=ice-pwd:{password}\r
a=ice-options:trickle\r
a=fingerprint:sha-256 {fingerprint}\r
a=setup:actpass\r
a=mid:0\r
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r
a=sendrecv\r
a=msid:- 97a19b96-157a-45fe-8475-b6a2c0bb9d16\r
a=rtcp-mux\r
a=rtcp-rsize\r
a=rtpmap:{number} {codec}\r
a=ssrc:3733543851 cname:H1FZ+Kbc6jZZhMmZ\r
"""
CODECS = {"voice": "opus/48000/2", "video": "VP8/90000"}
KINDS = {"voice": "audio", "video": "video"}
SSRC = 3733543851


class DtlsClient(DtlsAssociation):
    """An association of which this end is the client, as a browser is."""

    def start(self) -> list[bytes]:
        """Begin the handshake."""
        self._ssl.set_connect_state()
        self._shake_hands()
        return self._take_out()


class NearCall:
    """The browser's end of one call. `answered` takes the page's answer; then `start` gives the first datagram.

    `received` counts RTP packets by their time stamps; `is_connected` is whether media can be sent.
    """

    def __init__(self, medium: CallMedium) -> None:
        self.medium = medium
        self.own = Credentials(token_hex(2), token_hex(12))
        self.certificate = Certificate.fresh()
        self.received: list[int] = []
        self.reports = 0
        self._far = Credentials("", "")
        self._dtls: DtlsClient | None = None
        self._tx: Session | None = None
        self._rx: Session | None = None
        self._sequence = int.from_bytes(os.urandom(2), "big") >> 1
        self._transaction = b""
        self._is_reachable = False

    def offer(self) -> str:
        """The SDP offer."""
        name = self.medium.name
        return OFFER.format(
            kind=KINDS[name],
            number=PAYLOAD_TYPES[name],
            codec=CODECS[name],
            fragment=self.own.fragment,
            password=self.own.password,
            fingerprint=self.certificate.fingerprint().value.hex(":").upper(),
        )

    def answered(self, sdp: str) -> None:
        """Take the answer."""
        self._far = Credentials(_value("ice-ufrag", sdp), _value("ice-pwd", sdp))
        digest, value = _value("fingerprint", sdp).split()
        assert digest in DIGESTS
        expected = Fingerprint(digest, bytes.fromhex(value.replace(":", "")))
        self._dtls = DtlsClient(self.certificate, [expected])

    @property
    def is_connected(self) -> bool:
        """Whether media can be sent."""
        return self._tx is not None

    @property
    def state(self) -> str:
        """The state of its DTLS association."""
        return self._dtls.state if self._dtls else "new"

    def check(self, *, nominate: bool = True) -> bytes:
        """A connectivity check."""
        self._transaction = os.urandom(12)
        attributes = (
            (Attribute.USERNAME, f"{self._far.fragment}:{self.own.fragment}".encode()),
            (Attribute.PRIORITY, (1853824767).to_bytes(4, "big")),
            (Attribute.ICE_CONTROLLING, bytes(8)),
            *([(Attribute.USE_CANDIDATE, b"")] if nominate else []),
        )
        return encode_with_integrity(
            StunMessage(Type.BINDING_REQUEST, self._transaction, attributes), self._far.password.encode()
        )

    def receive(self, data: bytes) -> list[bytes]:
        """Take a datagram; return what is to be sent."""
        if data[0] < 4:
            return self._take_stun(data)
        if 128 <= data[0] < 192:
            self._take_media(data)
            return []
        assert self._dtls is not None
        said = self._dtls.receive(data)
        self._secure()
        return said

    def poll(self) -> list[bytes]:
        """Repeat the handshake's last flight if it is time."""
        return self._dtls.poll() if self._dtls else []

    def _take_stun(self, data: bytes) -> list[bytes]:
        try:
            message = stun.decode_message(data)
        except WireError:
            return []
        if message.type == Type.BINDING_REQUEST and is_sealed(data, self.own.password.encode()):
            return [
                encode_with_integrity(
                    StunMessage(Type.BINDING_RESPONSE, message.transaction), self.own.password.encode()
                )
            ]
        is_answer = message.type == Type.BINDING_RESPONSE and message.transaction == self._transaction
        if is_answer and is_sealed(data, self._far.password.encode()) and not self._is_reachable:
            self._is_reachable = True
            assert self._dtls is not None
            return self._dtls.start()
        return []

    def _secure(self) -> None:
        assert self._dtls is not None
        if self._dtls.keys is None or self._tx is not None:
            return
        keys = self._dtls.keys
        profile = getattr(Policy, keys.profile.constant)
        self._tx = Session(Policy(key=keys.client, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._rx = Session(Policy(key=keys.server, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))

    def _take_media(self, data: bytes) -> None:
        if self._rx is None:
            return
        if 192 <= data[1] <= 223:
            self._rx.unprotect_rtcp(data)
            self.reports += 1
        else:
            self.received.append(int.from_bytes(self._rx.unprotect(data)[4:8], "big"))

    def media(self, tick: int) -> bytes:
        """The protected packet of that tick."""
        assert self._tx is not None
        medium = self.medium
        stamp = tick * STAMPS_A_TICK[medium.name]
        header = struct.pack("!BBHII", 0x80, PAYLOAD_TYPES[medium.name], self._sequence & 0xFFFF, stamp, SSRC)
        self._sequence += 1
        return self._tx.protect(header + bytes(medium.wire_bytes - RTP_BYTES - TAG_BYTES))


def _value(name: str, sdp: str) -> str:
    found = re.search(rf"^a={name}:(.*?)\r?$", sdp, re.MULTILINE)
    assert found is not None, name
    return found[1]
