"""Recordings whose packets were handed over in clusters tell numbers, and no times of single packets."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from factories.packets.altered_captures import facts_of, findings_in
from factories.packets.capture_files import Packet
from factories.packets.recognised_calls import Datagram, OwnCall, stun_message, voice_packets
from talkpath.measure.call import Call
from talkpath.verdict.bases.call_outcome import call_outcome
from talkpath.verdict.bases.recorded_call import judge_call
from talkpath.wire.pcap.records import RecordGaps
from talkpath.wire.rtc.stun import Attribute

SECOND_NS = 1_000_000_000


def clustered(packets: list[Packet], apart_ns: int = SECOND_NS) -> list[Packet]:
    """All packets of a span together at its end, 0.1 ms apart, as an iPhone's are handed over."""
    out: list[Packet] = []
    for packet in sorted(packets, key=lambda one: one.time_ns):
        due_ns = (packet.time_ns // apart_ns + 1) * apart_ns
        out.append(Packet(max(due_ns, out[-1].time_ns + 100_000) if out else due_ns, packet.data))
    return out


def talk(seconds: float = 25.0) -> list[Datagram]:
    checks = [
        (0.5 + number, sent, stun_message(1, 2 * number + sent, (Attribute.USERNAME, b"abcd:efgh")))
        for number in range(int(seconds))
        for sent in (True, False)
    ]
    return [*checks, *voice_packets(111, seconds)]


def packets(lost: int = 0, seconds: float = 25.0) -> list[Packet]:
    every = OwnCall("", (), "p2p", talk(seconds)).packets(lambda number: lost > 0 and number % lost == 0)
    return sorted(every, key=lambda one: one.time_ns)


def the_call(made: list[Packet]) -> Call:
    (only,) = facts_of(made).calls
    return only


def test_numbers_are_told_and_times_are_not():
    found = the_call(clustered(packets(lost=20)))
    assert found.clock == "clusters"
    heard, said = (next(one for one in found.streams if one.direction == way) for way in ("received", "sent"))
    assert 55 <= (heard.lost or 0) <= 65
    assert said.lost == 0
    for stream in found.streams:
        assert (stream.jitter_ms, stream.late_ms, stream.uneven_ms, stream.mos) == (None, None, None, None)
        assert (stream.freezes, stream.frozen_s) == (0, 0.0)
    assert all(one.received.mos is None and one.received.frozen_ms == 0 for one in found.seconds)
    assert call_outcome(found).kind == "poor"
    assert call_outcome(found).signs == ("loss",)


@pytest.mark.parametrize(("set_back", "clock", "kind"), [(True, "clusters", "unknown"), (False, "packets", "good")])
def test_a_clock_that_is_set_back_repeats_time(*, set_back: bool, clock: str, kind: str):
    """Telephones and routers set their clocks while they are used; recorders of several interfaces write packets a
    little out of order."""
    made = packets()
    back = [Packet(one.time_ns - 2 * SECOND_NS, one.data) for one in made[1200:]]
    found = the_call([*made[:1200], *back] if set_back else [*made[:1200], made[1240], *made[1200:1240], *made[1241:]])
    assert (found.clock, call_outcome(found).kind) == (clock, kind)


def test_a_good_call_of_such_a_recording_is_no_poor_one_and_no_ok():
    found = the_call(clustered(packets()))
    assert call_outcome(found).kind == "unknown"
    assert call_outcome(found).signs == ("clock",)
    assert judge_call(found).state == "insufficient"


@pytest.mark.long
def test_a_short_call_with_somebody_on_hold_is_no_poor_one():
    """What this end sent cannot tell then that it is the recorder that hands packets over late."""
    made = [one for one in packets(seconds=15.0) if one.data[12] != 10 or one.data[28] < 64]
    outcome = call_outcome(the_call(clustered(made)))
    assert (outcome.kind, outcome.signs) == ("unknown", ("clock",))


def test_who_stopped_is_told():
    made = [one for one in packets() if one.time_ns < packets()[0].time_ns + 12 * SECOND_NS or one.data[12] == 10]
    found = the_call(clustered(made))
    outcome = call_outcome(found)
    assert (outcome.kind, outcome.direction) == ("went_silent", "received")
    assert outcome.lasts_s == pytest.approx(13.0, abs=2.0)


def test_an_ordinary_recording():
    found = the_call(packets())
    assert found.clock == "packets"
    assert all(one.jitter_ms is not None for one in found.streams)
    assert call_outcome(found).kind == "good"


def gaps(*pauses: tuple[float, int]) -> RecordGaps:
    out = RecordGaps()
    for part in np.array_split(np.cumsum(np.concatenate([np.full(count, gap) for gap, count in pauses])), 7):
        out.feed(part)
    return out


def repeated(each: tuple[tuple[float, int], ...], times: int) -> RecordGaps:
    return gaps(*(one for _ in range(times) for one in each))


@pytest.mark.parametrize(
    ("found", "want"),
    [
        (repeated(((1.0, 1), (2e-4, 30)), 30), "clusters"),
        (repeated(((1.0, 1), (2e-4, 30)), 5), "clusters"),  # of a short call
        (repeated(((1.0, 1), (2e-4, 30)), 3), "packets"),  # too few to tell
        (repeated(((0.06, 1), (2e-4, 30)), 200), "packets"),  # a radio that wakes up for packets
        (repeated(((1.0, 1), (5e-3, 20), (2e-4, 30)), 30), "packets"),
        (repeated(((1.0, 1),), 100), "packets"),
    ],
    ids=["once a second", "for a few seconds", "few", "each 60 ms", "many apart", "keepalives"],
)
def test_what_clusters_are(found: RecordGaps, want: str):
    assert found.are_clustered == (want == "clusters")


def test_records_that_are_no_ip_are_passed_over():
    """Link type 12: some recorders write the body of an ARP packet among IP packets."""
    others = (b"\x00\x01\x08\x00" + bytes(24), b"\x3c\x22\xfb\x36" + bytes(40), b"\xff\xff\xff\xff" + bytes(10), b"")
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 12)]
    for number, packet in enumerate(packets(seconds=6.0)):
        for data in (packet.data, *(others if number % 40 == 0 else ())):
            out.append(struct.pack("<IIII", *divmod(packet.time_ns, SECOND_NS), len(data), len(data)) + data)
    found = findings_in(b"".join(out))
    (only,) = found.calls
    assert [stream.lost for stream in only.streams] == [0, 0]
    assert sum(found.unread.values()) > 0
