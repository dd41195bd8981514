"""Discord, recognised only: a 74-byte request for the own address, an 8-byte ping, RTP to voice servers.

The last four bytes of every RTP and RTCP packet count those of one direction, whatever the stream, with the top bit set
from the client. Where none of this is in the recording, voice of its payload type and frame is a hint: 20 ms at 48 kHz,
of the same sizes as its timestamps say. WhatsApp, which has payload type 120 too, counts at 16 kHz or has an extension
of its own. With a server's port that Discord uses `capture` names the call so, with little confidence.
"""

from __future__ import annotations

from typing import Final, cast

from talkpath.apps.contract.byte_hint import SeenKinds, hint_of_bytes
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("rtp", "rtcp"), ("other",))

FEATURES: Final = AppFeatures("discord", question=(3, 3, 0, 97), ping=(3, 3, 0, 97), counter=(2, 2, 0, 97))

_ASK, _TELL, _PING = b"\x00\x01\x00\x46", b"\x00\x02\x00\x46", b"\x13\x37\xca\xfe"
_KNOWN: Final = "discord"
_VOICE: Final = 120
_REPAIR: Final = (102, 104, 106)
_FRAME, _NEAR, _MOST_RECENT = 960, 100, 8
_OTHERS: Final = (b"\xde\xbe", b"\x74\x6f")
"""WhatsApp's extensions."""

RELAY_PORTS: Final = range(50000, 65536)
"""Ports of its voice servers."""

BYTE_HINTS: Final = (hint_of_bytes(0, _ASK, 74, 74), hint_of_bytes(0, _TELL, 74, 74), hint_of_bytes(0, _PING, 8, 8))


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this Discord's? RTP counts in a flow where request, ping or counter was seen."""
    if len(datagram) == 74 and datagram[:4] in (_ASK, _TELL):
        view.notes[_KNOWN], view.notes["path"] = True, "relay"
        return FEATURES.hit("setup", "question")
    if len(datagram) == 8 and datagram[:4] == _PING:
        view.notes[_KNOWN], view.notes["path"] = True, "relay"
        return FEATURES.hit("keepalive", "ping")
    if len(datagram) < 12 or datagram[0] >> 6 != 2:
        return None
    shown = ("counter",) if _counts(datagram, view) else ()
    if not shown and _KNOWN not in view.notes:
        _note_frame(datagram, view)
        return None
    view.notes[_KNOWN], view.notes["path"] = True, "relay"
    kind = datagram[1] & 127
    if 192 <= datagram[1] <= 223 or kind in _REPAIR:
        return FEATURES.hit("control", *shown)
    return FEATURES.hit("media", *shown, medium="voice" if kind == _VOICE else "video", stitch=datagram[8:12])


def _counts(datagram: bytes, view: FlowView) -> bool:
    """Do the last four bytes continue a count of this direction's packets?"""
    if view.captured < len(datagram):
        return False
    number, name = int.from_bytes(datagram[-4:], "little"), f"counter {view.direction}"
    before = cast("int", view.notes.get(name, number))
    view.notes[name] = number
    return 0 < number - before < _NEAR and number >> 24 == before >> 24 and number >> 24 in (0x00, 0x80)


def _note_frame(datagram: bytes, view: FlowView) -> None:
    """Leave a hint where a packet continues the one before by frames of Opus at 20 ms."""
    if datagram[1] & 127 != _VOICE or (datagram[0] & 16 and datagram[12:14] in _OTHERS):
        return
    number, stamp = int.from_bytes(datagram[2:4], "big"), int.from_bytes(datagram[4:8], "big")
    recent = view.notes.setdefault("recent", {})
    if not isinstance(recent, dict) or "hint" in view.notes:
        return
    before = recent.get(datagram[8:12])
    if len(recent) >= _MOST_RECENT:
        recent.clear()
    recent[datagram[8:12]] = number, stamp
    if before is not None:
        steps, ticks = (number - before[0]) & 0xFFFF, (stamp - before[1]) & 0xFFFFFFFF
        if 0 < steps < _NEAR and ticks == steps * _FRAME:
            view.notes["hint"] = True


SOURCES: Final = (
    ShapeSource("74-byte address question with SSRC, ping 1337cafe each 5 s", "discord.pcap", "medium", 120, 1900.0),
    ShapeSource("a count in the last four bytes of each direction's packets", "two calls of an iPhone, 2023", "low"),
    ShapeSource("servers on UDP 50000 to 65535", "support pages of Discord and of firewalls", "low"),
    ShapeSource("voice PT 120 (Opus, 20 ms), video PT 101 and 103", "discord.pcap", "medium", 280, 1900.0),
)

APP: Final = App("discord", "Discord", (), SOURCES, ports=(50001, 50004), packages=("com.discord",))
