"""Max (VK): its calls are WebRTC as its own statements and reverse-engineering notes say; there is no public capture.

So the shape is a browser's with what those notes name: voice with silence suppression, video of at most 2 Mbit/s,
TURN on 19302. Payload types, sizes and the TURN realm are unknown. Its bytes are in the class "webrtc".
"""

from __future__ import annotations

from random import Random
from typing import Final

from talkpath.apps.contract.flow_view import FlowView, Hit
from talkpath.apps.contract.shape import App, Arm, Source
from talkpath.apps.families.rtc_call import Call
from talkpath.apps.families.rtc_media import Voice
from talkpath.apps.webrtc import CAMERA, VIDEO_FACTS, VOICE_FACTS
from talkpath.errors import WireError
from talkpath.wire.rtc import stun


def speak(rng: Random) -> int:
    """Opus from 16 kbit/s up (`minbitrate=16000`) in a header of 28 and a tag of 10."""
    return round(rng.triangular(78, 130, 96))


def rest(rng: Random) -> tuple[int, int]:
    """A pair of packets in silence (`usedtx=1`), as libwebrtc sends it: the second is nearly empty."""
    return rng.choice((56, 60, 64)), 39


TALK: Final = Voice(speak, rest)


NETWORKS: Final = ("155.212.192.0/20", "91.231.135.0/24", "193.203.43.26/32", "90.156.236.127/32")
"""Where its relays and media servers were seen. `capture` names a WebRTC call by them, with little confidence."""

SEES: Final = frozenset(("stun",))
_USER: Final = b"okcdn"


def recognise(datagram: bytes, view: FlowView) -> Hit | None:
    """By the user name that its TURN servers ask for; nothing else in the bytes tells Max from another WebRTC call."""
    if not stun.is_stun(datagram) or _USER not in datagram:
        return None
    try:
        user = stun.decode(datagram).get(stun.Attribute.USERNAME) or b""
    except WireError:
        return None
    return Hit("max", "setup", confidence=0.8) if _USER in user else None


_NOTES: Final = "public reverse-engineering notes of 2026"

SOURCES: Final = (
    Source("calls are WebRTC with DTLS-SRTP and Opus, direct unless forbidden", _NOTES, "medium"),
    Source("usedtx=1, minbitrate=16000, minptime=10, useinbandfec=0; camera at most 2 Mbit/s", _NOTES, "medium"),
    Source("STUN and TURN on 19302, the SFU on 43210; addresses; TURN user expiry:okcdn-uid", _NOTES, "medium"),
    Source("payload types, sizes, header extensions: taken from Chromium, not seen", "assumed", "low"),
)

_SHAPES: Final = (
    Call(arm=Arm("max", "webrtc", "voice"), facts=VOICE_FACTS, voice=TALK, packet_rate=50.0),
    Call(arm=Arm("max", "webrtc", "video"), facts=VIDEO_FACTS, voice=TALK, camera=CAMERA, packet_rate=105.0),
)

APP: Final = App("max", "Max", _SHAPES, SOURCES, ports=(19302, 43210))
