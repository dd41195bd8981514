"""imo, recognised only: pings of 10 bytes that begin with 09 02, answers with 09 03, then media without a header.

Two short marks are little, so they count only together, in both directions of one flow; what sound and what picture is
among the packets after them nobody has published: the size has to do.
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import SeenKinds, hint_of_bytes
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True
SEES: Final = SeenKinds((), ("rtp", "rtcp", "other"))

_PING, _ANSWER = b"\x09\x02", (b"\x09\x03", b"\x00\x09\x03")
FEATURES: Final = AppFeatures("imo", most=0.5, ping=(1, 1, 0, 96))
_LEAST_MEDIA, _MOST_VOICE = 24, 300

BYTE_HINTS: Final = (
    hint_of_bytes(0, _PING, 10, 10),
    hint_of_bytes(0, _ANSWER[0], 10, 10),
    hint_of_bytes(0, _ANSWER[1], 11, 11),
)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this imo's? By a ping from one end and an answer from the other; after both, by size."""
    if len(datagram) == 10 and datagram[:2] == _PING:
        view.notes["ping"] = view.direction
    elif len(datagram) in (10, 11) and datagram.startswith(_ANSWER):
        view.notes["answer"] = view.direction
    elif len(datagram) < _LEAST_MEDIA or not _is_known(view):
        return None
    else:
        return FEATURES.hit("media", "ping", medium="voice" if len(datagram) <= _MOST_VOICE else "video")
    return FEATURES.hit("setup", "ping") if _is_known(view) else None


def _is_known(view: FlowView) -> bool:
    """Did one end ping and the other answer?"""
    ping, answer = view.notes.get("ping"), view.notes.get("answer")
    return ping is not None and answer is not None and ping != answer


SOURCES: Final = (
    ShapeSource("10 bytes 09 02, 11 bytes 00 09 03, single bytes twice", "nDPI, src/lib/protocols/imo.c", "low"),
    ShapeSource("10 bytes 09 02 and 09 03 as ping and answer", "nDPI's capture imo.pcap", "low"),
)

APP: Final = App("imo", "imo", (), SOURCES, packages=("com.imo.android.imoim",))
