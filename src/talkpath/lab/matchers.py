"""How a middlebox recognises calls: its own code, from published signatures, and by bytes alone.

Contract: a `Trace` is what the box remembers of one 5-tuple. `look` is shown the flow's packets from the first one on,
both directions; from then on `app`, `suspects` and `medium` say what the box believes. It never forgets an app once
it has named one. No address, no port, nothing of `talkpath.apps`: what the probe imitates and what the lab recognises
must not be one piece of code, or neither would prove the other.

What it knows, and from where: STUN by its cookie (RFC 8489; WhatsApp's types 0800 to 0805 and attributes 4000 to 4007
as nDPI's stun.c keys on them, also unpadded), TURN by its realm, ICE by the form of USERNAME (libwebrtc's 4:4), DTLS by
its record header and use_srtp, RTP by an SSRC whose sequence numbers run on (as Wireshark's and nDPI's heuristics do),
Telegram by its peer tag and the 12 bytes FF (tgcalls' ReflectorPort.cpp), Zoom and Teams by their own headers.
Max, Meet and any browser's call are one class, `webrtc`: their bytes do not tell them apart.
"""

from __future__ import annotations

import struct
from typing import Final

from talkpath.lab.hello_fingerprint import uses_srtp

COOKIE: Final = b"\x21\x12\xa4\x42"
TAG_MARK: Final = b"\xff" * 12
WHATSAPP_EXTENSION: Final = b"\xde\xbe"  # not RFC 8285's BEDE

CLASSES: Final = {
    "whatsapp": "whatsapp", "telegram": "telegram", "signal": "signal", "meet": "webrtc", "max": "webrtc",
    "webrtc": "webrtc", "zoom": "zoom", "teams": "teams", "viber": "viber",
    "facebook_messenger": "facebook_messenger", "rtp": "rtp",
}  # fmt: skip
APPS: Final = tuple(CLASSES)

ICE: Final = frozenset(("signal", "telegram", "webrtc"))
_OWN_MEDIA: Final = frozenset(("signal", "telegram"))  # who may follow ICE by something else than DTLS
_NONE: Final[frozenset[str]] = frozenset()

_REALMS: Final = {
    b"telegram.org": "telegram", b"signal.org": "signal", b"viber.com": "viber",
    b"turner.facebook": "facebook_messenger",
}  # fmt: skip
_WHATSAPP_TYPES: Final = frozenset(range(0x0800, 0x0806))
_WHATSAPP_ATTRIBUTES: Final = frozenset(range(0x4000, 0x4008))
_MICROSOFT: Final = frozenset((0x8008, 0x8036, 0x8037, 0x8054, 0x8055, 0x8070))
_USERNAME, _REALM, _USE_CANDIDATE, _CONTROLLING = 0x0006, 0x0014, 0x0025, 0x802A
_NOMINATION, _GOOG_DELTA = 0xC001, 0xC059
_SIGNAL_SSRC: Final = frozenset(base + n for base in (1000, 2000) for n in (1, 2, 3, 11, 12, 13))
_ZOOM_HELLO: Final = (b"\x01\x00\x02", b"\x01\x00\x03", b"\x02\x00\x02", b"\x02\x00\x03")
_ZOOM_FIRST: Final = b"\x01\x02\x05"
_ZOOM_MEDIA: Final = {15: "voice", 16: "video"}

# RTP payload types that carry one medium in one app (facts: calls-on-the-wire section 3). 0 to 18: RFC 3551.
_VOICE_PT: Final = {
    "whatsapp": frozenset((120, 121)),
    "signal": frozenset((102,)),
    "webrtc": frozenset((0, 8, 9, 13, 63, 109, 110, 111, 126)),
    "teams": frozenset((104, 118)),
    "rtp": frozenset((*range(19), 101, 108, 111)),
}
_VIDEO_PT: Final = {"whatsapp": frozenset((97, 102, 103))}
_NEITHER_PT: Final = {"signal": frozenset((101, 118, 13))}

LOOKS: Final = 32  # a box logs and classifies a session by its first packets (TSPU manual chapter 8: 30)
_RUN: Final = 4  # packets of one SSRC in sequence that make RTP of look-alikes
_NOISE: Final = 3  # packets that are no STUN, DTLS or RTP in an ICE flow: tgcalls' own encryption
_VIDEO_BYTES: Final = 400  # a packet that large is no voice where the type is not readable
_VOICE_BYTES: Final = 80  # a smaller one is a report (tgcalls: 21 to 65 bytes, voice 91)
_SURE_OF_VOICE: Final = 6  # voice packets without a video one


