"""Zoom, recognised only: its own header before RTP, hellos that a server answers, a bandwidth probe that is not video.

Three headers carry the same media header: `05`, sequence, 4 bytes and direction (8 bytes, since about 2020), `05`
alone (2019), and none between two phones. The media header's first byte tells what follows (15 sound, 16 picture,
13 and 30 shared screen, 21 the probe of 1029 bytes each 10 ms).
"""

from __future__ import annotations

from typing import Final

from talkpath.apps.contract.byte_hint import ByteHint, SeenKinds, hint_of_bytes
from talkpath.apps.contract.flow_view import AppFeatures, FlowView, RecognisedDatagram
from talkpath.apps.contract.shape import App, ShapeSource

ENCRYPTED: Final = True
SEES: Final = SeenKinds(("rtp",), ("other",))

FEATURES: Final = AppFeatures(
    "zoom",
    greeting=(2, 2, 0, 95),
    hole=(1, 1, 0, 96),  # what one phone sends another first
    frame=(2, 2, 0, 95),  # the media header at its place, with or without the server's before it
    media=(1, 1, 0, 96),  # RTP of Zoom's types behind the media header
    probe=(1, 2, 0, 95),
)

SOUND, PICTURE, PROBE = 15, 16, 21
_SCREEN: Final = {13: 27, 30: 20}
_INNER: Final = {SOUND: 19, PICTURE: 24}
_REPORTS: Final = (33, 34, 35)
_OLDER, _NEWER = 1, 8
_HELLO_BYTES: Final = range(100, 136)
_REPAIR: Final = 110
_MEDIA_TYPES: Final = {SOUND: {99, 112, 113, _REPAIR}, PICTURE: {98, _REPAIR}}
_TYPES: Final = set().union(*_MEDIA_TYPES.values())

WRAPPINGS: Final = tuple(
    ByteHint(((0, 5), (ahead, kind)), least=ahead + inner + 12, inner_at=ahead + inner)
    for ahead in (_NEWER, _OLDER)
    for kind, inner in _INNER.items()
) + tuple(
    ByteHint(((0, kind), (inner, first), (inner + 1, name | marker)), least=inner + 12, inner_at=inner)
    for kind, inner in _INNER.items()
    for name in sorted(_MEDIA_TYPES[kind])
    for first in (0x80, 0x90)
    for marker in (0, 0x80)
)
"""Between two phones there is nothing before the media header, so the RTP header behind it has to be Zoom's as well."""

BYTE_HINTS: Final = (
    hint_of_bytes(0, b"\x01\x00\x02", 100, 135),
    hint_of_bytes(0, b"\x01\x00\x03", 100, 135),
    hint_of_bytes(0, b"\x02\x00\x02", 30, 60),
    hint_of_bytes(0, b"\x02\x00\x03", 30, 60),
    hint_of_bytes(0, b"\x03\x00\x00\x00", 12, 16),
    hint_of_bytes(0, b"\x04\x00\x00\x00", 12, 16),
    ByteHint(((0, 5), (_NEWER, PROBE)), 1029, 1040),
    ByteHint(((0, 5), (_OLDER, PROBE)), 1025, 1040),
    hint_of_bytes(0, b"\x1f\x02\x01", 60, 120),
)


def recognise(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """Is this Zoom's? By hello, answer and the media header behind one of the three."""
    if not datagram:
        return None
    first = datagram[0]
    if first == 5:
        return _framed(datagram, view)
    if first in (1, 2) and datagram[1:3] in (b"\x00\x02", b"\x00\x03") and len(datagram) >= 30:
        return _greeting(datagram, view)
    if datagram[:3] == b"\x1f\x02\x01":
        view.notes["path"] = "p2p"
        return FEATURES.hit("setup", "hole")
    if first in (3, 4) and len(datagram) in range(12, 17) and "path" in view.notes:
        return FEATURES.hit("keepalive")
    return _media(datagram, 0, view) if first in _INNER else None


def _greeting(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """A hello has a 16-byte id, a constant and its own time twice; its answer repeats the id."""
    if datagram[0] == 1 and len(datagram) in _HELLO_BYTES and datagram[27:31] == datagram[31:35]:
        view.notes["hello"] = datagram[3:19]
    if view.notes.get("hello") != datagram[3:19]:
        return None
    view.notes["path"] = "relay"
    return FEATURES.hit("setup", "greeting")


def _framed(datagram: bytes, view: FlowView) -> RecognisedDatagram | None:
    """With the server's header: the newer one has the direction, 0 or 4, in its last byte."""
    if len(datagram) > _NEWER and datagram[7] in (0, 4) and datagram[_NEWER] in (SOUND, PICTURE, PROBE, *_REPORTS):
        hit = _media(datagram, _NEWER, view)
    else:
        hit = _media(datagram, _OLDER, view)
    if hit is None:
        return FEATURES.hit("control") if "path" in view.notes else None
    view.notes["path"] = "relay"
    return hit


def _media(datagram: bytes, at: int, view: FlowView) -> RecognisedDatagram | None:
    kind = datagram[at] if len(datagram) > at else 0
    if kind == PROBE and len(datagram) - at >= 1000:
        return FEATURES.hit("probe", "probe")
    if kind in _REPORTS or kind in _SCREEN:
        return FEATURES.hit("control") if "path" in view.notes else None
    inner = at + _INNER.get(kind, len(datagram))
    if len(datagram) < inner + 12 or datagram[inner] >> 6 != 2 or datagram[inner + 1] & 127 not in _TYPES:
        return None
    view.notes.setdefault("path", "relay" if at else "p2p")
    if datagram[inner + 1] & 127 == _REPAIR:
        return FEATURES.hit("control", "frame", "media")
    return FEATURES.hit(
        "media",
        "frame",
        "media",
        medium="voice" if kind == SOUND else "video",
        stitch=datagram[inner + 8 : inner + 12],
    )


SOURCES: Final = (
    ShapeSource("hello 01/02/03/04, probe 1029 B each 10 ms, no media", "zoom__a.pcap", "low", 200, 1.5),
    ShapeSource("8-byte header, sound RTP PT 112 and 99 at +19", "zoom2.pcap", "low", 139, 3.6),
    ShapeSource("picture at +24, phones among themselves, repair PT 110", "Michel et al., IMC 2022", "medium"),
)

APP: Final = App("zoom", "Zoom", (), SOURCES, ports=(8801,), packages=("us.zoom.videomeetings",))
