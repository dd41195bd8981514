"""Viber, recognised only: `id16 | type` messages of old clients, TURN with realm viber.com of newer ones.

Only unanswered calls are on record, so its media is not known; a call of Viber shows as an attempt, unless its media
is RTP.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds, hint_of_bytes
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("stun",), ("other",))

FEATURES: Final = AppFeatures("viber", request=(1, 1, 0, 96), answer=(1, 1, 0, 96), realm=(1, 1, 0, 96))

_REALM: Final = b"viber.com"
_REQUEST: Final = b"\x01\x00\x05\x00"
_KNOWN: Final = "viber"
_SIZES: Final = {
    0x09: ("keepalive", 20),
    0x0B: ("keepalive", 34),
    0x0C: ("setup", 76),
    0x19: ("setup", 34),
    0x1A: ("setup", 20),
    0x05: ("close", 12),
}
"""Message type to what it does and its size; the byte behind the type is 0."""

BYTE_HINTS: Final = (
    hint_of_bytes(2, _REQUEST, 200, 320),
    *(hint_of_bytes(2, bytes((kind, 0)), size, size) for kind, (_, size) in _SIZES.items() if kind != 0x05),
)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this Viber's?"""
    if message := stun.read_message(datagram):
        if message.get(Attribute.REALM) != _REALM:
            return None
        view.notes[_KNOWN] = True
        return FEATURES.hit("setup", "realm")
    if datagram[2:6] == _REQUEST and 200 <= len(datagram) <= 320:
        view.notes[_KNOWN] = True
        return FEATURES.hit("setup", "request")
    if _KNOWN in view.notes and len(datagram) >= 4 and datagram[3] == 0:
        kind, size = _SIZES.get(datagram[2], ("", 0))
        return FEATURES.hit(kind, "answer") if kind and len(datagram) == size else None
    return None


SOURCES: Final = (
    ShapeSource("257 bytes, answered by 76, each 0.5 s; pings of 20 and 34 bytes", "viber__a.pcap", "medium", 89, 14.0),
    ShapeSource("TURN realm viber.com on UDP 443", "public descriptions, no capture", "low"),
)

APP: Final = App("viber", "Viber", (), SOURCES, ports=(7985, 7987, 443), packages=("com.viber.voip",))
