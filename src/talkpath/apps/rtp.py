"""Plain RTP of no app that is known: payload types with a fixed meaning (RFC 3551)."""

from __future__ import annotations

from typing import Final, Literal

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

STATIC_VOICE_TYPES: Final = frozenset((0, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 18))  # 13 is comfort noise
STATIC_VIDEO_TYPES: Final = frozenset((25, 26, 28, 31, 32, 34))
SEES: Final = SeenKinds(("rtp",))
FEATURES: Final = AppFeatures("rtp", most=0.2, static_type=(3, 3, 0, 97))


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this RTP with a payload type that RFC 3551 fixes? Weak: any app's own recogniser wins."""
    if len(datagram) < 12 or datagram[0] >> 6 != 2:
        return None
    kind = datagram[1] & 127
    medium: Literal["voice", "video"] | None = (
        "voice" if kind in STATIC_VOICE_TYPES else "video" if kind in STATIC_VIDEO_TYPES else None
    )
    return FEATURES.hit("media", "static_type", medium=medium, stitch=datagram[8:12]) if medium else None


SOURCES: Final = (ShapeSource("payload types 0 to 34", "RFC 3551 section 6; stun_classic.pcap", "high", 20, 0.2),)

APP: Final = App("rtp", "RTP", (), SOURCES)
