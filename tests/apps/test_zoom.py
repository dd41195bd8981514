"""Zoom's three headers, its hello, and the probe that is no video."""

from __future__ import annotations

import pytest

from talkpath.apps import zoom
from talkpath.apps.contract.flow_view import FlowView

RTP = bytes((0x90, 112, 0, 1)) + bytes(4) + b"\x01\x00\x04\x02" + bytes(40)
SOUND = bytes((15, 1)) + bytes(17) + RTP
PICTURE = bytes((16, 1)) + bytes(22) + bytes((0x90, 98)) + RTP[2:]
NEWER, OLDER = b"\x05\x00\x07\x00\x01\x02\x03\x04", b"\x05"


@pytest.mark.parametrize(("media", "medium"), [(SOUND, "voice"), (PICTURE, "video")])
@pytest.mark.parametrize(("header", "path"), [(NEWER, "relay"), (OLDER, "relay"), (b"", "p2p")])
def test_media(media: bytes, medium: str, header: bytes, path: str):
    view = FlowView(0)
    hit = zoom.recognise(header + media, view)
    assert hit == zoom.FEATURES.hit("media", "frame", "media", medium=medium, stitch=b"\x01\x00\x04\x02")  # type: ignore[arg-type]
    assert view.notes["path"] == path
    assert any(_fits(hint, header + media) for hint in zoom.WRAPPINGS)


def _fits(hint: zoom.ByteHint, data: bytes) -> bool:
    return all(data[at] == byte for at, byte in hint.marks) and data[hint.inner_at] >> 6 == 2


def test_the_bandwidth_probe_is_no_media():
    probe = NEWER + bytes((21, 1)) + b"\x01" * 1027
    assert zoom.recognise(probe, FlowView(0)) == zoom.FEATURES.hit("probe", "probe")


def test_hello():
    name, at = bytes(range(16)), b"\x00\x7a\x00\x2a"
    hello = b"\x01\x00\x02" + name + bytes(7) + b"\x02" + at + at + bytes(70)
    answer = b"\x02\x00\x02" + name + bytes(25)
    view = FlowView(0)
    assert zoom.recognise(answer, view) is None
    assert zoom.recognise(hello, view) == zoom.FEATURES.hit("setup", "greeting")
    assert zoom.recognise(answer, view) == zoom.FEATURES.hit("setup", "greeting")
    assert zoom.recognise(b"\x03" + bytes(12), view) == zoom.FEATURES.hit("keepalive")
    assert zoom.recognise(b"\x03" + bytes(12), FlowView(1)) is None


def test_a_games_counter_is_no_hello():
    view = FlowView(0)
    for number in (0x0100, 0x0200):
        counted = number.to_bytes(2, "big") * 2 + bytes(range(100, 200)) + bytes(range(16))
        assert zoom.recognise(b"".join((counted[:1], b"\x00\x02", counted[3:])), view) is None


@pytest.mark.parametrize("data", [b"", b"\x05", b"\x05" + bytes(60), bytes(100), b"\x0f\x01" + bytes(60)])
def test_others(data: bytes):
    assert zoom.recognise(data, FlowView(0)) is None
