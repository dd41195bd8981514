"""Meta's relays, which carry calls of WhatsApp and of Messenger: message types of their own that do not tell which.

What tells is in the apps' own files: the length of the token, checks between the two phones, the media's header.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource
from talkpath.apps.whatsapp import STUN_INDICATIONS, recogniser
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Type

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("stun",))
FEATURES: Final = AppFeatures("meta", most=0.5, types=(12, 12, 0, 85))

_TYPES: Final = (Type.ALLOCATE_REQUEST, Type.ALLOCATE_RESPONSE, *range(STUN_INDICATIONS[0], Type.WA_PROBE_RESPONSE + 1))


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this a message of Meta's relays? Of all that WhatsApp's recogniser knows, what Messenger has too."""
    if not stun.is_stun(datagram) or int.from_bytes(datagram[:2], "big") not in _TYPES:
        return None
    found = recogniser.recognise(datagram, view)
    return FEATURES.hit(found.kind, "types", medium=found.medium, stitch=found.stitch) if found else None


SOURCES: Final = (
    ShapeSource(
        "types 0800 to 0802, attributes 4000 to 4004 in the calls of both", "three calls of phones, 2023", "low"
    ),
)

APP: Final = App("meta", "Meta", (), SOURCES, ports=(3478,), recorded_name="WhatsApp / Messenger")
