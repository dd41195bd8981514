"""Kill -9 in the middle of intake, a few dozen times; `make kill` does it a thousand times."""

from __future__ import annotations

from pathlib import Path

import pytest

import kill_log


@pytest.mark.long
def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path: Path):
    acknowledged, wrong = kill_log.kill_many_times(24, seed=7, root=tmp_path)
    assert acknowledged >= 24
    assert wrong == []
