"""Calls set up by SIP (RFC 3261) that anybody on the path can read; the media is RTP on flows of its own."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds, hint_of_bytes
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

_KINDS: Final = {
    b"INVITE": "setup",
    b"ACK": "control",
    b"BYE": "close",
    b"CANCEL": "close",
    b"REGISTER": "keepalive",
    b"OPTIONS": "keepalive",
    b"NOTIFY": "control",
    b"SUBSCRIBE": "control",
    b"PRACK": "control",
    b"UPDATE": "control",
    b"MESSAGE": "control",
    b"INFO": "control",
    b"REFER": "control",
}
_ANSWER: Final = b"SIP/2.0 "

BYTE_HINTS: Final = (hint_of_bytes(0, _ANSWER), *(hint_of_bytes(0, method + b" sip") for method in _KINDS))
SEES: Final = SeenKinds((), ("other",))
FEATURES: Final = AppFeatures("sip", first_word=(3, 3, 0, 97), second_word=(3, 3, 0, 97))
"""A method and the scheme of its URI, or the version and a code."""
_SHOWN: Final = ("first_word", "second_word")


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this a SIP message?"""
    if datagram.startswith(_ANSWER):
        invited = b"INVITE" in datagram.partition(b"CSeq:")[2][:40]
        return FEATURES.hit("setup" if invited else "control", *_SHOWN)
    method, _, rest = datagram[:64].partition(b" ")
    if method not in _KINDS or rest[:4].lower() not in (b"sip:", b"sips", b"tel:"):
        return None
    return FEATURES.hit(_KINDS[method], *_SHOWN)


SOURCES: Final = (
    ShapeSource("INVITE, answers, RTP PT 8 on ports of its own", "sip.pcap; RFC 3261", "medium", 112, 1521.0),
)

APP: Final = App("sip", "SIP", (), SOURCES, ports=(5060,))
