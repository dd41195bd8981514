"""Arrival against the media clock: lateness, jitter and freezes."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.capture.packets.rows import ROW_TYPE, Rows
from talkpath.capture.streams.per_second import FROZEN, LATE, LOST, PACKETS, second_cells
from talkpath.capture.streams.rtp_order import Segments, rtp_order, split_streams
from talkpath.capture.streams.timing import Timing, missing_seconds, rtp_timing


def stream(
    count: int = 200,
    *,
    clock: int = 48000,
    step_s: float = 0.02,
    kind: int = 111,
    lost: tuple[int, ...] = (),
    late: dict[int, float] | None = None,
    drift: float = 0.0,
) -> Segments:
    """A stream whose packets leave every `step_s`, some lost, some late."""
    numbers = np.array([number for number in range(count) if number not in lost], np.int64)
    out: Rows = np.zeros(len(numbers), ROW_TYPE)
    out["time_s"] = 5.0 + numbers * step_s * (1 + drift)
    for number, more_s in (late or {}).items():
        out["time_s"][numbers == number] += more_s
    out["sequence"], out["stamp"] = numbers, numbers * round(step_s * clock)
    out["type"], out["key"], out["ssrc"] = kind, 1, 7
    return split_streams(out, np.unique(out["key"], return_inverse=True)[1])


def timed(segments: Segments, known_hz: float = 0.0) -> Timing:
    return rtp_timing(segments, rtp_order(segments), np.full(len(segments), known_hz))


@pytest.mark.parametrize("clock", [8000, 16000, 48000, 90000])
def test_the_clock_is_told_from_the_timestamps(clock: int):
    assert timed(stream(clock=clock)).clock_hz.tolist() == [clock]


@pytest.mark.parametrize(("kind", "clock"), [(0, 8000), (8, 8000), (31, 90000)])
def test_payload_types_with_a_fixed_clock(kind: int, clock: int):
    assert timed(stream(10, clock=clock, kind=kind, drift=0.3)).clock_hz.tolist() == [clock]


def test_a_clock_that_was_known_before():
    assert timed(stream(6, clock=16000), known_hz=16000.0).clock_hz.tolist() == [16000]


def test_timestamps_that_stand_still_have_no_clock():
    assert timed(stream(clock=0)).clock_hz.tolist() == [0]


def test_a_steady_stream_is_never_late():
    found = timed(stream())
    assert found.late_s.max() < 1e-6
    assert np.nanmax(found.jitter_s) < 1e-6
    assert found.frozen_s.sum() == 0


def test_one_packet_late():
    found = timed(stream(late={50: 0.015}))
    assert found.late_s[50] == pytest.approx(0.015)
    assert found.jitter_s[50] == pytest.approx(0.015)
    assert found.jitter_s[51] == pytest.approx(0.015)


def test_drift_is_no_lateness():
    """A sender's clock that is slow by a tenth of a per mille, for ten minutes."""
    found = timed(stream(30_000, drift=1e-4))
    assert found.late_s.max() < 0.003


@pytest.mark.parametrize("ahead", [600 * 48000, -600 * 48000])
def test_a_clock_that_is_set_is_no_jitter(ahead: int):
    """Padding of one picture, then repair of another: the numbers go on by one, the timestamps by ten minutes."""
    segments = stream(1000)
    segments.rows["stamp"][500:] += np.array(ahead).astype(np.uint32)
    found = timed(segments)
    assert np.nanmax(found.jitter_s) < 1e-3
    assert found.late_s.max() < 1e-3
    assert found.frozen_s.sum() == 0


def test_silence_suppression_is_no_lateness():
    """Ten seconds of nothing: the numbers go on by one, the timestamps by ten seconds."""
    segments = stream(200)
    segments.rows["time_s"][100:] += 10.0
    segments.rows["stamp"][100:] += np.uint32(480_000)
    found = timed(segments)
    assert found.late_s.max() < 1e-6
    assert found.frozen_s.sum() == 0


def test_packets_held_back_are_a_freeze():
    """Half a second of packets comes at once."""
    held = {number: 0.02 * (125 - number) + 1e-5 * (number - 100) for number in range(100, 125)}
    found = timed(stream(late=held))
    assert found.frozen_s.max() == pytest.approx(0.5, abs=0.03)
    assert (found.frozen_s > 0).sum() == 1


def test_a_media_clock_that_stood_still_is_no_lateness():
    """Eight seconds of nothing, numbers and timestamps go on as if nothing had been: a phone on hold."""
    segments = stream(400)
    segments.rows["time_s"][200:] += 8.0
    found = timed(segments)
    assert found.late_s.max() < 1e-6
    assert found.frozen_s.sum() == 0


def test_where_too_little_follows_it_counts_as_held_back():
    segments = stream(3000)
    segments.rows["time_s"][2980:] += 8.0
    assert timed(segments).frozen_s.sum() == pytest.approx(8.0, abs=0.05)


def test_a_clock_that_ran_on_does_not_stand_still():
    """Where packets are missing too, and timestamps advanced, nothing is left unexplained."""
    segments = stream(3000, lost=tuple(range(1000, 1400)))
    assert timed(segments).clock_stall_s.max() == 0.0


