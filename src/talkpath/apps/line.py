"""LINE, recognised only: frames whose first two bytes hold their length, then RTP with timestamps in milliseconds.

The first six bits are 110100 or 110110, the next ten the length of what follows the first four bytes: the random number
of one DNS message in 32 768 begins so. Two frames and RTP in their flow are LINE's, less says nothing. What the one
capture holds of RTP (PT 101, 30 to 41 bytes) is feedback rather than sound; PT 96 is taken for sound.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from talkpath.apps.contract.byte_hint import ByteHint, SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True

FEATURES: Final = AppFeatures("line", most=0.7, frames=(1, 1, 0, 96), media=(1, 1, 0, 96))

_FRAMES, _MEDIA = "frames", "media"
_PICTURE, _TYPES = (97, 98), range(96, 102)

SEES: Final = SeenKinds((), ("rtp", "rtcp", "other"))
BYTE_HINTS: Final = tuple(
    ByteHint(((0, first),), 40, 1100, length=(0, 0x3FF, 4)) for first in (*range(0xD0, 0xD4), *range(0xD8, 0xDC))
)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this LINE's? RTP counts in a flow where two frames were seen, anything else behind such RTP."""
    if len(datagram) < 12:
        return None
    first, kind, frames = datagram[0], datagram[1] & 127, cast("int", view.notes.get(_FRAMES, 0))
    if first & 0xF4 == 0xD0 and (first & 3) << 8 | datagram[1] == len(datagram) - 4:
        view.notes[_FRAMES] = frames + 1
    elif first >> 6 != 2 or frames < 2:
        return None
    elif kind in _TYPES:
        view.notes[_MEDIA], view.notes["path"] = True, "relay"
        medium: Literal["video"] | None = "video" if kind in _PICTURE else None
        return FEATURES.hit("media", "frames", "media", medium=medium, stitch=datagram[8:12])
    return FEATURES.hit("control") if _MEDIA in view.notes else None


SOURCES: Final = (
    ShapeSource("framed set-up, RTP PT 101 with a clock of 1 kHz, RTCP 205", "line__a.pcap", "low", 50, 1.9),
    ShapeSource("sound PT 96 (Opus)", "public descriptions, no capture", "low"),
)

APP: Final = App("line", "LINE", (), SOURCES, packages=("jp.naver.line.android",))
