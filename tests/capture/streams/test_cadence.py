"""The interval that packets without a header keep, and what is missing or late against it."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from talkpath.capture.streams.cadence import (
    Cadence,
    kept_steps,
    lateness_and_missing,
    locked_steps,
    may_keep_cadence,
    missing_by_steps,
    missing_variance,
    own_cadence,
    usual_pause,
)


def steady(count: int = 300, step_s: float = 0.06, jitter_s: float = 0.0, lost: tuple[int, ...] = ()) -> list[float]:
    rng = Random(4)
    return [number * step_s + rng.uniform(0, jitter_s) for number in range(count) if number not in lost]


class TestCadence:
    @pytest.mark.parametrize("step_s", [0.02, 0.06, 0.1])
    def test_the_usual_pause(self, step_s: float):
        assert usual_pause(np.diff(steady(step_s=step_s))) == pytest.approx(step_s, rel=0.02)

    def test_none_where_pauses_are_random(self):
        rng = Random(1)
        assert usual_pause(np.array([rng.expovariate(20) for _ in range(400)])) == 0.0

    def test_none_of_few_packets(self):
        assert usual_pause(np.full(20, 0.06)) == 0.0

    def test_alternating_pauses_are_one_cadence(self):
        """libtgvoip on an audio unit's callbacks: 64, 64, 64, 64, 43 ms."""
        times = np.cumsum([0.064, 0.064, 0.064, 0.064, 0.043] * 60).tolist()
        steps, usual = locked_steps(times, usual_pause(np.diff(times)))
        assert usual == pytest.approx(0.0598, rel=0.02)
        assert sum(steps) == len(times) - 1

    def test_random_times_keep_none(self):
        rng = Random(8)
        times = np.cumsum([rng.uniform(0.01, 0.11) for _ in range(400)]).tolist()
        assert locked_steps(times, 0.06)[1] == 0.0


class TestHoles:
    def test_none(self):
        assert missing_by_steps([0, 1, 1, 1]).tolist() == [0, 0, 0, 0]

    def test_one(self):
        assert missing_by_steps([0, 1, 3, 1]).tolist() == [0, 0, 2, 0]

    def test_packets_that_came_in_a_burst_afterwards_are_not_missing(self):
        assert missing_by_steps([0, 1, 4, 0, 0, 1]).tolist() == [0, 0, 1, 0, 0, 0]


class TestBehind:
    def test_a_steady_stream(self):
        late, missing = lateness_and_missing(np.array(steady(jitter_s=0.004)), 0.06)
        assert late.max() < 0.005
        assert missing.sum() == 0

    def test_jitter_is_lateness_and_no_loss(self):
        late, missing = lateness_and_missing(np.sort(steady(jitter_s=0.08)), 0.06)
        assert np.quantile(late, 0.95) == pytest.approx(0.075, abs=0.01)
        assert missing.sum() == 0

    @pytest.mark.parametrize("jitter_s", [0.0, 0.02, 0.08])
    @pytest.mark.parametrize("share", [0.05, 0.2])
    def test_losses_in_jitter(self, jitter_s: float, share: float):
        rng = Random(5)
        lost = tuple(number for number in range(5, 995) if rng.random() < share)
        _, missing = lateness_and_missing(np.sort(steady(1000, jitter_s=jitter_s, lost=lost)), 0.06)
        assert missing.sum() == pytest.approx(len(lost), rel=0.05, abs=1)

    def test_packets_held_back_are_late_and_not_lost(self):
        times = [at if not 100 <= number < 110 else 6.6 + 0.0001 * number for number, at in enumerate(steady())]
        late, missing = lateness_and_missing(np.sort(times), 0.06)
        assert late.max() == pytest.approx(0.6, abs=0.03)
        assert missing.sum() == 0

    def test_a_queue_that_grows_is_lateness(self):
        """Each packet comes 12 ms later than the one before, as behind a line that is a sixth too slow."""
        late, missing = lateness_and_missing(np.array(steady(100, step_s=0.072)), 0.06)
        assert late.max() == pytest.approx(1.2, abs=0.05)
        assert missing.sum() == 0


class TestWhoseCadence:
    def test_that_of_one_size_among_others(self):
        rng = Random(2)
        reports = [(at, 45) for at in steady(200, 0.05)]
        others = [(rng.uniform(0, 10), rng.randrange(60, 120)) for _ in range(400)]
        times, sizes = (np.array(column) for column in zip(*sorted(reports + others), strict=True))
        cadence, steps = own_cadence(times, sizes)
        assert (cadence.size, cadence.interval_s) == (45, pytest.approx(0.05, rel=0.01))
        assert len(steps) == 200

    def test_the_other_directions_where_jitter_hides_it(self):
        times, sizes = np.sort(steady(jitter_s=0.08)), np.full(300, 200)
        assert own_cadence(times, sizes)[0] == Cadence()
        assert may_keep_cadence(Cadence(0.06), times, sizes)

    @pytest.mark.parametrize("interval_s", [0.02, 0.1])
    def test_not_one_of_another_pace(self, interval_s: float):
        assert not may_keep_cadence(Cadence(interval_s), np.sort(steady(jitter_s=0.08)), np.full(300, 200))


class TestHowSure:
    @pytest.mark.parametrize("jitter_s", [0.0, 0.01, 0.03, 0.08])
    @pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
    def test_the_truth_lies_within_the_bounds(self, jitter_s: float, share: float):
        inside = 0
        for seed in range(30):
            rng = Random(seed)
            lost = {number for number in range(10, 490) if rng.random() < share}
            times = np.sort([n * 0.06 + rng.uniform(0, jitter_s) for n in range(500) if n not in lost])
            _, missing = lateness_and_missing(times, 0.06)
            off = float(np.abs(np.diff(times) - 0.06)[missing[1:] == 0].mean())
            half = 1.96 * missing_variance(missing, len(times), off / 0.06, borrowed=jitter_s > 0.02) ** 0.5
            inside += abs(int(missing.sum()) - len(lost)) <= np.ceil(half)
        assert inside >= 28

    def test_all_packets_that_keep_it_and_no_jitter_leave_no_doubt(self):
        assert missing_variance(np.array([0, 0, 1, 0, 2]), 5, 0.0, borrowed=False) == 0.0

    def test_a_sample_leaves_some(self):
        few, many = (missing_variance(np.tile([0, 1], kept), 1000, 0.0, borrowed=False) for kept in (50, 200))
        assert few > many > 0


class TestWhatMuchIsLostOf:
    """A stream of which so much is lost that only the other direction's clock still tells its packets apart."""

    def stream(self, kept: float) -> tuple[np.ndarray, np.ndarray]:
        rng = Random(3)
        times = np.array([number * 0.06 for number in range(3000) if rng.random() < kept])
        return times, np.full(len(times), 200)

    def test_each_packet_keeps_its_place_in_the_other_directions_clock(self):
        steps = kept_steps(Cadence(0.06), *self.stream(0.3))
        assert sum(steps) == pytest.approx(3000, abs=20)

    def test_packets_too_rare_to_show_that_they_keep_it_show_nothing(self):
        assert kept_steps(Cadence(0.06), *self.stream(0.04)) == []

    def test_nor_do_those_of_a_slower_clock(self):
        times, sizes = self.stream(1.0)
        assert kept_steps(Cadence(0.004), times, sizes) == []
