"""Reads a page's SDP offer, and writes the answer (RFC 8866, RFC 8829, RFC 8839, RFC 8842).

An offer has one media section: a call of audio or video, or data channels (RFC 8841). Of everything in it only what is
needed is read. The answer asks for Opus at a constant rate, without pauses and redundancy (RFC 7587 section 6.1), and
for VP8 without a limit of rate (libwebrtc's own parameters, which other browsers ignore). It has no feedback and no
header extensions: nothing is sent twice, and every packet has the size of a twin's.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from msgspec import Struct

from talkpath.browser.webrtc.call_media import BITRATE

VIDEO_KBPS = 1500  # well above what is sent, so that the browser's own pacing delays nothing
MAX_BYTES = 20_000  # of an offer, several times a browser's
MAX_FINGERPRINTS = 8
SCTP_PORT, MAX_MESSAGE_BYTES = 5000, 65536
HOST_PRIORITY = (126 << 24) + (65535 << 8) + 255  # of a host candidate of component 1 (RFC 8445 section 5.1.2.1)
DIGESTS: Final = ("sha-256", "sha-384", "sha-512")

Kind = Literal["audio", "video", "application"]
CODECS: dict[Kind, tuple[str, str]] = {
    "audio": (
        "opus/48000/2",
        f"minptime=20;maxaveragebitrate={BITRATE};cbr=1;usedtx=0;useinbandfec=0;stereo=0",
    ),
    "video": ("VP8/90000", ";".join(f"x-google-{which}-bitrate={VIDEO_KBPS}" for which in ("min", "start", "max"))),
}

_SECTION = re.compile(
    r"^m=(?:(audio|video) \d+ UDP/TLS/RTP/SAVPF [\d ]+|(application) \d+ UDP/DTLS/SCTP webrtc-datachannel)\r?$",
    re.MULTILINE,
)
_ANY_SECTION = re.compile(r"^m=", re.MULTILINE)
_RTPMAP = re.compile(r"^a=rtpmap:(\d{1,3}) (\S+)\r?$", re.MULTILINE)
_MID = re.compile(r"^a=mid:([\w!#$%&'*+.^`{|}~-]{1,32})\r?$", re.MULTILINE)
_FRAGMENT = re.compile(r"^a=ice-ufrag:([A-Za-z0-9+/]{4,256})\r?$", re.MULTILINE)
_PASSWORD = re.compile(r"^a=ice-pwd:([A-Za-z0-9+/]{22,256})\r?$", re.MULTILINE)
_SETUP = re.compile(r"^a=setup:(actpass|active)\r?$", re.MULTILINE)
_SCTP_PORT = re.compile(r"^a=sctp-port:(\d{1,5})\r?$", re.MULTILINE)
_MULTIPLEXED = re.compile(r"^a=rtcp-mux\r?$", re.MULTILINE)
_FINGERPRINT = re.compile(r"^a=fingerprint:(\S+) ((?:[0-9A-Fa-f]{2}:)*[0-9A-Fa-f]{2})\r?$", re.MULTILINE)


class Credentials(Struct, frozen=True):
    """The ICE user name fragment and password of one end."""

    fragment: str
    password: str


class Fingerprint(Struct, frozen=True):
    """A certificate's hash: `digest` is one of DIGESTS, `value` the hash itself."""

    digest: str
    value: bytes


class SdpOffer(Struct, frozen=True, kw_only=True):
    """What a page offered. `fingerprints` are those of its DTLS certificate; all have to match. A call has a
    `payload_type`, data channels have an `sctp_port`."""

    kind: Kind
    mid: str
    payload_type: int = 0
    sctp_port: int = 0
    credentials: Credentials
    fingerprints: tuple[Fingerprint, ...]


def parse_offer(sdp: str) -> SdpOffer:
    """Return what is offered. `ValueError` if it cannot be answered."""
    if len(sdp) > MAX_BYTES:
        raise ValueError("an offer longer than any browser's")
    kind = _media_kind(sdp)
    is_call = kind != "application"
    if _SETUP.search(sdp) is None or (is_call and _MULTIPLEXED.search(sdp) is None):
        raise ValueError("RTCP on a port of its own, or the DTLS client is this end")
    return SdpOffer(
        kind=kind,
        mid=_only_match(_MID, sdp),
        payload_type=_payload_type(kind, sdp) if is_call else 0,
        sctp_port=0 if is_call else _sctp_port(sdp),
        credentials=Credentials(_only_match(_FRAGMENT, sdp), _only_match(_PASSWORD, sdp)),
        fingerprints=_sdp_fingerprints(sdp),
    )


