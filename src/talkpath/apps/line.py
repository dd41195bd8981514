"""LINE, recognised only: frames whose first two bytes hold their length, then RTP with timestamps in milliseconds.

The first six bits are 110100 or 110110, the next ten the length of what follows the first four bytes. What the one
capture holds of RTP (PT 101, 30 to 41 bytes) is feedback rather than sound; PT 96 is taken for sound (facts 3.8).
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.cue import Cue
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True

_KNOWN: Final = "line"
_PICTURE: Final = (97, 98)

SEES: Final = frozenset(("rtp", "rtcp", "other"))
CUES: Final = tuple(
    Cue(((0, first),), 40, 1100, length=(0, 0x3FF, 4)) for first in (*range(0xD0, 0xD4), *range(0xD8, 0xDC))
)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this LINE's? RTP and RTCP count in a flow where two frames were seen."""
    if len(datagram) < 12:
        return None
    first = datagram[0]
    if first & 0xF4 == 0xD0:
        if (first & 3) << 8 | datagram[1] != len(datagram) - 4:
            return None
        seen = view.notes.get(_KNOWN, 0)
        view.notes[_KNOWN] = seen + 1 if isinstance(seen, int) else 1
        view.notes["path"] = "relay"
        return RecognisedDatagram("line", "setup" if seen in (0, 1) else "control", confidence=0.6)
    if first >> 6 != 2 or view.notes.get(_KNOWN, 0) in (0, 1):
        return None
    if 192 <= datagram[1] <= 223:
        return RecognisedDatagram("line", "control", confidence=0.7)
    return RecognisedDatagram("line", "media", "video" if datagram[1] & 127 in _PICTURE else None, datagram[8:12], 0.7)


SOURCES: Final = (
    ShapeSource("framed set-up, RTP PT 101 with a clock of 1 kHz, RTCP 205", "line__a.pcap", "low", 50, 1.9),
    ShapeSource("sound PT 96 (Opus)", "public descriptions, no capture", "low"),
)

APP: Final = App("line", "LINE", (), SOURCES, packages=("jp.naver.line.android",))
