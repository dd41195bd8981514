"""FaceTime, recognised only: frames that hold their own length with RTP inside, and checks with Apple's attributes.

A frame is `60 00`, the length of what follows, two bytes of type, a head whose length the type tells, and RTP. Apple's
address block 17.0.0.0/8 and its IPv6 networks carry the relays; the ports that Apple names (16384 to 16387, 16393 to
16402) are those of SIP phones too.
"""

from __future__ import annotations

from typing import Final, Literal

from talkpath.apps.contract.byte_hint import ByteHint, SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("stun", "rtp"))
FEATURES: Final = AppFeatures(
    "facetime", frame=(3, 3, 0, 97), media=(3, 3, 0, 97), beside_quic=(2, 3, 1, 96), check=(2, 3, 0, 97)
)

NETWORKS: Final = ("17.0.0.0/8", "2403:300::/32", "2620:149::/32", "2a01:b740::/32")
"""Apple's own networks. `capture` names a call of no other app by them, with little confidence."""

_MARK, _LENGTH_AT, _HEAD = b"\x60\x00", 2, 4
_RTP_AT: Final = {
    b"\x21\x48": 9,
    b"\x20\x40": 8,
    b"\x20\x00": 8,
    b"\x00\x49": 9,
    b"\x21\x58": 11,
    b"\x01\x5b": 14,
    b"\x21\x4c": 17,
    b"\x20\x44": 16,
    b"\x00\x4d": 17,
    b"\x21\x5c": 19,
    b"\x01\x5f": 22,
    b"\x06\x4d": 29,
}
"""A frame's type and where its RTP begins; the later six come from the relay, with eight bytes more."""
_VOICE_TYPES, _VIDEO_TYPE = (13, 20, 104, 108), 100
_OWN_NUMBER: Final = 0x8007

WRAPPINGS: Final = tuple(
    ByteHint(
        ((0, 0x60), (1, 0), (_HEAD, kind[0]), (_HEAD + 1, kind[1])),
        least=at + 12,
        inner_at=at,
        length=(_LENGTH_AT, 0xFFFF, _HEAD),
    )
    for kind, at in _RTP_AT.items()
)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this FaceTime's? By a frame with RTP at the place that its type tells, by Apple's check."""
    if message := stun.read_message(datagram):
        return _recognise_check(message)
    length = int.from_bytes(datagram[_LENGTH_AT:_HEAD], "big")
    at = _RTP_AT.get(datagram[_HEAD : _HEAD + 2], 0)
    if datagram[:2] != _MARK or length != len(datagram) - _HEAD or not at or datagram[at : at + 1] < b"\x80":
        return None
    kind = datagram[at + 1] & 127 if len(datagram) >= at + 12 and datagram[at] >> 6 == 2 else -1
    if kind not in (*_VOICE_TYPES, _VIDEO_TYPE):
        return None
    shown = ("frame", "media", "beside_quic") if view.setup == "quic" else ("frame", "media")
    medium: Literal["voice", "video"] = "video" if kind == _VIDEO_TYPE else "voice"
    return FEATURES.hit("media", *shown, medium=medium, stitch=datagram[at + 8 : at + 12])


def _recognise_check(message: StunMessage) -> RecognisedDatagram | None:
    """A check with a number of Apple's own that is sealed by MESSAGE-INTEGRITY alone, without a name."""
    named = message.get(Attribute.USERNAME) is not None or message.get(Attribute.FINGERPRINT) is not None
    sealed = message.get(Attribute.MESSAGE_INTEGRITY) is not None
    if named or not sealed or len(message.get(_OWN_NUMBER) or b"") != 4:
        return None
    return FEATURES.hit("setup", "check")


_PHONES: Final = "two calls of iPhones at both ends, 2023"

SOURCES: Final = (
    ShapeSource("frames 6000 with their length and RTP PT 100, 104, 20, 13, 108", _PHONES, "low", 5797, 180.0),
    ShapeSource("checks of 72 and 52 bytes with attributes 8007 and 8008 and no USERNAME", _PHONES, "low"),
    ShapeSource("UDP 3478 to 3497, 16384 to 16387, 16393 to 16402", "support.apple.com/HT202078", "low"),
    ShapeSource("networks of AS714 and AS6185", "public routing registries", "low"),
)

APP: Final = App("facetime", "FaceTime", (), SOURCES, ports=(3478,), packages=("com.apple.facetime",))
