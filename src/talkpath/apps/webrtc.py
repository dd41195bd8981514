"""Any browser's call, straight to the other browser: ICE, DTLS 1.2, SRTP with SHA-1 tags, Opus 111 and VP8 96.

Set-up and video headers are those of the one public capture (stun_dtls_rtp__b, peers behind TURN over TCP); the voice
stream has none, its header is what Chromium offers by default (RFC 8285 ids 1 to 4), its rate Opus's default.
"""

from __future__ import annotations

from random import Random
from typing import Final, Literal, cast

from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.families.rtc_call import BOTH_DIRECTIONS, RtcCall
from talkpath.apps.families.rtc_facts import Extra, Ice, RtcFacts, RtcStream
from talkpath.apps.families.rtc_media import Camera, VoiceModel
from talkpath.errors import WireError
from talkpath.wire.rtc import dtls, rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

VOICE_STREAM: Final = RtcStream(
    payload_type=111, elements=((1, "level"), (2, "send_time"), (3, "sequence"), (4, "mid"))
)
VIDEO_STREAM: Final = RtcStream(payload_type=96, elements=((13, "orientation"), (3, "sequence")))
PADDING_STREAM: Final = RtcStream(payload_type=97, elements=((3, "sequence"),), padded=True)
CAMERA: Final = Camera((300, 700))

RTCP_EXTRAS: Final = tuple(
    extra
    for way, late_ms in zip(BOTH_DIRECTIONS, (0, 60), strict=True)
    for extra in (
        Extra(direction=way, size=42, first_ms=300 + late_ms, every_ms=250, count=None, report=b"\xaf\xcd\x00\x06"),
        Extra(
            direction=way,
            size=94,
            first_ms=430 + late_ms,
            every_ms=1000,
            count=None,
            report=b"\x81\xc8\x00\x0c",
            source="voice",
        ),
    )
)
PROBES: Final = tuple(
    Extra(direction=way, size=285, first_ms=204, every_ms=10, count=2, stream=PADDING_STREAM) for way in BOTH_DIRECTIONS
)
ICE: Final = Ice(delta=True)
VOICE_FACTS: Final = RtcFacts(ice=ICE, voice=VOICE_STREAM, extras=RTCP_EXTRAS)
VIDEO_FACTS: Final = RtcFacts(ice=ICE, voice=VOICE_STREAM, video=VIDEO_STREAM, extras=RTCP_EXTRAS + PROBES)


def speech_bytes(rng: Random) -> int:
    """Opus at about 32 kbit/s without constant rate: 40 to 110 bytes in a header of 28 and a tag of 10."""
    return round(rng.triangular(78, 148, 116))


TALK: Final = VoiceModel(speech_bytes)

# ---------------------------------------------------------------- recognition

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

_ONE: Final = "stun_dtls_rtp__b.pcapng, inside TURN"

SOURCES: Final = (
    ShapeSource("ICE between browsers: 104-byte first check, 72-byte answer, 96-byte checks", _ONE, "low", 9, 0.9),
    ShapeSource(
        "DTLS hello of 157 bytes", "stun_google_meet__a, stun_dtls_rtp__a and __b, geforcenow", "high", 7, 60.0
    ),
    ShapeSource("DTLS flights of a peer: 617 and 570 bytes, ECDSA certificate named WebRTC", _ONE, "low", 2, 0.9),
    ShapeSource("the client's 545-byte flight", "stun_google_meet__a, stun_dtls_rtp__a", "medium", 3, 58.4),
    ShapeSource(
        "video: PT 96, extension of two elements, padding of 285 bytes on PT 97, RTCP 205", _ONE, "low", 12, 0.04
    ),
    ShapeSource("video starts at 300 kbit/s or a little more, 30 pictures a second", "libwebrtc's defaults", "medium"),
    ShapeSource(
        "voice: PT 111, Opus at 20 ms and about 32 kbit/s, ids 1 to 4", "RFC 7874 and Chromium's offer", "medium"
    ),
)

_SHAPES: Final = (
    RtcCall(arm=Arm("webrtc", "dtls", "voice"), facts=VOICE_FACTS, voice=TALK, packet_rate=50.0),
    RtcCall(arm=Arm("webrtc", "dtls", "video"), facts=VIDEO_FACTS, voice=TALK, camera=CAMERA, packet_rate=115.0),
)

APP: Final = App("webrtc", "WebRTC", _SHAPES, SOURCES, ports=(3478, 19302))
