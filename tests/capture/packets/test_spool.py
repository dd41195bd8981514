"""Rows are kept in little memory and come back in the order of time."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from talkpath.capture.packets import spool
from talkpath.capture.packets.rows import FEWEST_ROWS, ROW_TYPE, Rows, stream_key
from talkpath.capture.packets.spool import Spool


def rows(times: list[float], key: int = 1) -> Rows:
    out = np.zeros(len(times), ROW_TYPE)
    out["time_s"], out["key"] = times, key
    return out


def read(kept: Spool) -> tuple[list[float], int]:
    """All times, and in how many parts they came."""
    parts = [(part["time_s"].tolist(), last) for part, last in kept.parts()]
    assert [last for _, last in parts] == [False] * (len(parts) - 1) + [True]
    return [time_s for times, _ in parts for time_s in times], len(parts)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 100 rows."""
    monkeypatch.setattr(spool, "PART_ROWS", 100)
    monkeypatch.setattr(spool, "LOAD_ROWS", 16)


def test_few_rows_stay_in_memory():
    kept = Spool(prune=False)
    kept.add(rows([3.0, 1.0]))
    kept.add(rows([]))
    kept.add(rows([2.0]))
    assert read(kept) == ([3.0, 1.0, 2.0], 1)


def test_nothing():
    assert read(Spool(prune=True)) == ([], 1)


@pytest.mark.usefixtures("small")
def test_many_rows_come_back_in_order():
    kept, rng = Spool(prune=False), Random(4)
    times = [rng.uniform(0, 100) for _ in range(2000)]
    for begin in range(0, 2000, 37):
        kept.add(rows(times[begin : begin + 37]))
    found, parts = read(kept)
    assert found == sorted(times)
    assert parts >= 5


@pytest.mark.usefixtures("small")
def test_they_can_be_read_again():
    kept = Spool(prune=False)
    for number in range(50):
        kept.add(rows([float(number)] * 10))
    assert read(kept)[0] == read(kept)[0]


@pytest.mark.usefixtures("small")
def test_rows_of_one_time_come_back_all():
    kept = Spool(prune=False)
    for _ in range(60):
        kept.add(rows([7.0] * 20))
    assert read(kept)[0] == [7.0] * 1200


@pytest.mark.usefixtures("small")
def test_streams_of_one_row_are_dropped():
    """Bytes that look like RTP by chance: another SSRC each time; and a real stream among them."""
    kept = Spool(prune=True)
    for number in range(40):
        kept.add(rows([10.0 * number] * 3, key=1))
        for chance in range(20):
            kept.add(rows([10.0 * number], key=1000 + 20 * number + chance))
    found = np.concatenate([part.copy() for part, _ in kept.parts()])
    assert (found["key"] == 1).sum() == 120
    assert len(found) < 600


@pytest.mark.usefixtures("small")
def test_a_stream_that_begins_slowly_is_kept():
    """Fewer rows than a stream needs, but the last ones are recent."""
    kept = Spool(prune=True)
    for number in range(FEWEST_ROWS * 3):
        kept.add(rows([5.0 * number], key=9))
        kept.add(rows([5.0 * number + 0.01 * place for place in range(40)], key=1))
    found = np.concatenate([part.copy() for part, _ in kept.parts()])
    assert (found["key"] == 9).sum() == FEWEST_ROWS * 3


def test_a_key_for_flow_direction_and_ssrc():
    flow, direction = np.array([1, 1, 2, 1]), np.array([0, 1, 0, 0], np.int8)
    keys = stream_key(flow, direction, np.array([5, 5, 5, 6], np.uint64))
    assert len(set(keys.tolist())) == 4
