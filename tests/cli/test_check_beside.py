"""`check --beside` refuses what cannot be compared before anything is measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

import talkpath
from talkpath.cli.check.beside import read_other_network
from talkpath.errors import UsageError


def written(folder: Path, hours: float) -> Path:
    """A bundle of a check that began so many hours ago."""
    result = talkpath.simulate(apps=["webrtc"])
    began = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    facts = with_fields(result.facts, started_at=began)
    file = folder / "other.talkpath"
    replace(result, facts=facts, record={**result.record, "started_at": began}).save(file)
    return file


def test_a_check_of_just_now_is_taken(tmp_path: Path) -> None:
    assert read_other_network(written(tmp_path, 0.0)).plan.arms


def test_a_check_of_this_morning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="more than an hour old"):
        read_other_network(written(tmp_path, 5.0))
