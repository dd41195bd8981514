"""Discord, recognised only: a 74-byte request for the own address, an 8-byte ping, RTP to voice servers."""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.cue import run
from talkpath.apps.contract.flow_view import FlowView, Hit
from talkpath.apps.contract.shape import App, Source

ENCRYPTED: Final = True
SEES: Final = frozenset(("rtp", "rtcp", "other"))

_ASK, _TELL, _PING = b"\x00\x01\x00\x46", b"\x00\x02\x00\x46", b"\x13\x37\xca\xfe"
_KNOWN: Final = "discord"
_VOICE: Final = 120
_REPAIR: Final = (102, 104, 106)

CUES: Final = (run(0, _ASK, 74, 74), run(0, _TELL, 74, 74), run(0, _PING, 8, 8))


def recognise(datagram: bytes, view: FlowView) -> Hit | None:
    """Is this Discord's? RTP counts in a flow where request or ping was seen."""
    if len(datagram) == 74 and datagram[:4] in (_ASK, _TELL):
        view.notes[_KNOWN], view.notes["path"] = True, "relay"
        return Hit("discord", "setup", confidence=0.95)
    if len(datagram) == 8 and datagram[:4] == _PING:
        view.notes[_KNOWN], view.notes["path"] = True, "relay"
        return Hit("discord", "keepalive", confidence=0.9)
    if _KNOWN not in view.notes or len(datagram) < 12 or datagram[0] >> 6 != 2:
        return None
    if 192 <= datagram[1] <= 223:
        return Hit("discord", "control", confidence=0.9)
    kind = datagram[1] & 127
    if kind in _REPAIR:
        return Hit("discord", "control", confidence=0.9)
    return Hit("discord", "media", "voice" if kind == _VOICE else "video", datagram[8:12], 0.9)


SOURCES: Final = (
    Source("74-byte address question with SSRC, ping 1337cafe each 5 s", "discord.pcap", "medium", 120, 1900.0),
    Source("voice PT 120 (Opus, 20 ms), video PT 101 and 103", "discord.pcap", "medium", 280, 1900.0),
)

APP: Final = App("discord", "Discord", (), SOURCES, ports=(50001, 50004), packages=("com.discord",))
