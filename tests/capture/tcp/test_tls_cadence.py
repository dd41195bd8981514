"""TLS connections that carry a call are found by their small records, others are not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.packets.rows import ROW_TYPE, VIDEO, VOICE, Rows
from talkpath.capture.packets.spool import Spool
from talkpath.capture.tcp.tls_cadence import TlsCalls, find_tls_calls

Times = Callable[[Random], list[float]]


def rows(times: list[float], flow: int, direction: int, kind: int = VOICE) -> Rows:
    out = np.zeros(len(times), ROW_TYPE)
    out["time_s"], out["flow"], out["direction"] = sorted(times), flow, direction
    out["type"], out["outer"], out["size"] = kind, TLS, 120 if kind == VOICE else 1200
    return out


def found(*parts: Rows) -> TlsCalls:
    spool = Spool(prune=False)
    for part in parts:
        spool.add(part)
    return find_tls_calls(spool)


def voice(
    seconds: float, interval_s: float = 0.02, shake_s: float = 0.002, lost: float = 0.0, seed: int = 1
) -> list[float]:
    rng = Random(seed)
    times = [number * interval_s + rng.uniform(0, shake_s) for number in range(int(seconds / interval_s))]
    return [at for at in times if rng.random() >= lost]


def both(times: list[float], other: list[float] | None = None) -> TlsCalls:
    return found(rows(times, 3, 0), rows(times if other is None else other, 3, 1))


@pytest.mark.parametrize("interval_s", [0.02, 0.04, 0.06])
def test_the_interval_of_a_codec(interval_s: float):
    calls = both(voice(20, interval_s))
    assert list(calls.begin_s) == [3]
    assert calls.begin_s[3] == pytest.approx(0.0, abs=0.1)
    assert calls.end_s[3] == pytest.approx(20.0, abs=0.2)


@pytest.mark.parametrize("interval_s", [1 / 30, 1 / 60, 0.05, 0.1])
def test_other_intervals_are_none(interval_s: float):
    assert not both(voice(20, interval_s)).begin_s


def test_random_times_are_none():
    rng = Random(5)
    assert not both([rng.uniform(0, 20) for _ in range(1000)]).begin_s


def test_both_directions_must_have_it():
    assert not found(rows(voice(20), 3, 0)).begin_s
    assert not both(voice(20), [float(number) for number in range(20)]).begin_s


def test_it_must_last():
    assert not both(voice(3)).begin_s


def test_a_line_that_shakes_and_loses():
    assert both(voice(30, shake_s=0.006, lost=0.1)).begin_s


def test_silence_in_between():
    """Ten seconds of speech, ten of a packet each 0.4 s, ten of speech."""
    quiet = [10 + 0.4 * number for number in range(25)]
    times = [*voice(10), *quiet, *(20 + at for at in voice(10))]
    calls = both(times)
    assert calls.end_s[3] == pytest.approx(30.0, abs=0.2)


def test_video_where_large_records_come_all_the_time():
    pictures = [number / 15 + 0.001 * place for number in range(300) for place in range(3)]
    calls = found(rows(voice(20), 3, 0), rows(voice(20), 3, 1), rows(pictures, 3, 1, VIDEO))
    assert calls.video == {(3, 1)}


def test_a_few_large_records_are_no_video():
    calls = found(rows(voice(20), 3, 0), rows(voice(20), 3, 1), rows([1.0, 5.0, 9.0], 3, 1, VIDEO))
    assert not calls.video


def test_rows_inside_a_call():
    calls = found(rows([at + 5 for at in voice(20)], 3, 0), rows([at + 5 for at in voice(20)], 3, 1))
    own = rows([1.0, 10.0, 40.0], 3, 0)
    assert calls.inside(own).tolist() == [False, True, False]
    assert calls.inside(rows([10.0], 3, 0, VIDEO)).tolist() == [False]
    assert calls.inside(rows([10.0], 8, 0)).tolist() == [False]
    own["outer"] = 0
    assert calls.inside(own).tolist() == [True, True, True]
