"""Recognises calls as a middlebox does: with its own code, from published signatures, and from bytes alone.

Contract: a `Trace` is what the middlebox remembers of one 5-tuple. `look` is given the flow's packets of both
directions, from the first one on; after each, `app`, `suspects` and `medium` say what was recognised. An app that was
named is never forgotten. It uses no address, no port, and nothing of `talkpath.apps`: if the probe's imitations and the
lab's recognition shared code, neither would prove the other. Max, Meet and calls of any browser are one class,
`webrtc`: their bytes do not differ.
"""

from __future__ import annotations

from talkpath.lab.matchers.hellos import uses_srtp
from talkpath.lab.matchers.signatures import (
    ICE_APPS,
    LOOKS,
    MIN_VIDEO_BYTES,
    NO_APPS,
    NO_TYPES,
    OTHER_TYPES,
    OWN_ENCRYPTION,
    RTP_RUN,
    SIGNAL_SSRC,
    STUN_COOKIE,
    TAG_MARK,
    TELEGRAM_ALONE,
    UNKNOWN_PACKETS,
    VIDEO_TYPES,
    VOICE_PACKETS,
    VOICE_TYPES,
    WHATSAPP_EXTENSION,
    ZOOM_FIRST,
    ZOOM_HELLO,
    ZOOM_MEDIA,
    app_of_stun,
    ice_suspects,
    is_dtls,
    is_rtp,
    is_setup,
    medium_by_size,
    stun_attributes,
    unwrap_reflector,
)


