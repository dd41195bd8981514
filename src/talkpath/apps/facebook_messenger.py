"""Facebook Messenger, recognised only: TURN with realm turner.facebook, then WebRTC inside ChannelData."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource
from talkpath.errors import WireError
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, Type

ENCRYPTED: Final = True
SEES: Final = frozenset(("stun", "rtp", "rtcp"))

_REALM: Final = b"turner.facebook"
_KNOWN: Final = "facebook"


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this Messenger's? By the realm; RTP and RTCP count in the same flow."""
    if stun.is_stun(datagram):
        return _stun(datagram, view)
    if _KNOWN not in view.notes or len(datagram) < 12 or datagram[0] >> 6 != 2:
        return None
    if 192 <= datagram[1] <= 223:
        return RecognisedDatagram("facebook_messenger", "control", confidence=0.9)
    return RecognisedDatagram("facebook_messenger", "media", None, datagram[8:12], 0.9)


def _stun(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    try:
        message = stun.decode_message(datagram)
    except WireError:
        return None
    if message.get(Attribute.REALM) != _REALM:
        return RecognisedDatagram("facebook_messenger", "keepalive", confidence=0.8) if _KNOWN in view.notes else None
    view.notes[_KNOWN] = True
    released = message.type == Type.REFRESH_REQUEST and message.get(Attribute.LIFETIME) == bytes(4)
    return RecognisedDatagram("facebook_messenger", "close" if released else "setup")


SOURCES: Final = (
    ShapeSource("TURN on UDP 40003, realm turner.facebook, ICE and RTCP in channel 4003", "stun.pcap", "low", 90, 8.0),
)

APP: Final = App(
    "facebook_messenger", "Facebook Messenger", (), SOURCES, ports=(40003, 3478), packages=("com.facebook.orca",)
)
