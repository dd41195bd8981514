"""Reads a page's SDP offer of one call, and writes the answer (RFC 8866, RFC 8829, RFC 8839, RFC 8842).

An offer has one media section. Of everything in it only what the call needs is read. The answer asks for Opus at a
constant rate, without pauses and redundancy (RFC 7587 section 6.1), and for VP8 without a limit of rate (libwebrtc's
own parameters, which other browsers ignore). It has no feedback and no header extensions: nothing is sent twice, and
every packet has the size of a twin's.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from msgspec import Struct

from talkpath.browser.webrtc.call_media import BITRATE

VIDEO_KBPS = 1500  # well above what is sent, so that the browser's own pacing delays nothing
MAX_BYTES = 20_000  # of an offer, several times a browser's
MAX_FINGERPRINTS = 8
HOST_PRIORITY = (126 << 24) + (65535 << 8) + 255  # of a host candidate of component 1 (RFC 8445 section 5.1.2.1)
DIGESTS: Final = ("sha-256", "sha-384", "sha-512")

Kind = Literal["audio", "video"]
CODECS: dict[Kind, tuple[str, str]] = {
    "audio": (
        "opus/48000/2",
        f"minptime=20;maxaveragebitrate={BITRATE};cbr=1;usedtx=0;useinbandfec=0;stereo=0",
    ),
    "video": ("VP8/90000", ";".join(f"x-google-{which}-bitrate={VIDEO_KBPS}" for which in ("min", "start", "max"))),
}

_SECTION = re.compile(r"^m=(audio|video) \d+ UDP/TLS/RTP/SAVPF [\d ]+\r?$", re.MULTILINE)
_ANY_SECTION = re.compile(r"^m=", re.MULTILINE)
_RTPMAP = re.compile(r"^a=rtpmap:(\d{1,3}) (\S+)\r?$", re.MULTILINE)
_MID = re.compile(r"^a=mid:([\w!#$%&'*+.^`{|}~-]{1,32})\r?$", re.MULTILINE)
_FRAGMENT = re.compile(r"^a=ice-ufrag:([A-Za-z0-9+/]{4,256})\r?$", re.MULTILINE)
_PASSWORD = re.compile(r"^a=ice-pwd:([A-Za-z0-9+/]{22,256})\r?$", re.MULTILINE)
_SETUP = re.compile(r"^a=setup:(actpass|active)\r?$", re.MULTILINE)
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


class Offer(Struct, frozen=True, kw_only=True):
    """What a page offered. `fingerprints` are those of its DTLS certificate; all have to match."""

    kind: Kind
    mid: str
    payload_type: int
    credentials: Credentials
    fingerprints: tuple[Fingerprint, ...]


def parse_offer(sdp: str) -> Offer:
    """Return the call that is offered. `ValueError` if it cannot be answered."""
    if len(sdp) > MAX_BYTES:
        raise ValueError("an offer longer than any browser's")
    section = _SECTION.search(sdp)
    if section is None or len(_ANY_SECTION.findall(sdp)) != 1:
        raise ValueError("not one section of audio or video")
    kind: Kind = "audio" if section[1] == "audio" else "video"
    if _MULTIPLEXED.search(sdp) is None or _SETUP.search(sdp) is None:
        raise ValueError("RTCP on a port of its own, or the DTLS client is this end")
    return Offer(
        kind=kind,
        mid=_only(_MID, sdp),
        payload_type=_payload_type(kind, sdp),
        credentials=Credentials(_only(_FRAGMENT, sdp), _only(_PASSWORD, sdp)),
        fingerprints=_fingerprints(sdp),
    )


def _only(pattern: re.Pattern[str], sdp: str) -> str:
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


def _fingerprints(sdp: str) -> tuple[Fingerprint, ...]:
    found = [
        Fingerprint(digest.lower(), bytes.fromhex(value.replace(":", "")))
        for digest, value in _FINGERPRINT.findall(sdp)
        if digest.lower() in DIGESTS
    ]
    if not 0 < len(found) <= MAX_FINGERPRINTS:
        raise ValueError("no certificate that can be checked")
    return tuple(found)


class Answer(Struct, frozen=True, kw_only=True):
    """What this end answers. It is reached at `host` and `port`; its packets have the source `ssrc`."""

    offer: Offer
    host: str
    port: int
    credentials: Credentials
    fingerprint: Fingerprint
    ssrc: int
    name: str

    def text(self) -> str:
        """The SDP. The browser stays the DTLS client, so that its own ClientHello is what is sent."""
        return "".join(f"{line}\r\n" for line in self._lines())

    def _lines(self) -> list[str]:
        offer, family = self.offer, "IP6" if ":" in self.host else "IP4"
        codec, parameters = CODECS[offer.kind]
        number = offer.payload_type
        return [
            "v=0",
            f"o=- {self.ssrc} {self.ssrc} IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {offer.mid}",
            "a=msid-semantic:WMS *",
            f"m={offer.kind} {self.port} UDP/TLS/RTP/SAVPF {number}",
            f"c=IN {family} {self.host}",
            "a=sendrecv",
            f"a=mid:{offer.mid}",
            f"a=msid:{self.name} {self.name}",
            f"a=rtcp:9 IN {family} {'::' if family == 'IP6' else '0.0.0.0'}",
            "a=rtcp-mux",
            f"a=ssrc:{self.ssrc} cname:{self.name}",
            f"a=rtpmap:{number} {codec}",
            f"a=fmtp:{number} {parameters}",
            *(["a=ptime:20"] if offer.kind == "audio" else []),
            f"a=candidate:1 1 udp {HOST_PRIORITY} {self.host} {self.port} typ host",
            "a=end-of-candidates",
            f"a=ice-ufrag:{self.credentials.fragment}",
            f"a=ice-pwd:{self.credentials.password}",
            f"a=fingerprint:{self.fingerprint.digest} {self.fingerprint.value.hex(':').upper()}",
            "a=setup:passive",
        ]