def test_what_a_line_held_back_comes_faster_afterwards():
    """Two seconds are held back, and made up for within another one."""
    late = {number: 2.0 - 0.018 * (number - 100) for number in range(100, 200)}
    found = timed(stream(400, late=late))
    assert found.frozen_s.sum() == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("faster", [1.08, 1.3, 3.0])
def test_however_slowly_it_is_made_up_for(faster: float):
    """Five seconds are held back."""
    late = {200 + place: max(0.0, 5.0 - 0.02 * place * (1 - 1 / faster)) for place in range(3800)}
    found = timed(stream(4000, late=late))
    assert found.frozen_s.sum() == pytest.approx(5.0, abs=0.1)


def test_after_the_first_packets_held_back_a_receiver_waits_for_the_next():
    """A phone that saves power hears of its packets in batches of 300 ms: two seconds later it has learnt that."""
    held = {number: 0.02 * (15 - number % 15) + 1e-4 * (number % 15) for number in range(1000)}
    found = timed(stream(1000, late=held))
    assert 0.2 < found.frozen_s.sum() < 2.1


def test_what_comes_in_batches_in_every_other_second_is_not_waited_for():
    batches = (50 * turn + place for turn in range(0, 40, 2) for place in range(15))
    late = {number: 0.3 - 0.0199 * (number % 50) for number in batches}
    found = timed(stream(2000, late=late))
    assert (found.frozen_s > 0.2).sum() >= 19


@pytest.mark.parametrize("held_s", [0.6, 2.0])
def test_no_receiver_waits_for_what_comes_now_and_then(held_s: float):
    """So much is held back in every ten seconds."""
    places = range(round(held_s / 0.02))
    late = {100 + 500 * turn + place: held_s - 0.0199 * place for turn in range(5) for place in places}
    found = timed(stream(2600, late=late))
    assert found.frozen_s[found.frozen_s > 0].tolist() == pytest.approx([held_s] * 5, abs=0.05)


def test_a_run_of_lost_packets_is_a_freeze():
    found = timed(stream(lost=tuple(range(100, 120))))
    assert found.frozen_s.sum() == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("lost", [(100,), (100, 101, 102), (20, 60, 100, 140)])
def test_short_losses_are_no_freeze(lost: tuple[int, ...]):
    assert timed(stream(lost=lost)).frozen_s.sum() == 0


def test_freezes_have_a_least_length():
    held = {number: 0.02 * (109 - number) + 1e-5 * (number - 100) for number in range(100, 109)}
    assert timed(stream(late=held)).frozen_s.sum() == 0


def test_missing_packets_are_spread_between_their_neighbours():
    segments = stream(200, lost=tuple(range(90, 160)))
    which, second, count = missing_seconds(segments, rtp_order(segments), np.ones(len(segments.rows), np.bool_))
    assert which.tolist() == [0, 0, 0]
    assert second.tolist() == [6, 7, 8]
    assert count.tolist() == pytest.approx([10, 50, 10], abs=1)
    assert count.sum() == 70


def test_what_is_missing_between_packets_that_overtook_each_other_is_counted_too():
    segments = stream(100, lost=(50, 51), late={49: 0.2})
    _, _, count = missing_seconds(segments, rtp_order(segments), np.ones(len(segments.rows), np.bool_))
    assert count.sum() == 2


def test_of_a_few_packets_missing_over_hours_each_is_one_row():
    """Numbers go back by hundreds, hours later."""
    segments = stream(600, step_s=29.0, lost=(50, 52, 54))
    segments.rows["sequence"][1:] = np.roll(segments.rows["sequence"][1:], 300)
    _, second, count = missing_seconds(segments, rtp_order(segments), np.ones(len(segments.rows), np.bool_))
    assert len(second) < 40
    assert count[-3:].tolist() == [1, 1, 1]


def test_of_a_gap_of_many_packets_each_second_is_one_row():
    segments = stream(2000, lost=tuple(range(100, 1500)))
    _, second, count = missing_seconds(segments, rtp_order(segments), np.ones(len(segments.rows), np.bool_))
    assert len(second) <= 30
    assert count.sum() == 1400


def test_copies_are_counted_in_no_second():
    segments = stream(100)
    twice = split_streams(np.repeat(segments.rows, 2), np.zeros(200, np.int64))
    order = rtp_order(twice)
    cells = second_cells(twice, order, rtp_timing(twice, order, np.zeros(1)), np.ones(200, np.bool_))
    assert cells.values[:, PACKETS].tolist() == [50, 50]


def test_cells_by_second():
    segments = stream(150, lost=(60, 61), late={120: 0.015})
    order = rtp_order(segments)
    times = rtp_timing(segments, order, np.zeros(1))
    cells = second_cells(segments, order, times, np.ones(len(segments.rows), np.bool_))
    assert cells.second.tolist() == [5, 6, 7]
    assert cells.values[:, PACKETS].tolist() == [50, 48, 50]
    assert cells.values[:, LOST].tolist() == [0, 2, 0]
    assert cells.values[:, LATE].tolist() == pytest.approx([0, 0, 0.015], abs=1e-6)
    assert cells.values[:, FROZEN].sum() == 0
    assert cells.of(0) == slice(0, 3)
