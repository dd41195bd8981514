"""FaceTime, recognised only, by the network of its relays: no public capture shows its bytes.

Apple's address block 17.0.0.0/8 and its IPv6 networks carry the relays. A call straight between two phones shows
nothing that only FaceTime has: the ports that Apple names (16384 to 16387, 16393 to 16402) are those of SIP phones too.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.flow_view import FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True
SEES: Final[frozenset[str]] = frozenset()

NETWORKS: Final = ("17.0.0.0/8", "2403:300::/32", "2620:149::/32", "2a01:b740::/32")
"""Apple's own networks. `capture` names a call of no other app by them, with little confidence."""


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this FaceTime's? The bytes of no datagram say so."""
    return None


SOURCES: Final = (
    ShapeSource("UDP 3478 to 3497, 16384 to 16387, 16393 to 16402", "support.apple.com/HT202078", "low"),
    ShapeSource("media as RTP, also inside TURN's ChannelData", "Dell Instant user guide 6.2, page 254", "low"),
    ShapeSource("networks of AS714 and AS6185", "public routing registries", "low"),
)

APP: Final = App("facetime", "FaceTime", (), SOURCES, ports=(3478,), packages=("com.apple.facetime",))
