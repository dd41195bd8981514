"""Signal (RingRTC): ICE with renomination, no DTLS (keys come in messages), SRTP with GCM tags and fixed SSRCs.

The caller has SSRCs 1001 (data), 1002 (voice), 1003 (video), 1013 (its repair), the callee 2001 and so on. Voice is
constant: 140 bytes each 20 ms. Receiver reports flow from the moment the phone rings. The shape's file is written from
these facts; no call of its engine was recorded here.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.recorded.app_call import AppCall
from talkpath.wire.rtc import rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

VOICE_TYPE: Final = 102

# ---------------------------------------------------------------- recognition

SEES: Final = SeenKinds(("stun", "rtp", "rtcp"))
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
    if packet.payload_type == VOICE_TYPE:
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

APP: Final = App(
    "signal",
    "Signal",
    (
        AppCall(Arm("signal", "ringrtc", "voice"), "signal", "signal"),
        AppCall(Arm("signal", "ringrtc", "video"), "signal-video", "signal"),
    ),
    SOURCES,
    ports=(3478, 443),
    packages=("org.thoughtcrime.securesms",),
)
