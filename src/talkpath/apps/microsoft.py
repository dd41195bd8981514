"""Recognises what Teams and Skype share on the wire: STUN with Microsoft's attributes (MS-ICE2, MS-TURN), Lync's
payload types.

No app itself. The two are told apart by the implementation version in attribute 8070: 3 in Skype (2017), 7 in Teams.
No implementation has 0: that is what a recording shows that cut the packet before its version.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

MICROSOFT_ATTRIBUTES: Final = frozenset((0x8006, 0x8036, 0x8037, 0x8050, 0x8054, 0x8055, 0x8070, 0x8095))
VERSION_ATTRIBUTE, SHORT, SHORT_BYTES = 0x8070, 0x8008, 4
"""Apple has an attribute 8008 too, of 16 bytes; Microsoft's has four."""
REALM: Final = b"rtcmedia"
LYNC_VOICE_TYPES: Final = frozenset((0, 4, 8, 9, 13, 103, 104, 106, 111, 112, 114, 115, 116, 117, 118, 119))
LYNC_VIDEO_TYPES: Final = frozenset((34, 107, 121, 122))
SKYPE_VERSION: Final = 3


def recognise_as(features: AppFeatures, datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this datagram that app's? RTP counts in flows where its STUN was seen."""
    if message := stun.read_message(datagram):
        return _recognise_stun(features, message, view)
    known = view.notes.get("app")
    if known != features.app or len(datagram) < 12 or datagram[0] >> 6 != 2:
        return None
    if 192 <= datagram[1] <= 223:
        return features.hit("control")
    kind = datagram[1] & 127
    if kind not in LYNC_VOICE_TYPES | LYNC_VIDEO_TYPES:
        return features.hit("control")
    return features.hit("media", medium="voice" if kind in LYNC_VOICE_TYPES else "video", stitch=datagram[8:12])


def _recognise_stun(features: AppFeatures, message: StunMessage, view: FlowView) -> RecognisedDatagram | None:
    short = len(message.get(SHORT) or b"") == SHORT_BYTES
    if not short and MICROSOFT_ATTRIBUTES.isdisjoint(dict(message.attributes)):
        return None
    version = int.from_bytes(message.get(VERSION_ATTRIBUTE) or b"", "big")
    if version:
        view.notes["app"] = "skype" if version <= SKYPE_VERSION else "teams"
    if view.notes.setdefault("app", "teams") != features.app:
        return None
    realm = message.get(Attribute.REALM) or b""
    first = "setup" not in view.notes
    view.notes["setup"] = True
    asks = first or message.type == Type.ALLOCATE_REQUEST
    shown = ["attributes", *(["version"] if version else []), *(["realm"] if REALM in realm else [])]
    return features.hit("setup" if asks else "keepalive", *shown)
