"""The shapes of today's engines that the product has, and shape files that were changed."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import talkpath.apps.recorded
from factories.packets.changed_shapes import changed_shape, read_changed
from proof.engines.byte_rules import BYTE_RULES, FRAME_RULES, inner
from proof.engines.likeness import played_call
from proof.engines.shapes import ENGINE_SHAPES
from talkpath.apps import shapes
from talkpath.apps.recorded.app_call import AppCall
from talkpath.apps.recorded.played import played_shape

DATA = Path(talkpath.apps.recorded.__file__).with_name("data")
SHOWN: dict[str, tuple[str, ...]] = {
    "telegram-direct": ("PRIORITY ends in 00", "attribute C001", "hello of 153 bytes", "RTP of 289 bytes, timestamp 0",
                        "elements 2 and 3 alone", "record of 193 bytes", "certificate of WebRTC"),
    "telegram-reflector": ("PRIORITY ends in 00", "hello of 153 bytes", "elements 2 and 3 alone"),
    "chromium": ("hello cut at 1200", "hello offers 11EC", "DTLS 1.3 record 2F", "PRIORITY ends in FF"),
    "firefox": ("hello cut at 1408", "hello names webrtc (ALPN)", "USERNAME of 17 bytes", "RTP payload type 109"),
}  # fmt: skip
NEVER = ("hello of 157 bytes", "attribute C059")


def test_each_file_is_an_engines_or_says_that_it_is_written():
    made = {one.name: one.engine for one in ENGINE_SHAPES}
    files = {file.stem: played_shape(file.read_bytes()).record.origin for file in DATA.glob("*.shape")}
    assert made.keys() <= files.keys()
    for name, origin in files.items():
        assert origin.engine == made.get(name, "none")
        assert name in made or (origin.recordings == 1 and "written from facts" in origin.notes[0])


def test_each_file_is_played_by_an_app():
    named = {shape.file for shape in shapes().values() if isinstance(shape, AppCall)}
    assert named == {file.stem for file in DATA.glob("*.shape")}


@pytest.mark.parametrize("name", SHOWN)
def test_calls_of_a_made_shape_show_what_the_engine_does(name: str):
    shape = played_shape((DATA / f"{name}.shape").read_bytes())
    origin = shape.record.origin
    assert origin.version != "unknown"
    assert origin.day
    packets = [inner(data) for seed in range(4) for _, _, data in played_call(shape, seed, 60)]
    for rule in SHOWN[name]:
        assert any(map(BYTE_RULES[rule], packets)), rule
    assert not any(BYTE_RULES[rule](data) for rule in NEVER for data in packets)


def test_reflected_calls_have_its_frame_and_its_hello():
    shape = played_shape((DATA / "telegram-reflector.shape").read_bytes())
    packets = [data for _, _, data in played_call(shape, 1, 60)]
    assert all(map(FRAME_RULES["reflector: size is a multiple of 4"], packets))
    assert sum(map(FRAME_RULES["reflector: hello of 40 bytes with 7B"], packets)) == 1
    assert sum(map(FRAME_RULES["reflector: length field fits"], packets)) >= len(packets) - 2


@pytest.mark.long
def test_changed_files_are_refused_or_played():
    """A share of what `scripts/fuzz_shapes.py` does."""
    files = [file.read_bytes() for file in sorted(DATA.glob("*.shape"))]
    read = 0
    for number in range(120):
        rng = Random(number)
        read += read_changed(changed_shape(rng.choice(files), rng))
    assert 0 < read < 120
