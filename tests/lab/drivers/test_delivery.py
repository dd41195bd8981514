"""Packets on their way, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Mapping

from talkpath.lab.drivers.delivery import Deliveries


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Twice:
    """A network that lets each packet out at the times told."""

    dropped: Mapping[str, int] = {"weather": 3}

    def __init__(self, *delays_s: float) -> None:
        self.delays_s = delays_s
        self.asked_s: list[float] = []

    def offer(self, now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        self.asked_s.append(now_s)
        return [(now_s + delay_s, packet) for delay_s in self.delays_s]


def test_packets_leave_when_due_in_the_order_of_their_times() -> None:
    clock, sent = Clock(), list[bytes]()
    deliveries = Deliveries(Twice(0.3, 0.1), clock)
    assert deliveries.wait_s() is None
    deliveries.offer(0.0, "up", b"a", sent.append)
    deliveries.offer(0.05, "up", b"b", sent.append)
    deliveries.send_due()
    assert (sent, deliveries.wait_s()) == ([], 0.1)
    clock.now_s += 0.2
    deliveries.send_due()
    assert sent == [b"a", b"b"]
    clock.now_s += 0.5
    assert deliveries.wait_s() == 0.0
    deliveries.send_due()
    assert sent == [b"a", b"b", b"a", b"b"]


def test_of_equal_times_the_first_offered_leaves_first() -> None:
    sent: list[bytes] = []
    deliveries = Deliveries(Twice(0.0), Clock())
    for data in (b"z", b"a", b"m"):
        deliveries.offer(0.0, "up", data, sent.append)
    deliveries.send_due()
    assert sent == [b"z", b"a", b"m"]


def test_the_networks_time_never_runs_backwards() -> None:
    network = Twice(0.0)
    deliveries = Deliveries(network, Clock())
    for at_s in (1.0, 0.5, 2.0):
        deliveries.offer(at_s, "up", b"", lambda packet: None)
    assert network.asked_s == [1.0, 1.0, 2.0]


def test_health_tells_how_late_packets_left_and_what_became_of_them() -> None:
    clock = Clock()
    deliveries = Deliveries(Twice(0.0), clock)
    for number in range(100):
        deliveries.offer(clock.now_s - 1000.0, "up", b"", lambda packet: None)
        clock.now_s += 0.1 if number == 7 else 0.001
        deliveries.send_due()
    health = deliveries.health(dropped=2, strayed=1, realtime=True)
    assert (health.packets_in, health.packets_out, health.dropped, health.strayed) == (100, 100, 2, 1)
    assert [round(ms, 6) for ms in (health.late_p50_ms, health.late_p99_ms, health.late_max_ms)] == [1.0, 100.0, 100.0]
    assert health.network_dropped == {"weather": 3}


def test_nothing_sent_is_not_late() -> None:
    health = Deliveries(Twice(), Clock()).health(0, 0, False)
    assert (health.packets_out, health.late_p50_ms, health.late_max_ms) == (0, 0.0, 0.0)


def test_actions_wait_in_the_same_queue() -> None:
    clock, done = Clock(), list[str]()
    deliveries = Deliveries(Twice(0.2), clock)
    deliveries.offer(0.0, "up", b"", lambda packet: done.append("packet"))
    deliveries.later(0.1, lambda: done.append("action"))
    clock.now_s += 0.3
    deliveries.send_due()
    assert done == ["action", "packet"]
