"""Snapchat, recognised only: QUIC and SRTP share one flow to a server; video PT 101, its repair and padding PT 97."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("rtp", "rtcp"))

FEATURES: Final = AppFeatures("snapchat", most=0.6, beside_quic=(1, 1, 0, 96))

_VOICE, _VIDEO, _REPAIR = 111, 101, 97


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this Snapchat's? RTP in a flow whose set-up was QUIC."""
    if view.setup != "quic" or len(datagram) < 12 or datagram[0] >> 6 != 2:
        return None
    view.notes["path"] = "relay"
    if 192 <= datagram[1] <= 223:
        return FEATURES.hit("control", "beside_quic")
    kind = datagram[1] & 127
    if kind == _REPAIR:
        return FEATURES.hit("control", "beside_quic")
    if kind not in (_VOICE, _VIDEO):
        return None
    return FEATURES.hit("media", "beside_quic", medium="video" if kind == _VIDEO else "voice", stitch=datagram[8:12])


SOURCES: Final = (
    ShapeSource("QUIC v1, then video PT 101 with PT 97, RTCP 205 and 201", "snapchat_call_v1.pcapng", "low", 363, 8.9),
)

APP: Final = App("snapchat", "Snapchat", (), SOURCES, ports=(443,), packages=("com.snapchat.android",))
