"""KakaoTalk, recognised only: bare RTP, PT 108, 60 ms at 16 kHz, RTCP on the next port: low confidence."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = None
SEES: Final = SeenKinds(("rtp",))

FEATURES: Final = AppFeatures("kakaotalk", most=0.5, voice=(1, 1, 0, 96))

_VOICE, _STEP = 108, 960
_PLAIN: Final = 0x80


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this KakaoTalk's? By payload type and the step of the timestamps, in a flow without any set-up."""
    if view.setup or len(datagram) < 12 or datagram[0] != _PLAIN or datagram[1] & 127 != _VOICE:
        return None
    ssrc = datagram[8:12]
    now = int.from_bytes(datagram[2:4], "big"), int.from_bytes(datagram[4:8], "big")
    before = view.notes.get(ssrc.hex())
    view.notes[ssrc.hex()] = now
    if not isinstance(before, tuple):
        return None
    packets, ticks = (now[0] - before[0]) & 0xFFFF, (now[1] - before[1]) & 0xFFFFFFFF
    if not 0 < packets < 100 or ticks != packets * _STEP:
        return None
    view.notes["path"] = "relay"
    return FEATURES.hit("media", "voice", medium="voice", stitch=ssrc)


SOURCES: Final = (ShapeSource("RTP PT 108, step 960, RTCP beside it, relay", "KakaoTalk_talk.pcap", "low", 2991, 45.4),)

APP: Final = App("kakaotalk", "KakaoTalk", (), SOURCES, packages=("com.kakao.talk",))
