"""Streams, what is RTP among them, and the order in which packets were sent."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from talkpath.capture.packets.rows import ROW_TYPE, Rows
from talkpath.capture.streams.rtp_order import (
    STREAM_PAUSE_S,
    RtpOrder,
    Segments,
    is_plausible_rtp,
    rtp_order,
    split_streams,
)


def rows(sequence: list[int], *, step_s: float = 0.02, ticks: int = 960, times: list[float] | None = None) -> Rows:
    """Rows of one stream with these sequence numbers, each with the timestamp that belongs to it."""
    out = np.zeros(len(sequence), ROW_TYPE)
    out["time_s"] = times if times is not None else np.arange(len(sequence)) * step_s
    out["sequence"] = np.array(sequence, np.int64) & 0xFFFF
    out["stamp"] = (np.array(sequence, np.int64) * ticks) & 0xFFFFFFFF
    out["type"], out["key"], out["ssrc"] = 111, 1, 7
    return out


def streams(made: Rows) -> Segments:
    return split_streams(made, np.unique(made["key"], return_inverse=True)[1])


def ordered(sequence: list[int], **more: object) -> RtpOrder:
    return rtp_order(streams(rows(sequence, **more)))  # type: ignore[arg-type]


class TestSplit:
    def test_by_key(self):
        made = np.concatenate([rows([1, 2, 3]), rows([1, 2])])
        made["key"][3:] = 2
        found = streams(made)
        assert found.count.tolist() == [3, 2]
        assert found.of.tolist() == [0, 0, 0, 1, 1]

    def test_at_long_pauses(self):
        found = streams(rows([1, 2, 3, 4], times=[0.0, 1.0, 2.0 + STREAM_PAUSE_S, 3.0 + STREAM_PAUSE_S]))
        assert found.count.tolist() == [2, 2]

    def test_rows_are_put_in_the_order_of_time(self):
        found = streams(rows([3, 1, 2], times=[3.0, 1.0, 2.0]))
        assert found.rows["sequence"].tolist() == [1, 2, 3]

    def test_nothing(self):
        assert len(streams(rows([]))) == 0

    def test_some_segments(self):
        made = np.concatenate([rows([1, 2, 3]), rows([1, 2]), rows([1])])
        made["key"][3:5], made["key"][5:] = 2, 3
        found = streams(made).where(np.array([True, False, True]))
        assert found.count.tolist() == [3, 1]
        assert found.of.tolist() == [0, 0, 0, 1]

    def test_some_rows(self):
        made = np.concatenate([rows([1, 2, 3]), rows([1, 2])])
        made["key"][3:] = 2
        found = streams(made).with_rows(np.array([True, False, True, False, False]))
        assert found.count.tolist() == [2]
        assert found.rows["sequence"].tolist() == [1, 3]

    def test_sums_and_steps(self):
        made = np.concatenate([rows([1, 2, 3]), rows([1, 2])])
        made["key"][3:] = 2
        found = streams(made)
        assert found.total(np.ones(5)).tolist() == [3, 2]
        assert found.step(np.array([1.0, 3.0, 6.0, 10.0, 20.0])).tolist() == [0, 2, 3, 0, 10]


class TestPlausible:
    def test_a_stream(self):
        assert is_plausible_rtp(streams(rows(list(range(50))))).tolist() == [True]

    def test_a_stream_with_losses(self):
        sent = [number for number in range(300) if number % 7]
        assert is_plausible_rtp(streams(rows(sent))).tolist() == [True]

    def test_random_bytes(self):
        rng = Random(3)
        made = rows([rng.randrange(1 << 16) for _ in range(60)])
        made["stamp"] = [rng.randrange(1 << 32) for _ in range(60)]
        assert is_plausible_rtp(streams(made)).tolist() == [False]

    def test_a_number_that_stands_still(self):
        assert is_plausible_rtp(streams(rows([5] * 50))).tolist() == [False]

    def test_a_clock_in_place_of_the_number(self):
        """ENet writes milliseconds there: hardly one follows the one before."""
        rng, at = Random(2), 0
        sent = []
        for _ in range(200):
            at += rng.randrange(10, 30)
            sent.append(at)
        assert is_plausible_rtp(streams(rows(sent))).tolist() == [False]

    def test_many_payload_types(self):
        made = rows(list(range(60)))
        made["type"] = np.arange(60) % 30
        assert is_plausible_rtp(streams(made)).tolist() == [False]


class TestOrder:
    def test_nothing_missing(self):
        found = ordered([10, 11, 12, 13])
        assert found.number.tolist() == [0, 1, 2, 3]
        assert found.missing.tolist() == [0, 0, 0, 0]
        assert found.fresh.all()
        assert not found.late.any()
        assert found.before.tolist() == [-1, 0, 1, 2]

    def test_missing_packets(self):
        assert ordered([10, 11, 14, 15, 17]).missing.tolist() == [0, 0, 2, 0, 1]

    def test_numbers_wrap(self):
        found = ordered([65534, 65535, 65536, 65538])
        assert found.number.tolist() == [0, 1, 2, 4]
        assert found.missing.tolist() == [0, 0, 0, 1]

    def test_copies(self):
        found = ordered([1, 2, 2, 3])
        assert found.fresh.tolist() == [True, True, False, True]
        assert found.missing.tolist() == [0, 0, 0, 0]

    def test_a_packet_that_was_overtaken_is_not_missing(self):
        found = ordered([1, 2, 4, 3, 5])
        assert found.late.tolist() == [False, False, False, True, False]
        assert found.missing.sum() == 0
        assert found.before.tolist() == [-1, 0, 3, 1, 2]

    def test_a_copy_of_one_that_was_missing_for_a_while(self):
        found = ordered([1, 2, 5, 3, 4, 3])
        assert found.missing.sum() == 0
        assert found.fresh.sum() == 5

    @pytest.mark.parametrize("begin", [30_000, 50_000])
    def test_a_jump_is_a_new_beginning(self, begin: int):
        """The sender began again with other numbers: nothing is missing between."""
        sent = [1, 2, 3, begin, begin + 1, begin + 2]
        made = rows(sent)
        made["stamp"][3:] = 77 + np.arange(3) * 960
        found = rtp_order(streams(made))
        assert found.missing.sum() == 0
        assert found.before[3] == -1

    def test_a_long_outage_is_missing_packets(self):
        """Twenty seconds of nothing, numbers and timestamps gone on."""
        before, after = list(range(100)), list(range(1100, 1150))
        times = [0.02 * number for number in (*before, *after)]
        assert ordered([*before, *after], times=times).missing.sum() == 1000

    def test_streams_do_not_mix(self):
        made = np.concatenate([rows([1, 2, 3]), rows([7, 9])])
        made["key"][3:] = 2
        found = rtp_order(streams(made))
        assert found.missing.tolist() == [0, 0, 0, 0, 1]
        assert found.number.tolist() == [0, 1, 2, 0, 2]
