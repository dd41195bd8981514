"""Any browser's call, straight to the other browser: as Chromium of today sends it, and as Firefox on request.

The shapes are made from calls of both (`talkpath.apps.recorded`). This end is the one that answered: it begins the DTLS
handshake, as a hello that goes out is what filters of a network's own people look at.
"""

from __future__ import annotations

from typing import Final, Literal, cast

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.recorded.app_call import AppCall
from talkpath.errors import WireError
from talkpath.wire.rtc import dtls, rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

# ---------------------------------------------------------------- recognition

SEES: Final = SeenKinds(("stun", "dtls"), ("rtp", "rtcp", "other"))
FEATURES: Final = AppFeatures("webrtc", most=0.5, named=(40, 40, 0, 57), keyed=(40, 40, 0, 57))
"""A kind of call that many apps' calls are: half of what an app's own features can reach, so that theirs win."""

_VOICE_TYPES: Final = (63, 109, 110, 111)
_NAMED: Final = "named"  # somebody's ICE with a USERNAME was seen in this flow
_KEYED: Final = "keyed"  # DTLS was, with a hello that asks for SRTP or after such ICE
_SETUP: Final = (Type.BINDING_REQUEST, Type.BINDING_RESPONSE, Type.BINDING_INDICATION, Type.BINDING_ERROR)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this some WebRTC call?

    ICE with a USERNAME, and a PRIORITY of a component as SDP has them (RFC 8445 section 5.1.2.1: never 256, whose last
    byte is 00); DTLS that asks for SRTP or follows ICE; RTP and RTCP in a flow where DTLS was seen. Media are told
    apart by payload type, where that is one of Opus's usual ones, else by size.
    """
    if message := stun.read_message(datagram):
        return _recognise_stun(message, view)
    if dtls.is_dtls(datagram) or dtls.is_ciphertext(datagram):
        return _recognise_dtls(datagram, view)
    if _KEYED not in view.notes:
        return None
    if rtp.is_rtcp(datagram):
        return FEATURES.hit("control")
    if not rtp.is_rtp(datagram):
        return None
    return _recognise_media(datagram, view)


def _recognise_stun(message: StunMessage, view: FlowView) -> RecognisedDatagram | None:
    if message.type == Type.BINDING_REQUEST and b":" in (message.get(Attribute.USERNAME) or b""):
        first = _NAMED not in view.notes
        view.notes[_NAMED] = True
        priority = message.get(Attribute.PRIORITY) or b""
        shown = () if any(priority) and priority[3:] == b"\0" else ("named",)
        return FEATURES.hit("setup" if first else "keepalive", *shown)
    if message.type in _SETUP and _NAMED in view.notes:
        return FEATURES.hit("keepalive")
    return None


def _recognise_dtls(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    if _asks_for_srtp(datagram) or _NAMED in view.notes:
        view.notes[_KEYED] = True
    known = _KEYED in view.notes
    return FEATURES.hit("setup" if datagram[0] == dtls.Content.HANDSHAKE else "control", "keyed") if known else None


def _asks_for_srtp(datagram: bytes) -> bool:
    try:
        message = dtls.decode_handshake(dtls.decode_records(datagram)[0].fragment)
        if message.type != dtls.HandshakeType.CLIENT_HELLO:
            return False
        return dtls.USE_SRTP in dict(dtls.decode_client_hello(message.body).extensions)
    except WireError:
        return False


def _recognise_media(datagram: bytes, view: FlowView) -> RecognisedDatagram:
    packet = rtp.decode_packet(datagram)
    if packet.padded and packet.timestamp == 0:
        return FEATURES.hit("probe")
    large = cast("set[int]", view.notes.setdefault("large", set()))
    if len(datagram) > 400:
        large.add(packet.ssrc)
    spoken = packet.payload_type in _VOICE_TYPES or (packet.payload_type < 96 and packet.ssrc not in large)
    video = packet.ssrc in large or packet.payload_type in range(96, 109)
    medium: Literal["voice", "video"] | None = "voice" if spoken else "video" if video else None
    return FEATURES.hit("media", "keyed", medium=medium, stitch=packet.ssrc.to_bytes(4, "big"))


# ---------------------------------------------------------------- what is known, and from where

SOURCES: Final = (
    ShapeSource(
        "Chromium: voice (docs/likeness.md)",
        "make engines: Chromium 156.0.8078.114, 30 November 2026",
        "medium",
        5120,
        57.2,
    ),
    ShapeSource("Chromium: video", "make engines: the same", "low", 9000, 40.0),
    ShapeSource("Firefox: voice", "make engines: Firefox 153.8.0esr, 30 November 2026", "low", 2500, 38.0),
)

APP: Final = App(
    "webrtc",
    "WebRTC",
    (
        AppCall(Arm("webrtc", "dtls", "voice"), "chromium", "webrtc", mirrored=True),
        AppCall(Arm("webrtc", "dtls", "video"), "chromium-video", "webrtc", mirrored=True),
        AppCall(Arm("webrtc", "firefox", "voice"), "firefox", "webrtc", mirrored=True),
    ),
    SOURCES,
    ports=(3478, 19302),
    on_request=("firefox",),
)
