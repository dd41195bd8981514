"""Google Meet and other calls through Google's SFU: a browser's call to an end that only answers its checks.

The shape is Chromium's of today with the SFU's name and roles (proof/engines/sfu_shape.py). The SFU's name has 26
characters, of which both calls on record have the last 12 alike.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.recorded.app_call import AppCall
from talkpath.wire.rtc import dtls, rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

# ---------------------------------------------------------------- recognition

SEES: Final = SeenKinds(("stun", "dtls", "rtp"), ("rtcp", "other"))
FEATURES: Final = AppFeatures(
    "meet",
    long_name=(2, 2, 0, 95),
    short_name=(1, 3, 1, 95),
    certificate=(2, 2, 0, 95),
    padding=(2, 2, 0, 95),  # of SSRC 0
)
_NAMES: Final = {31: "long_name", 21: "short_name"}  # bytes of USERNAME (the SFU's name, a colon, 4):
# names of 16 are those of Google's SFU of 2020 (capture stun.pcap) and of every SFU built with pion
_KNOWN: Final = "meet"
_VOICE_TYPES: Final = (63, 111)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this a call through Google's SFU?

    By USERNAME of 31 bytes (less surely 21) with 4 after the colon, by an RSA certificate named hangouts, by padding of
    SSRC 0; RTP, RTCP and DTLS count in a flow where one of these was seen.
    """
    if message := stun.read_message(datagram):
        return _recognise_stun(message, view)
    if dtls.is_dtls(datagram) or dtls.is_ciphertext(datagram):
        if b"\x0c\x08hangouts" in datagram:
            return _first_hit(view, "setup", "certificate")
        return _if_known(view, "setup" if datagram[0] == dtls.Content.HANDSHAKE else "control")
    if rtp.is_rtcp(datagram):
        return _if_known(view, "control")
    return _recognise_rtp(datagram, view) if rtp.is_rtp(datagram) else None


def _if_known(view: FlowView, kind: str) -> RecognisedDatagram | None:
    return FEATURES.hit(kind) if _KNOWN in view.notes else None


def _first_hit(view: FlowView, kind: str, feature: str) -> RecognisedDatagram:
    view.notes[_KNOWN] = True
    return FEATURES.hit(kind, feature)


def _recognise_stun(message: StunMessage, view: FlowView) -> RecognisedDatagram | None:
    name = message.get(Attribute.USERNAME) or b""
    if message.type == Type.BINDING_REQUEST and len(name) in _NAMES and name[-5:-4] == b":":
        return _first_hit(view, "keepalive" if _KNOWN in view.notes else "setup", _NAMES[len(name)])
    return _if_known(view, "keepalive")


def _recognise_rtp(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    packet = rtp.decode_packet(datagram)
    if packet.padded and packet.timestamp == 0 and packet.extension is not None:
        return _first_hit(view, "probe", "padding") if packet.ssrc == 0 else _if_known(view, "probe")
    if _KNOWN not in view.notes:
        return None
    stitch = packet.ssrc.to_bytes(4, "big")
    return FEATURES.hit("media", medium="voice" if packet.payload_type in _VOICE_TYPES else "video", stitch=stitch)


# ---------------------------------------------------------------- what is known, and from where

_LONGER, _SHORTER = "stun_google_meet__a.pcapng", "stun_dtls_rtp__a.pcapng"

SOURCES: Final = (
    ShapeSource("ICE: names, roles, checks of 120 bytes, 64-byte answers", _LONGER, "low", 46, 57.5),
    ShapeSource("the client begins DTLS", f"{_LONGER}, {_SHORTER}", "low", 11, 1.0),
    ShapeSource(
        "hello, media and reports are Chromium's of today; the SFU's flights too, as those of 2023 are outdated",
        "make engines: Chromium 156.0.8078.114, 30 November 2026",
        "low",
    ),
)

APP: Final = App(
    "meet",
    "Google Meet",
    (
        AppCall(Arm("meet", "sfu", "voice"), "meet", "webrtc", assumed=True),
        AppCall(Arm("meet", "sfu", "video"), "meet-video", "webrtc", assumed=True),
    ),
    SOURCES,
    ports=(19305, 3478),
    packages=("com.google.android.apps.tachyon",),
)
