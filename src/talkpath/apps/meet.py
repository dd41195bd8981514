"""Google Meet and other calls through Google's SFU: ICE lite, DTLS 1.2 with an RSA certificate, SRTP with GCM tags.

The SFU's name has 26 characters, of which both calls on record have the last 12 alike; the first check carries 0xC059;
padding comes with SSRC 0 right after the handshake, RTCP XR once a second. Silence is a pair of packets each 420 ms.
"""

from __future__ import annotations

from random import Random
from typing import Final

from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.families.rtc_call import RtcCall
from talkpath.apps.families.rtc_facts import Elements, Extra, Ice, RtcFacts, RtcStream
from talkpath.apps.families.rtc_media import Camera, VoiceModel
from talkpath.wire.rtc import dtls, rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

_ELEMENTS: Final[Elements] = ((2, "send_time"), (3, "sequence"), (1, "level"))
_LONG: Final = frozenset((61, 79, *range(85, 101)))  # these carry abs-capture-time too, 16 bytes longer
VOICE_STREAM: Final = RtcStream(
    payload_type=111, elements=_ELEMENTS, long_elements=(*_ELEMENTS, (4, "capture_time")), long_bytes=_LONG
)
VIDEO_STREAM: Final = RtcStream(payload_type=96, elements=((2, "send_time"), (3, "sequence")))
PADDING_STREAM: Final = RtcStream(
    payload_type=99, elements=((3, "sequence"),), ssrc=(0, 0), padded=True, still=True, from_one=True
)
ICE: Final = Ice(name_bytes=14, name_tail=b"oKAAiKAiADEA", sfu=True, delta=True)

EXTRAS: Final = (
    Extra(direction="down", size=37, first_ms=34, stream=PADDING_STREAM),
    Extra(direction="down", size=260, first_ms=35, every_ms=0.3, count=3, stream=PADDING_STREAM),
    Extra(direction="down", size=81, first_ms=40),
    Extra(direction="up", size=81, first_ms=48),
    Extra(direction="down", size=121, first_ms=64),
    Extra(direction="up", size=121, first_ms=80),
    Extra(direction="up", size=76, first_ms=150, report=b"\xaf\xcd\x00\x0d"),
    Extra(direction="down", size=40, first_ms=160, every_ms=1000, count=None, report=b"\x80\xcf\x00\x04"),
    Extra(
        direction="up", size=100, first_ms=322, every_ms=2940, count=None, report=b"\x80\xc8\x00\x06", source="voice"
    ),
    Extra(
        direction="up", size=52, first_ms=1900, every_ms=1150, count=None, report=b"\x80\xc9\x00\x01", source="voice"
    ),
    Extra(direction="down", size=96, first_ms=3400, every_ms=1000, count=None, report=b"\x81\xc9\x00\x07"),
)


def speech_bytes(rng: Random) -> int:
    """71 or 84 bytes in most packets, 16 more where the extension is long: both calls, each with one of the two."""
    size = rng.choice((71, 71, 71, 84, 84, 84, rng.randint(72, 78), rng.randint(80, 83)))
    return size + 16 if rng.random() < 0.4 else size


def silence_bytes(rng: Random) -> tuple[int, int]:
    """The first of a pair in silence has 63 or 76 bytes, or 16 more; the second always 45."""
    return rng.choice((63, 63, 63, 79, 79, 92, 76, 76)), 45


TALK: Final = VoiceModel(speech_bytes, silence_bytes, jitter_ms=2.5)
CAMERA: Final = Camera((300, 700))

# ---------------------------------------------------------------- recognition

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
    if dtls.is_dtls(datagram):
        if b"\x0c\x08hangouts" in datagram:
            return _first_hit(view, "setup", "certificate")
        return _if_known(view, "control" if datagram[0] == dtls.Content.APPLICATION_DATA else "setup")
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
    ShapeSource("ICE: 124-, 120- and 116-byte checks, 64-byte answers", _LONGER, "low", 46, 57.5),
    ShapeSource(
        "DTLS: 157, 1203, 545, 570 bytes (1200 here, see dtls_flights)", f"{_LONGER}, {_SHORTER}", "low", 11, 1.0
    ),
    ShapeSource("voice in speech and silence: sizes, steps, extension", f"{_LONGER}, {_SHORTER}", "low", 52, 6.9),
    ShapeSource("padding with SSRC 0, RTCP 200, 201, 205, 207, data channel", _LONGER, "low", 90, 57.5),
    ShapeSource("what the SFU sends as voice is taken to look like what it gets", "assumed", "low"),
    ShapeSource(
        "video: PT 96 as in WebRTC's offer (97 and 99 are seen as its repair), 300 kbit/s up", "assumed", "low"
    ),
)

_VOICE_FACTS: Final = RtcFacts(ice=ICE, voice=VOICE_STREAM, server="sfu", tag_bytes=16, extras=EXTRAS)
_VIDEO_FACTS: Final = RtcFacts(
    ice=ICE, voice=VOICE_STREAM, video=VIDEO_STREAM, server="sfu", tag_bytes=16, extras=EXTRAS
)

_SHAPES: Final = (
    RtcCall(arm=Arm("meet", "sfu", "voice"), facts=_VOICE_FACTS, voice=TALK, packet_rate=50.0),
    RtcCall(arm=Arm("meet", "sfu", "video"), facts=_VIDEO_FACTS, voice=TALK, camera=CAMERA, packet_rate=105.0),
)

APP: Final = App(
    "meet", "Google Meet", _SHAPES, SOURCES, ports=(19305, 3478), packages=("com.google.android.apps.tachyon",)
)