class Trace:
    """What was recognised of one 5-tuple.

    `app` is a class (a value of `CLASSES`), "" while undecided; `suspects` are the classes that the set-up messages so
    far could belong to. `medium` is "video" once a video packet was seen, "voice" once enough media passed without
    one, "" before. `sees_setup` separates set-up messages from media.
    """

    __slots__ = ("_dtls", "_noise", "_seen", "_streams", "_tag", "_turn", "_voice", "app", "medium", "suspects")

    def __init__(self) -> None:
        self.app, self.medium = "", ""
        self.suspects = NO_APPS
        self._seen = self._voice = self._noise = 0
        self._dtls = self._turn = False
        self._tag = b""
        self._streams: dict[bytes, list[int]] = {}

    @property
    def open(self) -> bool:
        """Whether more packets could change the result. A flow whose first packets match nothing stays unknown."""
        return self.medium != "video" if self.app else self._seen < LOOKS or bool(self.suspects)

    def look(self, payload: bytes, *, inside: bool = False) -> None:
        """Reads the next packet of the flow. `inside`: it was unwrapped from a relay's framing, which is done only
        once."""
        self._seen += 1
        first = payload[0] if payload else 0
        if first < 64 and payload[4:8] == STUN_COOKIE:
            self._stun(payload, inside)
        elif 20 <= first < 64 and payload[1:2] == b"\xfe" and len(payload) >= 13:
            self._read_dtls(payload)
        elif payload[16:28] == TAG_MARK and len(payload) >= 32:
            self._decide("telegram")
            self._tag = payload[:12]
        elif first in ZOOM_FIRST and not self._tag and self._is_zoom(payload):
            pass
        elif self._turn and 64 <= first < 80 and not inside:
            self.look(payload[4:], inside=True)
        else:
            self._media_packet(payload)

    def sees_setup(self, payload: bytes) -> bool:
        """Whether this is a set-up message or a keepalive, not media."""
        first = payload[0] if payload else 0
        if self._tag:
            return payload[16:28] == TAG_MARK or (payload[:12] == self._tag and is_setup(unwrap_reflector(payload)))
        if first < 64:
            return payload[4:8] == STUN_COOKIE or (self._dtls and is_dtls(payload))
        if self._turn and first < 80:
            return is_setup(payload[4:])
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
        app = app_of_stun(kind, attributes)
        if app:
            self._decide(app)
            return
        self._suspect(ice_suspects(kind, attributes, self.suspects))
        self._turn = self._turn or kind in (0x0103, 0x0109)
        inner = attributes.get(0x0013) if kind in (0x0016, 0x0017) else None
        if inner and not inside:
            self.look(inner, inside=True)

    def _read_dtls(self, payload: bytes) -> None:
        self._dtls = True
        if self.suspects == TELEGRAM_ALONE:
            self._decide("telegram")
        elif self.suspects & ICE_APPS or uses_srtp(payload):
            self._decide("webrtc")

    def _is_zoom(self, payload: bytes) -> bool:
        if payload[:3] in ZOOM_HELLO and 35 <= len(payload) <= 128:
            self.suspects = self.suspects | {"zoom"}
            return True
        if payload[:1] != b"\x05" or "zoom" not in self.suspects or len(payload) < 40:
            return False
        self._decide("zoom")
        medium = ZOOM_MEDIA.get(payload[8]) or ZOOM_MEDIA.get(payload[1])
        if medium:
            self._count(medium)
        return True

    # -- media -----------------------------------------------------------------------------------------------

    def _media_packet(self, payload: bytes) -> None:
        if self._tag:
            inner = unwrap_reflector(payload) if payload[:12] == self._tag else b""
            if not is_setup(inner):
                self._count(self._rtp_medium(inner, "webrtc") if is_rtp(inner) else medium_by_size(payload))
            return
        if is_rtp(payload):
            self._rtp(payload)
            return
        if not 192 <= (payload[1] if len(payload) > 1 else 0) < 224 or payload[0] >> 6 != 2:
            self._noise += 1
            if self._noise >= UNKNOWN_PACKETS and not self._dtls and self.suspects & OWN_ENCRYPTION:
                self._decide("telegram")
        if self.app == "telegram":
            self._count(medium_by_size(payload))

    def _rtp(self, payload: bytes) -> None:
        ssrc, extension = payload[8:12], payload[12:14] if payload[0] & 0x1F == 0x10 else b""
        regular = self._runs_on(payload, ssrc)
        if not self.app:
            if extension == WHATSAPP_EXTENSION:
                self._decide("whatsapp")
            elif int.from_bytes(ssrc, "big") in SIGNAL_SSRC and payload[1] & 127 >= 96:
                self._decide("signal")
            elif regular:
                self._decide("webrtc" if self.suspects & ICE_APPS else "rtp")
        if self.app == "telegram":
            self._count(medium_by_size(payload))
        elif self.app:
            self._count(self._rtp_medium(payload, self.app))

    def _runs_on(self, payload: bytes, ssrc: bytes) -> bool:
        """Whether this SSRC had `RTP_RUN` packets with consecutive sequence numbers."""
        sequence = payload[2] << 8 | payload[3]
        stream = self._streams.get(ssrc)
        if stream is None:
            if len(self._streams) < LOOKS:
                self._streams[ssrc] = [sequence, 1, -1]
            return False
        stream[1] = stream[1] + 1 if 0 < (sequence - stream[0]) & 0xFFFF < 64 else 1
        stream[0] = sequence
        return stream[1] >= RTP_RUN

    def _rtp_medium(self, payload: bytes, app: str) -> str:
        kind = payload[1] & 127
        if kind in VOICE_TYPES.get(app, NO_TYPES):
            return "voice"
        if kind in OTHER_TYPES.get(app, NO_TYPES) or payload[4:8] == bytes(4):
            return ""
        if kind in VIDEO_TYPES.get(app, NO_TYPES) or app == "signal":
            return "video"
        if self._is_frame(payload) or len(payload) > MIN_VIDEO_BYTES:
            return "video"
        return "voice" if app == "rtp" else ""

    def _is_frame(self, payload: bytes) -> bool:
        """Whether it is a further packet of one timestamp: a video frame in several packets."""
        stream = self._streams.setdefault(payload[8:12], [0, 0, -1])
        stamp = int.from_bytes(payload[4:8], "big")
        same, stream[2] = stream[2] == stamp, stamp
        return same

    def _count(self, medium: str) -> None:
        if medium == "video":
            self.medium = "video"
        elif medium == "voice" and not self.medium:
            self._voice += 1
            self.medium = "voice" if self._voice >= VOICE_PACKETS else ""
