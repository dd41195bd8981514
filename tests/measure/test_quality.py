"""The E-model against published values, its limits, and its direction in each argument."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.measure.quality import (
    G711_PLC,
    TALKABLE_MOS,
    Codec,
    burst_ratio,
    delay_impairment,
    is_uncertain,
    loss_impairment,
    loss_pct,
    mean_opinion_score,
    mos_of_rating,
    mos_with_silence,
    transport_mos,
)
from talkpath.measure.transport_quality import DirectionQuality, TransportQuality

G729A = Codec("G.729A with VAD", ie=11.0, bpl=19.0)  # G.113 Appendix I

percents = st.floats(0, 100)
ratios = st.floats(1, 8)
delays_ms = st.floats(0, 2000)
codecs = st.sampled_from([G711_PLC, G729A])


@pytest.mark.parametrize(
    ("rating", "expected"),
    [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (-5, 1.0), (100, 4.5)],
)
def test_mos_of_rating_is_the_table_of_annex_b(rating: float, expected: float):
    assert mos_of_rating(rating) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("delay_ms", "expected"),
    [(0, 0), (100, 0), (200, 3.04), (400, 24.07), (500, 30.64)],
)
def test_delay_impairment(delay_ms: float, expected: float):
    """Computed by hand from the equation."""
    assert delay_impairment(delay_ms) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("codec", "loss_pct", "expected"),
    [(G711_PLC, 0, 0), (G711_PLC, 25.1, 47.5), (G729A, 0, 11), (G729A, 2, 19), (G729A, 5, 28.5)],
)
def test_loss_impairment(codec: Codec, loss_pct: float, expected: float):
    assert loss_impairment(loss_pct, 1.0, codec) == pytest.approx(expected, abs=0.05)


def test_a_clean_line_and_a_hopeless_one():
    assert mean_opinion_score(0) == pytest.approx(4.41, abs=0.01)
    assert mean_opinion_score(100) < 1.5
    assert mean_opinion_score(5, burst_ratio=4) > TALKABLE_MOS > mean_opinion_score(15, burst_ratio=4)


@given(percents, percents, ratios, delays_ms, codecs)
def test_more_loss_never_sounds_better(one: float, other: float, ratio: float, delay_ms: float, codec: Codec):
    less, more = sorted((one, other))
    assert mean_opinion_score(more, ratio, delay_ms, codec) <= mean_opinion_score(less, ratio, delay_ms, codec) + 1e-9


@given(percents, ratios, ratios, delays_ms, delays_ms, codecs)
def test_nor_do_longer_bursts_or_more_delay(
    loss: float, one: float, other: float, sooner: float, later: float, codec: Codec
):
    assert mean_opinion_score(loss, max(one, other), max(sooner, later), codec) >= 1.0
    assert (
        mean_opinion_score(loss, max(one, other), max(sooner, later), codec)
        <= mean_opinion_score(loss, min(one, other), min(sooner, later), codec) + 1e-9
    )


@pytest.mark.parametrize(
    ("lost", "runs", "sent", "expected"),
    [(0, 0, 100, 1.0), (100, 1, 100, 1.0), (10, 10, 1000, 1.0), (40, 10, 1000, 3.84), (5, 5, 100, 1.0)],
)
def test_burst_ratio(lost: int, runs: int, sent: int, expected: float):
    assert burst_ratio(lost, runs, sent) == pytest.approx(expected)


WHOLE = DirectionQuality(100, 100, 0, 0.0)
CARRY = TransportQuality(Arm("webrtc", "webrtc", "voice"), "tcp/443", WHOLE, WHOLE, setup_ms=80.0)


def test_a_transport_is_as_good_as_its_worse_direction():
    at_random = {"arrived": 70, "runs": 30}
    assert transport_mos(CARRY) == mean_opinion_score(0)
    assert transport_mos(replace(CARRY, down=DirectionQuality(100, **at_random))) == mean_opinion_score(30)
    worse_up = replace(CARRY, up=DirectionQuality(100, 50, 50), down=DirectionQuality(100, **at_random))
    assert transport_mos(worse_up) == mean_opinion_score(50)
    assert transport_mos(replace(CARRY, up=DirectionQuality(100, 70, 2))) < mean_opinion_score(
        30
    )  # in bursts it is worse


def test_what_comes_too_late_is_no_talk():
    """Over a stream nothing is lost, but a lost packet holds up those behind it."""
    assert transport_mos(replace(CARRY, down=replace(WHOLE, delay_ms=100.0))) == mean_opinion_score(0, delay_ms=200.0)
    assert transport_mos(replace(CARRY, down=replace(WHOLE, delay_ms=800.0))) < TALKABLE_MOS
    assert loss_pct(WHOLE) == 0.0


def test_a_transport_that_carries_nothing():
    assert transport_mos(replace(CARRY, setup_ms=None)) == 1.0
    assert transport_mos(replace(CARRY, down=DirectionQuality(0, 0))) == mean_opinion_score(100)


def test_what_came_too_late_sounds_as_if_it_were_lost():
    """A freeze costs as much as the same share of losses; long losses are in both shares and count once."""
    assert mos_with_silence(0.0, 7.0, 0.0) == mean_opinion_score(7.0)
    assert mos_with_silence(7.0, 5.0, 0.0, 2.0) == mean_opinion_score(7.0, 2.0)


def test_jitter_costs_the_delay_of_its_buffer():
    marks = [mos_with_silence(0.0, 0.0, jitter_ms) for jitter_ms in (0.0, 10.0, 50.0, 100.0, 200.0)]
    assert marks[0] == mean_opinion_score(0.0)
    assert marks[1] > marks[0] - 0.02, "a good buffer hides little jitter"
    assert marks == sorted(marks, reverse=True)
    assert marks[3] == mean_opinion_score(0.0, delay_ms=300.0)


@pytest.mark.parametrize(
    ("sent", "lost", "runs", "uncertain"),
    [
        (300, 0, 0, False),
        (300, 300, 1, False),
        (300, 20, 20, False),  # 7 % (4 to 10): can be talked over
        (300, 40, 40, True),  # 13 % (10 to 18): 13.4 % is the limit
        (3000, 330, 330, False),  # 11 % (10 to 12)
        (300, 70, 70, False),
        (300, 25, 2, True),  # two gaps say little of the next call
        (0, 0, 0, False),
    ],
)
def test_chance_may_decide_near_the_limit(sent: int, lost: int, runs: int, uncertain: bool) -> None:
    good = DirectionQuality(300, 300, 0, 10.0)
    worse = DirectionQuality(sent, sent - lost, runs, 10.0)
    for up, down in ((good, worse), (worse, good)):
        quality = TransportQuality(Arm("webrtc", "dtls", "voice"), "udp/443", up, down, 90.0, 2, 3.1)
        assert is_uncertain(quality) is uncertain
    assert not is_uncertain(replace(quality, setup_ms=None))
