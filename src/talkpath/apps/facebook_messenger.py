"""Facebook Messenger, recognised only: Meta's relays with a token of its own, checks that name a default user, voice
PT 96; before, TURN with realm turner.facebook and WebRTC inside ChannelData.

WhatsApp's relays are Meta's too and speak the same message types: `meta` has what tells neither.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource
from talkpath.wire.rtc import rtp, stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("stun",), ("rtp", "rtcp"))
FEATURES: Final = AppFeatures(
    "facebook_messenger",
    realm=(7, 7, 0, 97),
    token=(6, 7, 0, 97),
    user=(6, 7, 1, 97),  # EDGERAY_DEFAULT_USERNAME
    check=(6, 7, 1, 97),  # attribute DABA in a check between the two phones
    media=(6, 7, 0, 97),  # its payload types with RFC 8285's extension in a flow where one of these was seen
)

_REALM, _USER = b"turner.facebook", b"EDGERAY_DEFAULT_USER"
_KNOWN: Final = "facebook"
_TOKEN_BYTES, _DABA = 118, 0xDABA
_VOICE_TYPE, _VIDEO_TYPE, _REPAIR_TYPE = 96, 126, 125


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this Messenger's? By realm, token, user name or attribute; RTP and RTCP count in the same flow."""
    if message := stun.read_message(datagram):
        return _recognise_stun(message, view)
    if _KNOWN not in view.notes:
        return None
    if rtp.is_rtcp(datagram):
        return FEATURES.hit("control")
    return _recognise_rtp(datagram, view) if rtp.is_rtp(datagram) else None


def _recognise_rtp(datagram: bytes, view: FlowView) -> RecognisedDatagram:
    packet = rtp.decode_packet(datagram)
    if packet.payload_type == _REPAIR_TYPE:
        return FEATURES.hit("control")
    own = packet.payload_type in (_VOICE_TYPE, _VIDEO_TYPE) and view.notes[_KNOWN] == "phone"
    shown = ("media",) if own and packet.extension and packet.extension.profile == rtp.ONE_BYTE_PROFILE else ()
    stitch = packet.ssrc.to_bytes(4, "big")
    if not own:
        return FEATURES.hit("media", stitch=stitch)
    return FEATURES.hit(
        "media", *shown, medium="voice" if packet.payload_type == _VOICE_TYPE else "video", stitch=stitch
    )


def _recognise_stun(message: StunMessage, view: FlowView) -> RecognisedDatagram | None:
    if message.get(Attribute.REALM) == _REALM:
        view.notes.setdefault(_KNOWN, "turn")
        released = message.type == Type.REFRESH_REQUEST and message.get(Attribute.LIFETIME) == bytes(4)
        return FEATURES.hit("close" if released else "setup", "realm")
    shown = _shown_by_stun(message)
    if shown:
        view.notes[_KNOWN] = "phone"
        return FEATURES.hit("setup", *shown)
    return FEATURES.hit("keepalive") if _KNOWN in view.notes else None


def _shown_by_stun(message: StunMessage) -> tuple[str, ...]:
    if len(message.get(Attribute.WA_TOKEN) or b"") == _TOKEN_BYTES:
        return ("token",)
    if (message.get(Attribute.USERNAME) or b"").startswith(_USER):
        return ("user",)
    return ("check",) if message.get(_DABA) is not None else ()


_PHONES: Final = "three calls of phones at both ends, 2023"

SOURCES: Final = (
    ShapeSource("TURN on UDP 40003, realm turner.facebook, ICE and RTCP in channel 4003", "stun.pcap", "low", 90, 8.0),
    ShapeSource("tokens of 118 bytes, EDGERAY_DEFAULT_USERNAME, attribute DABA in checks", _PHONES, "low"),
    ShapeSource("voice PT 96 of 60 ms, video PT 126, its repair PT 125, extension BEDE, no DTLS", _PHONES, "low"),
)

APP: Final = App(
    "facebook_messenger", "Facebook Messenger", (), SOURCES, ports=(40003, 3478), packages=("com.facebook.orca",)
)
