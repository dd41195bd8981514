"""Segments of a TCP connection put together: order, holes, cut and lying segments, and what may wait."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from talkpath.capture.tcp import reassembly
from talkpath.capture.tcp.reassembly import Connections, ReassembledPacket, Reassembly, Segment, Splitter
from talkpath.wire.pcap import Packets, Unread
from talkpath.wire.pcap.fragments import ReassemblyBudget
from talkpath.wire.rtc.turn import FramedStream, with_length

FIRST, SECOND, THIRD = (bytes((number,)) * 30 for number in (1, 2, 3))


def framed(captured: bytes, size: int) -> Splitter | None:
    return FramedStream()


def direction(budget: ReassemblyBudget | None = None, unread: Unread | None = None) -> Reassembly:
    return Reassembly(framed, budget or ReassemblyBudget(), Unread() if unread is None else unread)


def fed(stream: Reassembly, *segments: tuple[int, bytes], at_s: float = 0.0) -> list[bytes]:
    """The packets that segments (sequence number, bytes) complete."""
    out = []
    for sequence, data in segments:
        out += [packet.captured for packet, _ in stream.segment(sequence, Segment(data, len(data), at_s))]
    return out


def test_packets_of_segments_in_order():
    stream = direction()
    assert fed(stream, (7, with_length(FIRST)), (39, with_length(SECOND) + with_length(THIRD))) == [
        FIRST,
        SECOND,
        THIRD,
    ]


def test_a_packet_over_two_segments_has_the_time_of_the_second():
    stream = direction()
    whole = with_length(FIRST)
    assert stream.segment(1, Segment(whole[:9], 9, 5.0)) == []
    assert stream.segment(10, Segment(whole[9:], 23, 6.5)) == [(ReassembledPacket(FIRST, 30), 6.5)]


def test_segments_out_of_order_wait():
    stream = direction()
    assert fed(stream, (0, with_length(FIRST)), (64, with_length(THIRD)), (32, with_length(SECOND))) == [
        FIRST,
        SECOND,
        THIRD,
    ]
    assert stream.budget.held == 0


def test_a_repeated_segment_gives_nothing_new():
    stream = direction()
    assert fed(stream, (0, with_length(FIRST)), (0, with_length(FIRST)), (32, with_length(SECOND))) == [FIRST, SECOND]


def test_a_segment_that_overlaps_gives_its_new_part():
    stream = direction()
    both = with_length(FIRST) + with_length(SECOND)
    assert fed(stream, (0, both[:40]), (20, both[20:])) == [FIRST, SECOND]


def test_sequence_numbers_wrap():
    stream = direction()
    assert fed(stream, (2**32 - 10, with_length(FIRST)), (22, with_length(SECOND))) == [FIRST, SECOND]


def test_a_hole_is_skipped_after_three_seconds():
    stream = direction()
    fed(stream, (0, with_length(FIRST)))
    assert fed(stream, (64, with_length(SECOND))) == []
    assert fed(stream, (96, with_length(THIRD)), at_s=3.5) == [SECOND, THIRD]


def test_a_hole_is_skipped_behind_many_segments():
    stream = direction()
    fed(stream, (0, with_length(FIRST)))
    out = fed(stream, *((64 + 32 * number, with_length(SECOND)) for number in range(300)))
    assert out == [SECOND] * 300


def test_a_cut_packet_is_filled_with_zeros():
    stream = direction()
    whole = with_length(FIRST)
    assert stream.segment(0, Segment(whole[:12], len(whole), 1.0)) == [
        (ReassembledPacket(FIRST[:10] + bytes(20), 30), 1.0)
    ]
    assert fed(stream, (32, with_length(SECOND))) == [SECOND]


def test_of_a_long_cut_packet_only_its_head_is_filled():
    """24 bytes may claim a packet of 16 kB, and so may each of a million segments."""
    stream = direction()
    captured = (12_000).to_bytes(2, "big") + FIRST[:22]
    ((packet, _),) = stream.segment(0, Segment(captured, 12_002, 1.0))
    assert packet == ReassembledPacket(FIRST[:22] + bytes(42), 12_000)


def test_packets_behind_a_cut_are_not_invented():
    """Of three packets in one segment the first was captured: the other two are unknown, and framing begins anew."""
    stream = direction()
    three = with_length(FIRST) + with_length(SECOND) + with_length(THIRD)
    out = [packet.captured for packet, _ in stream.segment(0, Segment(three[:40], len(three), 0.0))]
    assert out == [FIRST, SECOND[:6] + bytes(24)]
    assert fed(stream, (96, with_length(THIRD))) == [THIRD]


def test_a_stream_of_another_framing_is_left():
    stream = Reassembly(lambda captured, size: None, ReassemblyBudget(), Unread())
    assert fed(stream, (0, with_length(FIRST)), (32, with_length(SECOND))) == []


def test_what_waits_has_a_limit_and_is_counted():
    budget, unread = ReassemblyBudget(limit=20_000), Unread()
    streams = [direction(budget, unread) for _ in range(100)]
    for stream in streams:
        fed(stream, (0, with_length(FIRST)), (1000, bytes(1000)))
    assert budget.held <= 20_000
    assert unread["TCP hole skipped: too many segments waited"] > 50


def test_packets_that_never_end_have_a_limit_and_are_counted():
    budget, unread = ReassemblyBudget(limit=100_000), Unread()
    streams = [direction(budget, unread) for _ in range(100)]
    begun = b"\x3f\xff" + bytes(1400)
    for stream in streams:
        for number in range(8):
            fed(stream, (1402 * number, begun))
    assert budget.held <= 100_000
    assert unread["TCP stream dropped: too many packets had begun"] > 50


@pytest.mark.long
@pytest.mark.parametrize("claimed", [1 << 20, 4_000_000_000])
def test_a_lying_length_takes_no_memory(claimed: int):
    """Each of 300 segments says that it was cut off after 8 bytes of so many."""
    count = 300
    segments = SimpleNamespace(
        data=np.zeros(8 * count, np.uint8),
        sequence=np.arange(count) * 1000,
        payload=np.arange(count) * 8,
        captured=np.full(count, 8),
        size=np.full(count, claimed),
    )
    flows, ways = np.arange(count), np.zeros(count, np.int8)
    connections = Connections(framed, ReassemblyBudget(), Unread())
    tracemalloc.start()
    connections.completed(cast(Packets, segments), flows, ways, np.zeros(count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_the_connection_that_was_idle_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    """Three connections where two may be followed; each has half a packet, which is complete only for the last two."""
    monkeypatch.setattr(reassembly, "MOST_DIRECTIONS", 2)
    budget, unread = ReassemblyBudget(), Unread()
    connections = Connections(framed, budget, unread)
    whole = with_length(FIRST)
    halves = [whole[:10]] * 3 + [whole[10:]] * 3
    order = [0, 1, 2, 2, 1, 0]
    data = np.frombuffer(b"".join(halves), np.uint8)
    sizes = np.array([len(half) for half in halves])
    segments = SimpleNamespace(
        data=data,
        sequence=np.array([1, 1, 1, 11, 11, 11]),
        payload=np.cumsum(sizes) - sizes,
        captured=sizes,
        size=sizes,
    )
    found = connections.completed(cast(Packets, segments), np.array(order), np.zeros(6, np.int8), np.arange(6) / 10)
    assert [number for _, _, number, _ in found] == [2, 1]
    assert unread == {"TCP stream dropped: too many connections": 2}
    assert budget.held == len(whole) - 10