class Trace:
    """What the box knows of one 5-tuple.

    `app` is a class (a value of `CLASSES`) or "" while undecided; `suspects` are the classes that the set-up seen so
    far could belong to. `medium` is "video" once a video packet was seen, "voice" once enough media passed without
    one, "" before. `sees_setup` tells set-up messages from media.
    """

    __slots__ = ("_dtls", "_noise", "_seen", "_streams", "_tag", "_turn", "_voice", "app", "medium", "suspects")

    def __init__(self) -> None:
        self.app, self.medium = "", ""
        self.suspects = _NONE
        self._seen = self._voice = self._noise = 0
        self._dtls = self._turn = False
        self._tag = b""
        self._streams: dict[bytes, list[int]] = {}

    @property
    def open(self) -> bool:
        """Is there anything left to learn? A flow that shows nothing in its first packets stays unknown."""
        if self.app:
            return self.medium != "video"
        return self._seen < LOOKS or bool(self.suspects)

    def look(self, payload: bytes, *, inside: bool = False) -> None:
        """One more packet of this flow; `inside`: it came out of a relay's wrapping, which is not done twice."""
        self._seen += 1
        first = payload[0] if payload else 0
        if first < 64 and payload[4:8] == COOKIE:
            self._stun(payload, inside)
        elif 20 <= first < 64 and payload[1:2] == b"\xfe" and len(payload) >= 13:
            self._hears_dtls(payload)
        elif payload[16:28] == TAG_MARK and len(payload) >= 32:
            self._decide("telegram")
            self._tag = payload[:12]
        elif first in _ZOOM_FIRST and not self._tag and self._is_zoom(payload):
            pass
        elif self._turn and 64 <= first < 80 and not inside:
            self.look(payload[4:], inside=True)
        else:
            self._media_packet(payload)

    def sees_setup(self, payload: bytes) -> bool:
        """Is this a set-up message or a keepalive, not media?"""
        first = payload[0] if payload else 0
        if self._tag:
            return payload[16:28] == TAG_MARK or (payload[:12] == self._tag and _is_setup(_reflected(payload)))
        if first < 64:
            return payload[4:8] == COOKIE or (payload[1:2] == b"\xfe" and self._dtls)
        if self._turn and first < 80:
            return _is_setup(payload[4:])
        return self.app == "whatsapp" and payload in (b"health", b"OK")

    def _decide(self, app: str) -> None:
        if not self.app:
            self.app, self.suspects = app, frozenset((app,))

    def _suspect(self, apps: frozenset[str]) -> None:
        if not self.app:
            self.suspects = apps

    # -- set-up ----------------------------------------------------------------------------------------------

    def _stun(self, payload: bytes, inside: bool) -> None:
        kind = int.from_bytes(payload[:2], "big")
        attributes = stun_attributes(payload)
        app = _named_by(kind, attributes)
        if app:
            self._decide(app)
            return
        self._suspect(_suspects(kind, attributes, self.suspects))
        self._turn = self._turn or kind in (0x0103, 0x0109)
        inner = attributes.get(0x0013) if kind in (0x0016, 0x0017) else None
        if inner and not inside:
            self.look(inner, inside=True)

    def _hears_dtls(self, payload: bytes) -> None:
        self._dtls = True
        if self.suspects & ICE or uses_srtp(payload):
            self._decide("webrtc")

    def _is_zoom(self, payload: bytes) -> bool:
        if payload[:3] in _ZOOM_HELLO and 35 <= len(payload) <= 128:
            self.suspects = self.suspects | {"zoom"}
            return True
        if payload[:1] != b"\x05" or "zoom" not in self.suspects or len(payload) < 40:
            return False
        self._decide("zoom")
        medium = _ZOOM_MEDIA.get(payload[8]) or _ZOOM_MEDIA.get(payload[1])
        if medium:
            self._count(medium)
        return True

    # -- media -----------------------------------------------------------------------------------------------

    def _media_packet(self, payload: bytes) -> None:
        if self._tag:
            inner = _reflected(payload) if payload[:12] == self._tag else b""
            if not _is_setup(inner):
                self._count(self._rtp_medium(inner, "webrtc") if is_rtp(inner) else _by_size(payload))
            return
        if is_rtp(payload):
            self._rtp(payload)
            return
        if not 192 <= (payload[1] if len(payload) > 1 else 0) < 224 or payload[0] >> 6 != 2:
            self._noise += 1
            if self._noise >= _NOISE and not self._dtls and self.suspects & _OWN_MEDIA:
                self._decide("telegram")
        if self.app == "telegram":
            self._count(_by_size(payload))

    def _rtp(self, payload: bytes) -> None:
        ssrc, extension = payload[8:12], payload[12:14] if payload[0] & 0x1F == 0x10 else b""
        regular = self._runs_on(payload, ssrc)
        if not self.app:
            if extension == WHATSAPP_EXTENSION:
                self._decide("whatsapp")
            elif int.from_bytes(ssrc, "big") in _SIGNAL_SSRC and payload[1] & 127 >= 96:
                self._decide("signal")
            elif regular:
                self._decide("webrtc" if self.suspects & ICE else "rtp")
        if self.app == "telegram":
            self._count(_by_size(payload))
        elif self.app:
            self._count(self._rtp_medium(payload, self.app))

    def _runs_on(self, payload: bytes, ssrc: bytes) -> bool:
        """Has this SSRC shown `_RUN` packets whose sequence numbers follow one another?"""
        sequence = payload[2] << 8 | payload[3]
        stream = self._streams.get(ssrc)
        if stream is None:
            if len(self._streams) < LOOKS:
                self._streams[ssrc] = [sequence, 1, -1]
            return False
        stream[1] = stream[1] + 1 if 0 < (sequence - stream[0]) & 0xFFFF < 64 else 1
        stream[0] = sequence
        return stream[1] >= _RUN

    def _rtp_medium(self, payload: bytes, app: str) -> str:
        kind = payload[1] & 127
        if kind in _VOICE_PT.get(app, _NONE_PT):
            return "voice"
        if kind in _NEITHER_PT.get(app, _NONE_PT) or payload[4:8] == bytes(4):
            return ""
        if kind in _VIDEO_PT.get(app, _NONE_PT) or app == "signal":
            return "video"
        if self._is_frame(payload) or len(payload) > _VIDEO_BYTES:
            return "video"
        return "voice" if app == "rtp" else ""

    def _is_frame(self, payload: bytes) -> bool:
        """A second packet of one time stamp: a picture in pieces."""
        stream = self._streams.setdefault(payload[8:12], [0, 0, -1])
        stamp = int.from_bytes(payload[4:8], "big")
        same, stream[2] = stream[2] == stamp, stamp
        return same

    def _count(self, medium: str) -> None:
        if medium == "video":
            self.medium = "video"
        elif medium == "voice" and not self.medium:
            self._voice += 1
            self.medium = "voice" if self._voice >= _SURE_OF_VOICE else ""


