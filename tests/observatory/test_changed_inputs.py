"""Changed inputs at each door, a small share of what `make fuzz` plays: no stage stops, and nothing right is lost."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from factories.observatories.changed_inputs import DOORS
from factories.observatories.stages import WholeObservatory
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.records import Tap

pytestmark = pytest.mark.long

CASES = 40


@pytest.mark.parametrize("name", DOORS)
def test_changed_inputs_stop_nothing(name: str, tmp_path: Path, index_dsn: str) -> None:
    door = DOORS[name](tmp_path, index_dsn)
    try:
        for number in range(CASES):
            if number % 10 == 0:
                door.bring_right(number // 10 + 1)
            door.bring_changed(Random(number))
        assert door.lost() == []
    finally:
        door.close()


def test_what_a_stage_loses_is_told(tmp_path: Path, index_dsn: str) -> None:
    """A right tap that never reaches the index is missed; one of a day that is none stops no stage."""
    door = DOORS["taps"](tmp_path, index_dsn)
    try:
        door.bring_right(1)
        behind = door.behind  # type: ignore[attr-defined]
        assert isinstance(behind, WholeObservatory)
        behind.log.commit([LogEntry(Tap("f" * 64, "", "2026-99-99", "signal", "voice"))])
        door.right.add(("f" * 64, "signal", "voice", "failed", "2026-99-99"))  # type: ignore[attr-defined]
        assert door.lost() == [f"lost {('f' * 64, 'signal', 'voice', 'failed', '2026-99-99')}"]
    finally:
        door.close()
