"""Media without a header: what its cadence tells of losses, copies and freezes."""

from __future__ import annotations

from math import ceil
from random import Random

import numpy as np
import pytest

from talkpath.capture.packets.datagrams import TLS
from talkpath.capture.packets.rows import ROW_TYPE, Rows
from talkpath.capture.streams.headerless import by_cadence, without_copies
from talkpath.capture.streams.rtp_order import Segments, split_streams
from talkpath.wire.pcap.arrays import Ints


def stream(times: list[float], *, hashes: list[int] | None = None, outer: int = 0) -> Segments:
    out: Rows = np.zeros(len(times), ROW_TYPE)
    out["time_s"], out["key"], out["size"], out["outer"] = times, 1, 200, outer
    out["stamp"] = np.arange(len(times)) if hashes is None else hashes
    return split_streams(out, np.unique(out["key"], return_inverse=True)[1])


def both_ways(sent: list[float], came: list[float]) -> tuple[Segments, Ints]:
    """Two directions of one call, and of each segment which is the other one."""
    out: Rows = np.zeros(len(sent) + len(came), ROW_TYPE)
    out["time_s"], out["size"] = [*sent, *came], 200
    out["key"] = [1] * len(sent) + [2] * len(came)
    out["stamp"] = np.arange(len(out))
    return split_streams(out, np.unique(out["key"], return_inverse=True)[1]), np.array([1, 0])


def steady(count: int = 300, step_s: float = 0.06, jitter_s: float = 0.0, lost: tuple[int, ...] = ()) -> list[float]:
    rng = Random(4)
    return [number * step_s + rng.uniform(0, jitter_s) for number in range(count) if number not in lost]


class TestMeasured:
    def test_nothing_lost(self):
        order, times = by_cadence(stream(steady(jitter_s=0.004)))
        assert order.missing.sum() == 0
        assert times.frozen_s.sum() == 0
        assert times.clock_hz.tolist() == pytest.approx([1 / 0.06], rel=0.02)

    @pytest.mark.parametrize("lost", [(50,), (50, 51), (20, 90, 91, 200)])
    def test_losses(self, lost: tuple[int, ...]):
        order, _ = by_cadence(stream(steady(jitter_s=0.004, lost=lost)))
        assert order.missing.sum() == len(lost)

    @pytest.mark.parametrize(
        ("size", "lost"), [(400, 0), (200, 79)], ids=["two frames a packet", "every other one lost"]
    )
    def test_who_puts_two_frames_into_a_packet_sends_larger_ones(self, size: int, lost: int):
        segments = stream([*steady(200), *(11.94 + 0.12 * number for number in range(1, 80))])
        segments.rows["size"][200:] = size
        order, _ = by_cadence(segments)
        assert order.missing.sum() == lost

    @pytest.mark.parametrize("grid_s", [0.03, 0.04, 0.05])
    def test_a_radio_that_wakes_up_for_packets_lost_none(self, grid_s: float):
        """Packets of 60 ms are delivered at multiples of the radio's own interval."""
        came = [grid_s * ceil(at / grid_s) for at in steady(700, jitter_s=0.001)]
        segments, partner = both_ways(steady(700, jitter_s=0.001), came)
        order, _ = by_cadence(segments, partner)
        assert order.missing.sum() <= 1

    def test_a_freeze(self):
        times = steady(300)
        held = [at if not 100 <= number < 110 else 6.6 + 0.0001 * number for number, at in enumerate(times)]
        order, found = by_cadence(stream(sorted(held)))
        assert order.missing.sum() == 0
        assert found.frozen_s.max() == pytest.approx(0.6, abs=0.07)

    def test_without_a_cadence_nothing_is_counted_as_lost(self):
        rng, at, times = Random(3), 0.0, []
        for _ in range(300):
            at += rng.uniform(0.005, 0.1)
            times.append(at)
        order, found = by_cadence(stream(times))
        assert order.missing.sum() == 0
        assert found.clock_hz.tolist() == [0]

    def test_a_long_pause_without_a_cadence_is_a_freeze(self):
        rng, at, times = Random(3), 0.0, []
        for number in range(300):
            at += rng.uniform(0.005, 0.1) + (2.0 if number == 150 else 0.0)
            times.append(at)
        _, found = by_cadence(stream(times))
        assert found.frozen_s.max() == pytest.approx(2.0, abs=0.2)

    @pytest.mark.parametrize("share", [0.3, 0.6, 0.75])
    def test_what_arrives_on_time_is_not_late_however_much_is_lost_to_the_last_packet(self, share: float):
        rng = Random(8)
        sent = steady(400, jitter_s=0.004)
        came = [at for at in steady(400, jitter_s=0.004) if rng.random() >= share]
        order, found = by_cadence(*both_ways(sent, came))
        assert order.missing.sum() == pytest.approx(400 * share, abs=30)
        assert found.late_s.max() < 0.01

    def test_packets_held_back_are_late_though_others_are_lost(self):
        times = [at for number, at in enumerate(steady(300)) if number % 7]
        held = sorted(max(at, 6.6 + 0.001 * at) if 6.0 <= at < 6.6 else at for at in times)
        _, found = by_cadence(stream(held))
        assert found.late_s.max() == pytest.approx(0.6, abs=0.07)

    @pytest.mark.parametrize("share", [0.7, 0.8])
    def test_where_most_is_lost_the_other_directions_clock_counts_what_is_missing(self, share: float):
        rng = Random(7)
        sent = steady(400, jitter_s=0.004)
        came = [at for at in steady(400, jitter_s=0.004) if rng.random() >= share]
        order, found = by_cadence(*both_ways(sent, came))
        sent_between = round((came[-1] - came[0]) / 0.06) + 1
        assert order.missing.sum() == pytest.approx(sent_between - len(came), abs=2)
        assert found.clock_hz.tolist() == pytest.approx([1 / 0.06, 1 / 0.06], rel=0.02)
        assert found.late_s.max() < 0.05, "nothing was late"

    def test_what_keeps_another_clock_than_the_other_direction_lost_nothing(self):
        rng, at, came = Random(7), 0.0, []
        for _ in range(100):
            at += rng.uniform(0.15, 0.45)
            came.append(at)
        order, found = by_cadence(*both_ways(steady(400, jitter_s=0.004), came))
        assert order.missing.sum() == 0
        assert found.clock_hz[1] == 0

    def test_over_tls_nothing_is_missing(self):
        """TCP repeats what was lost."""
        order, _ = by_cadence(stream(steady(lost=(50, 51)), outer=TLS))
        assert order.missing.sum() == 0


class TestCopies:
    def test_the_same_bytes_within_a_second(self):
        kept = without_copies(stream([0.0, 0.1, 0.2, 0.3], hashes=[1, 1, 2, 1]))
        assert kept.tolist() == [True, False, True, False]

    def test_the_same_bytes_much_later(self):
        assert without_copies(stream([0.0, 5.0], hashes=[1, 1])).tolist() == [True, True]
