"""Holds what capture says of calls of real engines: the app, one call, who sent what, and how it was.

The engines were run by ourselves (`python -m proof.engines golden`); the truth is what the script did.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from proof.engines.score import COUNTED, RIGHT, Row, scored

FOLDER = Path(__file__).parent / "engines"
NAMES = [file.name.removesuffix(".pcap.gz") for file in sorted(FOLDER.glob("*.pcap.gz"))]


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """What is said of all of them, by one run of the command."""
    return {row.name: row for row in scored(FOLDER)}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_a_real_call_is_true(rows, name):
    verdicts = rows[name].verdicts
    assert {column: verdicts[column] for column in COUNTED if verdicts.get(column, "-") not in RIGHT} == {}


def test_there_are_calls_and_traffic_that_is_none():
    assert len(NAMES) >= 20
    assert sum(name.startswith("no_") for name in NAMES) == 5
