"""A call second by second, and the other packets of each second."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet
from factories.packets.recognised_calls import CALLS, OwnCall, voice_packets
from factories.packets.shaped_calls import background_traffic, packets_of, shaped_call
from talkpath.capture.calls.timeline import OtherTraffic
from talkpath.capture.packets.activity import CELL_TYPE
from talkpath.measure.call import Call


def the_call(packets: list[Packet]) -> Call:
    (found,) = facts_of(sorted(packets, key=lambda packet: packet.time_ns)).calls
    return found


def other(*cells: tuple[int, int, int], begin_s: float = 0.0) -> OtherTraffic:
    """Cells (flow, second, packets)."""
    made = np.zeros(len(cells), CELL_TYPE)
    for place, (flow, second, packets) in enumerate(cells):
        made[place] = (flow, second, (packets, packets))
    return OtherTraffic(made, begin_s)


def each(traffic: OtherTraffic, *calls: tuple[list[int], int, int]) -> list[int]:
    flows, first, count = zip(*calls, strict=True)
    return traffic.each(flows, np.array(first), np.array(count))[0].tolist()


class TestOtherTraffic:
    CELLS = ((0, 0, 5), (1, 0, 7), (0, 1, 1), (2, 2, 4), (1, 2, 3))

    def test_without_the_calls_own_flows(self):
        assert other(*self.CELLS).other([0], 0.0, 2.9) == 14
        assert other(*self.CELLS).other([0, 1], 0.0, 2.9) == 4

    def test_in_some_seconds(self):
        assert other(*self.CELLS).other([0], 1.0, 1.9) == 0
        assert other(*self.CELLS).other([9], 0.0, 0.9) == 12

    def test_each_second(self):
        assert each(other(*self.CELLS), ([0], 0, 4)) == [7, 0, 7, 0]
        assert each(other(*self.CELLS), ([1, 2], 1, 2)) == [1, 0]

    def test_each_second_of_several_calls(self):
        assert each(other(*self.CELLS), ([0], 0, 4), ([1, 2], 1, 2), ([], 2, 1)) == [7, 0, 7, 0, 1, 0, 7]

    def test_times_count_from_the_earliest_packet(self):
        assert each(other(*self.CELLS, begin_s=-1.0), ([0], 0, 4)) == [0, 7, 0, 7]

    def test_a_flow_that_carries_call_after_call_is_not_read_again_for_each(self):
        calls = 4000
        first = 120 * np.arange(calls)
        traffic = other(*((0, second, 50) for second in first.tolist()))
        tracemalloc.start()
        came = traffic.each([[0]] * calls, first, np.full(calls, 2))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()
        assert came[:, :4].tolist() == [[0, 0, 0, 0], [50, 0, 50, 0]]

    def test_damaged_times_of_one_flow_are_not_counted_to_another(self):
        """The first flow has a packet so late that its second alone fills more than 32 bits."""
        traffic = other((0, 2**32 + 3, 9), (0, 1, 5), (1, 3, 7))
        assert traffic.each([[1]], np.array([2]), np.array([3])).tolist() == [[0, 0, 0], [0, 7, 0]]
        assert traffic.other([1], 2.0, 4.0) == 0

    def test_those_of_the_calls_own_flows(self):
        own = other(*self.CELLS).each([[0], [1, 2]], np.array([0, 1]), np.array([3, 2]))[1]
        assert own.tolist() == [5, 1, 0, 0, 7]

    def test_nothing(self):
        assert each(other(), ([0], 0, 3)) == [0, 0, 0]


def test_every_second_of_a_call_is_there():
    found = the_call(CALLS["discord"]().packets())
    seconds = [moment.at_s for moment in found.seconds]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    assert len(seconds) == pytest.approx(found.duration_s, abs=2)


def test_packets_of_all_seconds_are_those_of_the_streams():
    found = the_call(packets_of(shaped_call("webrtc/dtls/video", 600)))
    for direction in ("sent", "received"):
        streams = sum(one.packets for one in found.streams if one.direction == direction and one.medium)
        assert sum(getattr(moment, direction).packets for moment in found.seconds) == streams


def test_losses_stand_in_their_second():
    own = OwnCall("rtp", (), "", list(voice_packets(8, 10, clock=8000)))
    found = the_call(own.packets(lost=lambda number: 200 <= number < 205))
    lost = {moment.at_s: moment.received.lost for moment in found.seconds if moment.received.lost}
    assert lost == {found.seconds[0].at_s + 4: 5} or sum(lost.values()) == 5
    assert all(not moment.sent.lost for moment in found.seconds)


def test_a_second_without_packets():
    """Three seconds in which nothing comes and nothing is missing: the sender was silent."""
    datagrams = [one for one in voice_packets(8, 20, clock=8000) if not (6 <= one[0] < 9 and not one[1])]
    renumbered, number = [], 0
    for at_s, sent, data in sorted(datagrams):
        if not sent:
            data = data[:2] + number.to_bytes(2, "big") + data[4:]
            number += 1
        renumbered.append((at_s, sent, data))
    found = the_call(OwnCall("rtp", (), "", renumbered).packets())
    silent = [moment for moment in found.seconds if not moment.received.packets]
    assert 2 <= len(silent) <= 3
    assert all(moment.received.lost == 0 for moment in silent)
    assert all(moment.received.mos is None for moment in silent)


def test_quality_falls_with_losses():
    own = OwnCall("rtp", (), "", list(voice_packets(8, 10, clock=8000)))
    good, bad = the_call(own.packets()), the_call(own.packets(lost=lambda number: number % 4 == 1))

    def quality(found: Call) -> float:
        values = [moment.received.mos for moment in found.seconds if moment.received.mos is not None]
        return sum(values) / len(values)

    assert quality(bad) < quality(good) - 1


def test_other_packets_are_counted_beside():
    own = packets_of(shaped_call("whatsapp/fast20/voice", 300))
    alone, beside = the_call(own), the_call([*own, *background_traffic(6.0)])
    assert sum(moment.other_packets for moment in alone.seconds) == 0
    assert sum(moment.other_packets for moment in beside.seconds) == pytest.approx(120, abs=25)


@pytest.mark.parametrize("name", CALLS)
def test_seconds_never_hold_what_cannot_be(name: str):
    for moment in the_call(CALLS[name]().packets(lost=lambda number: number % 13 == 0)).seconds:
        for second in (moment.sent, moment.received):
            assert second.packets >= 0
            assert second.lost is None or second.lost >= 0
            assert second.kbps >= 0
            assert second.mos is None or 1 <= second.mos <= 5
            assert second.frozen_ms >= 0
