"""Signal (RingRTC): ICE with renomination, no DTLS (keys come in messages), SRTP with GCM tags and fixed SSRCs.

The caller has SSRCs 1001 (data), 1002 (voice), 1003 (video), 1013 (its repair), the callee 2001 and so on. Voice is
constant: 140 bytes each 20 ms. Receiver reports flow from the moment the phone rings.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.families.rtc_call import RtcCall
from talkpath.apps.families.rtc_facts import Extra, Ice, RtcFacts, RtcStream
from talkpath.apps.families.rtc_media import Camera, VoiceModel
from talkpath.wire.rtc import rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

VOICE_PACKET_BYTES: Final = 140
VOICE_STREAM: Final = RtcStream(payload_type=102, elements=((12, "send_time"), (1, "sequence")), ssrc=(1002, 2002))
VIDEO_STREAM: Final = RtcStream(
    payload_type=108, elements=((1, "sequence"), (12, "send_time"), (4, "orientation")), ssrc=(1003, 2003)
)
DATA_STREAM: Final = RtcStream(payload_type=101, ssrc=(1001, 2001))
PADDING_STREAM: Final = RtcStream(
    payload_type=118, elements=((1, "sequence"), (12, "send_time")), ssrc=(1013, 2013), padded=True, still=True
)

EXTRAS: Final = (
    Extra(direction="up", size=56, first_ms=60, every_ms=700, count=None, report=b"\x80\xc9\x00\x01", ssrc=1003),
    Extra(direction="down", size=56, first_ms=80, every_ms=700, count=None, report=b"\x80\xc9\x00\x01", ssrc=2003),
    Extra(direction="up", size=28, first_ms=61, every_ms=700, count=None, report=b"\x80\xc9\x00\x01", ssrc=1003),
    Extra(direction="down", size=28, first_ms=81, every_ms=700, count=None, report=b"\x80\xc9\x00\x01", ssrc=2003),
    Extra(direction="down", size=46, first_ms=90, stream=DATA_STREAM),
    Extra(direction="down", size=60, first_ms=165, stream=DATA_STREAM),
    Extra(direction="up", size=48, first_ms=186, stream=DATA_STREAM),
    Extra(direction="down", size=264, first_ms=200, every_ms=8, count=4, stream=PADDING_STREAM),
    Extra(direction="up", size=44, first_ms=214, report=b"\xaf\xcd\x00\x05", ssrc=1003),
)

ICE: Final = Ice(nominates="nomination")
TALK: Final = VoiceModel(lambda _: VOICE_PACKET_BYTES, jitter_ms=4.0)
CAMERA: Final = Camera((300, 700))

# ---------------------------------------------------------------- recognition

FEATURES: Final = AppFeatures("signal", realm=(1, 1, 0, 96), source=(1, 1, 0, 96), reports=(1, 1, 0, 96))

_TYPES: Final = {101: "control", 13: "control", 118: "probe", 119: "probe", 113: "probe", 114: "probe"}
_VIDEO_TYPES: Final = (103, 104, 108, 109)
_SSRCS: Final = frozenset(base + part for base in (1000, 2000) for part in (1, 2, 3, 11, 12, 13))
_KNOWN: Final = "signal"
_REALM: Final = b"signal.org"


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this Signal's?

    By TURN's realm, by RTP and by RTCP whose SSRC is one of Signal's few. Nomination with 0xC001 says nothing: Telegram
    does so too. SSRCs are the same in every call, so they stitch nothing.
    """
    if message := stun.read_message(datagram):
        return _recognise_stun(message, view)
    if rtp.is_rtcp(datagram):
        ours = int.from_bytes(datagram[4:8], "big") in _SSRCS
        return FEATURES.hit("control", "reports") if ours else None
    return _recognise_rtp(datagram) if rtp.is_rtp(datagram) else None


def _recognise_rtp(datagram: bytes) -> RecognisedDatagram | None:
    packet = rtp.decode_packet(datagram)
    if packet.ssrc not in _SSRCS:
        return None
    if packet.payload_type in _TYPES:
        return FEATURES.hit(_TYPES[packet.payload_type], "source")
    if packet.payload_type == VOICE_STREAM.payload_type:
        return FEATURES.hit("media", "source", medium="voice")
    if packet.payload_type in _VIDEO_TYPES:
        return FEATURES.hit("media", "source", medium="video")
    return None


def _recognise_stun(message: StunMessage, view: FlowView) -> RecognisedDatagram | None:
    if message.get(Attribute.REALM) == _REALM:
        view.notes[_KNOWN] = True
        released = message.type == Type.REFRESH_REQUEST and message.get(Attribute.LIFETIME) == bytes(4)
        return FEATURES.hit("close" if released else "setup", "realm")
    return FEATURES.hit("keepalive") if _KNOWN in view.notes else None


# ---------------------------------------------------------------- what is known, and from where

_ONE: Final = "stun_signal__a.pcapng"
_SOURCE: Final = "RingRTC's sources (rffi/src/peer_connection.cc, constants.h)"

SOURCES: Final = (
    ShapeSource("TURN with realm signal.org, on 3478 and 443 (recognised only)", _ONE, "low", 120, 51.9),
    ShapeSource("ICE: 96-byte checks, 64-byte answers, nomination with 0xC001 in 104 bytes", _ONE, "low", 24, 12.1),
    ShapeSource("receiver reports of 28 and 56 bytes while it rings, feedback of 44", _ONE, "low", 72, 11.5),
    ShapeSource(
        "voice: PT 102, 140 bytes each 20 ms, 14 to 28 ms apart; data PT 101, padding PT 118", _ONE, "low", 16, 0.3
    ),
    ShapeSource("SSRCs, payload types and extension ids, also of video", _SOURCE, "high"),
    ShapeSource("video: pictures and rate are taken from WebRTC's defaults", "assumed", "low"),
)

_VOICE_FACTS: Final = RtcFacts(ice=ICE, voice=VOICE_STREAM, server="none", tag_bytes=16, extras=EXTRAS)
_VIDEO_FACTS: Final = RtcFacts(
    ice=ICE, voice=VOICE_STREAM, video=VIDEO_STREAM, server="none", tag_bytes=16, extras=EXTRAS
)

_SHAPES: Final = (
    RtcCall(
        arm=Arm("signal", "ringrtc", "voice"), facts=_VOICE_FACTS, voice=TALK, packet_rate=50.0, shape_class="signal"
    ),
    RtcCall(
        arm=Arm("signal", "ringrtc", "video"),
        facts=_VIDEO_FACTS,
        voice=TALK,
        camera=CAMERA,
        packet_rate=115.0,
        shape_class="signal",
    ),
)

APP: Final = App("signal", "Signal", _SHAPES, SOURCES, ports=(3478, 443), packages=("org.thoughtcrime.securesms",))
