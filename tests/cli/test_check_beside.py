"""`check --beside` refuses what cannot be compared before anything is measured."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

import talkpath
from talkpath.cli.check.beside import read_other_network
from talkpath.errors import BundleError, FileError, UsageError


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


@pytest.mark.long
def test_of_the_folder_of_a_watch_its_last_check_is_taken(tmp_path: Path) -> None:
    for number, hours in ((1, 5.0), (2, 0.0)):
        written(tmp_path, hours).rename(tmp_path / f"check-{number:04}.talkpath")
    os.utime(tmp_path / "check-0001.talkpath", (1.0, 1.0))
    assert read_other_network(tmp_path).plan.arms
    with pytest.raises(FileError, match="cannot be read"):
        read_other_network(tmp_path.parent)


def test_a_check_of_this_morning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="more than an hour old"):
        read_other_network(written(tmp_path, 5.0))


def test_what_has_no_hour_or_is_larger_than_any_bundle_is_refused_in_a_sentence(tmp_path: Path) -> None:
    virtual, large = tmp_path / "virtual.talkpath", tmp_path / "large.talkpath"
    talkpath.simulate(apps=["webrtc"]).save(virtual)
    with pytest.raises(UsageError, match="no check of a network"):
        read_other_network(virtual)
    with large.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(BundleError, match="larger than any"):
        read_other_network(large)
