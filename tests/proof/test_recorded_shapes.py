"""Checks of recorded and of changed shapes on lines without a restriction."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

import talkpath.apps.recorded
from proof.recorded_shapes import changed_shape, play_null_check
from talkpath.apps.recorded.played import played_shape
from talkpath.apps.recorded.shape_text import read_shape_text, write_shape_text

FILES = sorted(Path(talkpath.apps.recorded.__file__).with_name("data").glob("*.shape"))


@pytest.mark.parametrize("file", FILES[::4], ids=lambda file: file.stem)
def test_a_changed_shape_is_another_call_and_its_seed_makes_it_again(file: Path) -> None:
    text = file.read_bytes()
    first, again, other = (changed_shape(text, Random(seed)) for seed in (1, 1, 2))
    assert first == again
    assert len({text, first, other}) == 3
    shape, was = read_shape_text(first), read_shape_text(text)
    assert {block.direction for block in shape.blocks} == {"up", "down"}
    assert [kind.name for kind in shape.kinds] == [kind.name for kind in was.kinds]


@pytest.mark.long
def test_calls_like_a_changed_shape_are_accused_of_nothing_where_nothing_restricts_them() -> None:
    background, state = play_null_check(changed_shape(FILES[-1].read_bytes(), Random(1)), 5)
    assert state != "restricted"
    assert background


@pytest.mark.long
def test_a_recorded_call_with_hundreds_of_packets_a_second_is_checked_whole() -> None:
    """Its long calls are as many as a test server takes the packets of."""
    record = read_shape_text((FILES[0].parent / "chromium-video.shape").read_bytes())
    blocks = tuple(
        replace(block, packets=tuple(replace(one, gap_ms=round(one.gap_ms / 3, 1)) for one in block.packets))
        for block in record.blocks
    )
    text = write_shape_text(replace(record, blocks=blocks))
    assert played_shape(text).packet_rate > 250
    assert play_null_check(text, 148)[1] != "restricted"
