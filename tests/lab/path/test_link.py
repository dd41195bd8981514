"""A link simulates one direction of the lab's network: delay, order, queues, rates."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talkpath.lab.path.link import DROP, Bucket, CrossTraffic, Link, Queue


def sent(link: Link, gaps_s: list[float], size: int = 100) -> list[tuple[float, float | None]]:
    """(sent, arrived or None) of packets with these gaps."""
    found, now_s = [], 0.0
    for gap_s in gaps_s:
        now_s += gap_s
        copies = link.carry(now_s, bytes(size))
        found.append((now_s, copies[0][0] if copies else None))
    return found


def test_delay_and_jitter_are_what_was_asked():
    delays_ms = [1000 * (at - now) for now, at in sent(Link(Random(1), 15, 1), [0.02] * 5000)]
    assert min(delays_ms) >= 15
    assert max(delays_ms) <= 16
    assert sum(delays_ms) / len(delays_ms) == pytest.approx(15.5, abs=0.05)


@given(st.integers(0, 1000), st.lists(st.floats(0, 0.01), min_size=2, max_size=50))
def test_a_link_keeps_order_and_never_delivers_early(seed, gaps_s):
    arrived = sent(Link(Random(seed), 5, 20), gaps_s)
    assert all(at >= now + 0.005 for now, at in arrived)
    times = [at for _, at in arrived]
    assert times == sorted(times)


def test_what_arrives_is_the_very_packet():
    packet = bytes(range(100))
    link = Link(Random(1), duplicated=0.5)
    copies = [copy for n in range(200) for copy in link.carry(n * 0.1, packet)]
    assert all(copy is packet for _, copy in copies)
    assert 250 < len(copies) < 350


def test_filters_drop_delay_and_stop_at_the_first_drop():
    asked = []

    def lose(now_s: float, packet: bytes) -> float:
        return DROP if packet == b"lost" else 0.0

    def put_off(now_s: float, packet: bytes) -> float:
        asked.append(packet)
        return 0.05 if packet == b"late" else 0.0

    link = Link(Random(1), 10, 0, (lose, put_off))
    assert link.carry(0.0, b"lost") == []
    assert link.carry(1.0, b"late") == [(pytest.approx(1.06), b"late")]
    assert link.carry(1.001, b"next") == [(pytest.approx(1.011), b"next")]  # it overtakes
    assert asked == [b"late", b"next"]


@pytest.mark.parametrize(("kbps", "size", "pps"), [(64, 160, 50), (64, 160, 100), (300, 1200, 60), (20, 80, 40)])
def test_a_bucket_passes_its_rate_and_no_more(kbps, size, pps):
    bucket = Bucket(kbps, 3000)
    seconds = 60
    passed = sum(bucket.take(n / pps, size) for n in range(seconds * pps)) * size
    offered = seconds * pps * size
    assert passed == pytest.approx(min(offered, seconds * kbps * 125 + 3000), rel=0.01)


def test_a_bucket_that_rests_fills_up_to_its_burst_and_no_further():
    bucket = Bucket(8, 3000)
    assert [bucket.take(0.0, 1500) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1000.0, 1500) for _ in range(3)] == [True, True, False]


def test_a_bucket_never_gains_by_a_step_back_in_time():
    bucket = Bucket(8, 1500)
    assert bucket.take(1.0, 1500)
    assert not bucket.take(0.5, 1500)
    assert not bucket.take(1.0, 1500)


def test_a_queue_of_its_own_traffic_serves_at_its_rate():
    link = Link(Random(1), 0, 0, queue=Queue(Random(2), kbps=80, depth_ms=500))
    through = [(now, at) for now, at in sent(link, [0.0] + [0.005] * 1999, size=100) if at is not None]
    busy_s = through[-1][1] - through[0][1]
    assert (len(through) - 1) * 800 / busy_s == pytest.approx(80_000, rel=0.01)
    assert 0.48 < max(at - now for now, at in through) < 0.5001


def test_a_queue_drains_when_nothing_comes():
    queue = Queue(Random(1), kbps=80, depth_ms=1000)
    assert [queue.wait(0.0, bytes(100)) for _ in range(3)] == pytest.approx([0.01, 0.02, 0.03])
    assert queue.wait(0.015, bytes(100)) == pytest.approx(0.025)
    assert queue.wait(9.0, bytes(100)) == pytest.approx(0.01)


def test_cross_traffic_makes_delay_first_and_loss_then():
    queue = Queue(Random(3), 8000, 100, CrossTraffic(busy=1.25, quiet=0.5, busy_s=1.0, quiet_s=1.0))
    waits = [queue.wait(n * 0.005, bytes(200)) for n in range(60_000)]
    lost = [n for n, wait in enumerate(waits) if wait == DROP]
    before = [next(wait for wait in reversed(waits[:n]) if wait != DROP) for n in lost]
    full = [wait for wait in waits if wait > 0.0995]
    assert 0.01 < len(lost) / len(waits) < 0.15
    assert min(before) > 0.09  # a full queue before every loss
    assert len(lost) / (len(lost) + len(full)) == pytest.approx(0.2, abs=0.02)  # 1 - 1/1.25
    assert max(waits) <= 0.1


def test_the_same_seed_is_the_same_link():
    def run(seed: int) -> list[tuple[float, float | None]]:
        cross = CrossTraffic(1.2, 0.7, 0.5, 0.5)
        return sent(Link(Random(seed), queue=Queue(Random(seed), 5000, 50, cross), duplicated=0.1), [0.002] * 3000)

    assert run(4) == run(4)
    assert run(4) != run(5)
