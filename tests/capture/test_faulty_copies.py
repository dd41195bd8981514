"""Copies of every recorded call with known faults, and innocent ones: how they were is told right."""

from __future__ import annotations

from pathlib import Path

import pytest

import impair_recordings

LAB = Path(__file__).parent / "lab"


@pytest.mark.long
def test_faults_are_told_and_innocents_are_not_blamed(captures: Path) -> None:
    assert impair_recordings.main([LAB, captures]) == 0
