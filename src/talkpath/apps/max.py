"""Max (VK): its calls are WebRTC as public protocol notes of 2026 say; there is no public capture.

The shape is a browser's of today, as those notes name nothing that its packets would show. Its bytes are in the class
"webrtc". VK Calls, OK and Telega use the same SDK and servers, so a recorded call is "Max or VK calls". Calls in these
networks may also be tunnels: many projects carry other traffic through VK's TURN servers.
"""

from __future__ import annotations

import re
from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, Arm, ShapeSource
from talkpath.apps.recorded.app_call import AppCall
from talkpath.wire.rtc import stun

NETWORKS: Final = (
    "155.212.192.0/20",
    "95.163.34.0/24",
    "91.231.135.0/24",
    "90.156.232.0/21",
    "193.203.43.0/24",
    "185.180.200.0/22",
)
"""Networks of its relays and media servers; all but the first may be shared with other services of VK. `capture` names
a WebRTC call by them, with little confidence."""
RELAY_PORTS: Final = (19302,)
"""Ports of its relays: to one of these, the form of the user name says Max with as little confidence."""

SEES: Final = SeenKinds(("stun",))
_USER: Final = re.compile(rb"[0-9]{10}:[0-9]+")
"""Expiry in seconds since 1970, a colon, the participant's number. Many TURN servers have user names of this form."""


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Note the form of a TURN user name. By itself it recognises nothing, and nothing else in the bytes tells Max from
    another WebRTC call."""
    message = stun.read_message(datagram)
    if message and _USER.fullmatch(message.get(stun.Attribute.USERNAME) or b""):
        view.notes["hint"] = True
    return None


_NOTES: Final = "public reverse-engineering notes of 2026"

SOURCES: Final = (
    ShapeSource("calls are WebRTC with DTLS-SRTP and Opus, direct unless forbidden", _NOTES, "medium"),
    ShapeSource("usedtx=1, minbitrate=16000, minptime=10, useinbandfec=0; camera at most 2 Mbit/s", _NOTES, "medium"),
    ShapeSource(
        "STUN and TURN on 19302, also over TCP; the SFU on UDP 43210 and TCP 7684 of 155.212.192.x", _NOTES, "medium"
    ),
    ShapeSource("TURN user name expiry:number, ten digits and more", _NOTES, "medium"),
    ShapeSource("voice PT 111 (Opus), 63 (RED); video H.264, VP9, VP8, AV1", _NOTES, "medium"),
    ShapeSource("further networks of relays", "a client's source", "low"),
    ShapeSource("all that packets show is taken from Chromium, not seen", "make engines, assumed", "low"),
)

APP: Final = App(
    "max",
    "Max",
    (
        AppCall(Arm("max", "webrtc", "voice"), "chromium", "webrtc", mirrored=True, assumed=True),
        AppCall(Arm("max", "webrtc", "video"), "chromium-video", "webrtc", mirrored=True, assumed=True),
    ),
    SOURCES,
    ports=(19302, 43210),
    recorded_name="Max or VK calls",
    packages=("ru.oneme.app",),
)