def _media_kind(sdp: str) -> Kind:
    section = _SECTION.search(sdp)
    if section is None or len(_ANY_SECTION.findall(sdp)) != 1:
        raise ValueError("not one section of audio, video or data channels")
    return "audio" if section[1] == "audio" else "video" if section[1] else "application"


def _sctp_port(sdp: str) -> int:
    port = int(_only_match(_SCTP_PORT, sdp))
    if not 0 < port < 1 << 16:
        raise ValueError("no port")
    return port


def _only_match(pattern: re.Pattern[str], sdp: str) -> str:
    found = pattern.findall(sdp)
    if len(found) != 1:
        raise ValueError("an attribute that is not there once")
    return str(found[0])


def _payload_type(kind: Kind, sdp: str) -> int:
    """The payload type of the codec that calls use."""
    codec, _ = CODECS[kind]
    for number, name in _RTPMAP.findall(sdp):
        if name.lower() == codec.lower() and int(number) < 128:
            return int(number)
    raise ValueError("no codec that this end speaks")


def _sdp_fingerprints(sdp: str) -> tuple[Fingerprint, ...]:
    found = [
        Fingerprint(digest.lower(), bytes.fromhex(value.replace(":", "")))
        for digest, value in _FINGERPRINT.findall(sdp)
        if digest.lower() in DIGESTS
    ]
    if not 0 < len(found) <= MAX_FINGERPRINTS:
        raise ValueError("no certificate that can be checked")
    return tuple(found)


class SdpAnswer(Struct, frozen=True, kw_only=True):
    """What this end answers. It is reached at `host` and `port`; its media has the source `ssrc`, of that name."""

    offer: SdpOffer
    host: str
    port: int
    credentials: Credentials
    fingerprint: Fingerprint
    ssrc: int
    name: str

    def text(self) -> str:
        """The SDP. The browser stays the DTLS client, so that its own ClientHello is what is sent."""
        is_call = self.offer.kind != "application"
        lines = [*self._session(), *(self._media() if is_call else self._channels()), *self._transport()]
        return "".join(f"{line}\r\n" for line in lines)

    @property
    def _family(self) -> str:
        return "IP6" if ":" in self.host else "IP4"

    def _session(self) -> list[str]:
        return [
            "v=0",
            f"o=- {self.ssrc} {self.ssrc} IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {self.offer.mid}",
            "a=msid-semantic:WMS *",
        ]

    def _media(self) -> list[str]:
        kind, number = self.offer.kind, self.offer.payload_type
        codec, parameters = CODECS[kind]
        return [
            f"m={kind} {self.port} UDP/TLS/RTP/SAVPF {number}",
            f"c=IN {self._family} {self.host}",
            "a=sendrecv",
            f"a=mid:{self.offer.mid}",
            f"a=msid:{self.name} {self.name}",
            f"a=rtcp:9 IN {self._family} {'::' if self._family == 'IP6' else '0.0.0.0'}",
            "a=rtcp-mux",
            f"a=ssrc:{self.ssrc} cname:{self.name}",
            f"a=rtpmap:{number} {codec}",
            f"a=fmtp:{number} {parameters}",
            *(["a=ptime:20"] if kind == "audio" else []),
        ]

    def _channels(self) -> list[str]:
        return [
            f"m=application {self.port} UDP/DTLS/SCTP webrtc-datachannel",
            f"c=IN {self._family} {self.host}",
            f"a=mid:{self.offer.mid}",
            f"a=sctp-port:{SCTP_PORT}",
            f"a=max-message-size:{MAX_MESSAGE_BYTES}",
        ]

    def _transport(self) -> list[str]:
        return [
            f"a=candidate:1 1 udp {HOST_PRIORITY} {self.host} {self.port} typ host",
            "a=end-of-candidates",
            f"a=ice-ufrag:{self.credentials.fragment}",
            f"a=ice-pwd:{self.credentials.password}",
            f"a=fingerprint:{self.fingerprint.digest} {self.fingerprint.value.hex(':').upper()}",
            "a=setup:passive",
        ]
