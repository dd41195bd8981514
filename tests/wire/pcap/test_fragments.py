"""IP fragments are reassembled in any order, cut ones keep only captured bytes, and forged ones use little memory."""

from __future__ import annotations

import tracemalloc
from heapq import heappop

import pytest

from talkpath.wire.pcap import Unread, fragments
from talkpath.wire.pcap.fragments import LIMIT, MOST_PIECES, Fragment, Fragments, Key, ReassemblyBudget
from talkpath.wire.pcap.frames import Frames

HEADER = bytes((0x45, 0, 0, 0, 0, 9, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2))
PAYLOAD = bytes(range(200)) * 4


def piece(offset: int, captured: bytes, *, size: int | None = None, more: bool = True, number: int = 1) -> Fragment:
    """A fragment behind HEADER at the beginning of a block."""
    begin = len(HEADER)
    end = begin + (len(captured) if size is None else size)
    key: Key = (number, 0, 0, 0, 0)
    return Fragment(
        key=key,
        begin=0,
        payload=begin,
        captured_end=begin + len(captured),
        end=end,
        offset=offset,
        more=more,
        time_ns=7,
        link_direction=-1,
    )


class Reader:
    """Takes fragments and gives what became whole."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self.unread, self.budget = Unread(), ReassemblyBudget(limit)
        self.fragments = Fragments(self.unread, self.budget)

    def add(self, offset: int, captured: bytes, **more: object) -> None:
        self.fragments.add(memoryview(HEADER + captured), piece(offset, captured, **more))  # type: ignore[arg-type]

    def whole(self) -> list[tuple[bytes, int]]:
        """(captured bytes, length) of each whole packet's payload."""
        frames = self.fragments.frames()
        return [] if frames is None else list(payloads(frames))


def payloads(frames: Frames) -> list[tuple[bytes, int]]:
    out = []
    for start, captured, size in zip(
        frames.start.tolist(), frames.captured.tolist(), frames.size.tolist(), strict=True
    ):
        out.append((bytes(frames.data[start + 20 : start + captured]), size - 20))
    return out


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_any_order(order: tuple[int, ...]):
    reader = Reader()
    pieces = [(0, PAYLOAD[:320]), (320, PAYLOAD[320:640]), (640, PAYLOAD[640:])]
    for place in order:
        reader.add(*pieces[place], more=place < 2)
    assert reader.whole() == [(PAYLOAD, 800)]
    assert reader.budget.held == 0


def test_nothing_is_whole_with_a_hole():
    reader = Reader()
    reader.add(0, PAYLOAD[:320])
    reader.add(640, PAYLOAD[640:], more=False)
    assert reader.whole() == []
    reader.fragments.close()
    assert reader.unread == {"packet with a fragment missing": 1}
    assert reader.budget.held == 0


def test_fragments_that_overlap():
    reader = Reader()
    reader.add(0, PAYLOAD[:400])
    reader.add(600, PAYLOAD[600:], more=False)
    reader.add(320, PAYLOAD[320:640])
    assert reader.whole() == [(PAYLOAD, 800)]


def test_a_repeated_fragment_counts_once():
    reader = Reader()
    for _ in range(3):
        reader.add(0, PAYLOAD[:320])
    held = reader.budget.held
    assert 320 <= held < 640
    reader.add(320, PAYLOAD[320:], more=False)
    assert reader.whole() == [(PAYLOAD, 800)]


def test_a_cut_fragment_ends_what_was_captured():
    """The packet is as long as on the wire; the bytes behind the cut are unknown, not zero."""
    reader = Reader()
    reader.add(0, PAYLOAD[:100], size=320)
    reader.add(320, PAYLOAD[320:], more=False)
    assert reader.whole() == [(PAYLOAD[:100], 800)]


@pytest.mark.long
def test_lying_lengths_take_no_memory():
    """Eight bytes of each fragment were captured of 32 000 that it claims, two for a packet."""
    reader = Reader()
    tracemalloc.start()
    for number in range(20_000):
        reader.add(0, bytes(8), size=32_000, number=number)
        reader.add(32_000, bytes(8), size=32_000, more=False, number=number)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(reader.whole()) == 20_000
    assert peak < 10_000_000


def test_what_waits_has_a_limit_and_is_counted():
    reader = Reader(limit=50_000)
    for number in range(500):
        reader.add(8, bytes(1000), number=number)
    assert reader.budget.held <= 50_000
    assert reader.unread["packet dropped: too many fragments waited"] > 400


def test_the_oldest_of_too_many_packets_is_dropped():
    reader = Reader(limit=1 << 30)
    for number in range(LIMIT + 10):
        reader.add(0, PAYLOAD[:320], number=number)
    reader.add(320, PAYLOAD[320:], more=False, number=0)
    reader.add(320, PAYLOAD[320:], more=False, number=LIMIT + 9)
    assert reader.whole() == [(PAYLOAD, 800)]
    assert reader.unread["packet with a fragment missing"] >= 10


def test_a_packet_of_too_many_fragments_is_dropped():
    reader = Reader()
    for number in range(MOST_PIECES + 1):
        reader.add(16 + 8 * number, bytes(8))
    assert reader.unread == {"packet of too many fragments": 1}
    assert reader.budget.held == 0


def test_what_cannot_be_a_fragment():
    reader = Reader()
    reader.add(65_000, PAYLOAD)
    reader.fragments.add(
        memoryview(HEADER),
        Fragment(
            key=(1, 0, 0, 0, 0),
            begin=0,
            payload=28,
            captured_end=20,
            end=100,
            offset=0,
            more=True,
            time_ns=7,
            link_direction=-1,
        ),
    )
    assert reader.unread == {"fragment beyond the largest packet": 1, "fragment cut by the snapshot length": 1}


def test_a_fragment_ahead_costs_each_later_one_a_look(monkeypatch: pytest.MonkeyPatch):
    """One piece lies behind a gap; then the gap is filled from its beginning."""
    looks = []
    monkeypatch.setattr(fragments, "heappop", lambda heap: looks.append(len(heap)) or heappop(heap))
    reader = Reader()
    reader.add(8 * 1000, bytes(8), more=False)
    for place in range(1000):
        assert not looks
        reader.add(8 * place, bytes(8))
    assert looks == [1]
    assert reader.whole() == [(bytes(8 * 1001), 8 * 1001)]


def test_pieces_ahead_in_any_order_are_each_looked_at_once(monkeypatch: pytest.MonkeyPatch):
    looks = []
    monkeypatch.setattr(fragments, "heappop", lambda heap: looks.append(1) or heappop(heap))
    reader = Reader()
    for place in [*range(500, 0, -1), 250, 100, 0]:
        reader.add(8 * place, bytes(8), more=place < 500)
    assert len(looks) == 500
    assert reader.whole() == [(bytes(8 * 501), 8 * 501)]
