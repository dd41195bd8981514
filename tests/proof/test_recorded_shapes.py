"""Checks of recorded and of changed shapes on lines without a restriction."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import talkpath.apps.recorded
from proof.recorded_shapes import changed_shape, play_null_check
from talkpath.apps.recorded.shape_text import read_shape_text

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


def test_calls_like_a_changed_shape_are_accused_of_nothing_where_nothing_restricts_them() -> None:
    background, state = play_null_check(changed_shape(FILES[-1].read_bytes(), Random(1)), 5)
    assert state != "restricted"
    assert background