_NONE_PT: Final[frozenset[int]] = frozenset()


def _by_size(payload: bytes) -> str:
    if len(payload) > _VIDEO_BYTES:
        return "video"
    return "voice" if len(payload) >= _VOICE_BYTES else ""


def _reflected(payload: bytes) -> bytes:
    """The packet inside a Telegram reflector's (version 2): tag, two ids, a length that fits, then it."""
    if len(payload) < 28:
        return b""
    size = int.from_bytes(payload[20:24], "big")
    return payload[24 : 24 + size] if 24 + size + (-size % 4) == len(payload) else b""


def _suspects(kind: int, attributes: dict[int, bytes], before: frozenset[str]) -> frozenset[str]:
    """Whose ICE it could be: clients built on libwebrtc differ in their first checks (captures of 2021 to 2023).

    Browsers and Meet's server have GOOG_DELTA in the first one or a USERNAME that is not 4:4, Signal nominates late
    (renomination), tgcalls at once.
    """
    username = attributes.get(_USERNAME, b"")
    if _GOOG_DELTA in attributes or (b":" in username and len(username) != 9):
        return frozenset(("webrtc",))
    if _NOMINATION in attributes:
        return frozenset(("signal",))
    if kind == 0x0001 and _CONTROLLING in attributes and before in (_NONE, ICE):
        return frozenset(("telegram" if _USE_CANDIDATE in attributes else "signal",))
    return before or ICE


def _named_by(kind: int, attributes: dict[int, bytes]) -> str:
    """The app that one STUN message gives away, "" for none."""
    if kind in _WHATSAPP_TYPES or _WHATSAPP_ATTRIBUTES & attributes.keys():
        return "whatsapp"
    if kind in (0x0001, 0x0101) and list(attributes) == [0x0008]:
        return "whatsapp"  # its check between peers: MESSAGE-INTEGRITY and nothing else
    if _MICROSOFT & attributes.keys():
        return "teams"
    if attributes.get(_USERNAME, b"").startswith(b"EDGERAY"):
        return "whatsapp"
    return _REALMS.get(attributes.get(_REALM, b"").rstrip(b"\0"), "")


def _is_setup(inner: bytes) -> bool:
    """STUN or DTLS, inside a wrapping."""
    return is_stun(inner) or (inner[1:2] == b"\xfe" and 20 <= inner[0] < 64)


def is_stun(payload: bytes) -> bool:
    """A STUN message by its first two bits and cookie, as the published rules match it (WhatsApp's begin with 08)."""
    return len(payload) >= 20 and payload[0] < 64 and payload[4:8] == COOKIE


def is_rtp(payload: bytes) -> bool:
    """Looks like one RTP packet (version 2, no RTCP type)."""
    return len(payload) >= 12 and payload[0] >> 6 == 2 and not 192 <= payload[1] < 224


def stun_attributes(payload: bytes) -> dict[int, bytes]:
    """The first of each attribute; read without padding where padding does not come out even."""
    for pad in (3, 0):
        found: dict[int, bytes] = {}
        at = 20
        while at + 4 <= len(payload):
            kind, size = struct.unpack_from("!HH", payload, at)
            found.setdefault(kind, payload[at + 4 : at + 4 + size])
            at += 4 + (size + pad & ~pad)
        if at == len(payload):
            break
    return found
