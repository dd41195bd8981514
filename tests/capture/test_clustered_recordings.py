"""Recordings whose packets were handed over in clusters tell numbers, and no times of single packets."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import numpy as np
import pytest

from factories.packets.altered_captures import facts_of, findings_in
from factories.packets.capture_files import Packet, pcap_file
from factories.packets.recognised_calls import Datagram, OwnCall, stun_message, voice_packets
from factories.packets.shaped_calls import background_traffic, packets_of, shaped_call
from talkpath.api.recording import read_capture
from talkpath.capture.packets.set_clock import MOST_STEP_NS
from talkpath.capture.scan import Scan
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


BATCH_NS = 100_000_000
"""Some recorders of telephones hand packets over ten times a second."""


def heard_alone(made: list[Packet]) -> list[Packet]:
    """This end only listens: it sends checks."""
    return [one for one in made if one.data[12] != 10 or one.data[28] < 64]


@pytest.mark.parametrize("apart_ms", [60, 110, 200])
@pytest.mark.parametrize("listens", [False, True])
def test_batches_are_no_jitter(*, listens: bool, apart_ms: int):
    """Who only listens sends nothing that would show that the recorder is late."""
    made = heard_alone(packets()) if listens else packets()
    found = the_call(clustered(made, apart_ms * 1_000_000))
    assert (found.clock, call_outcome(found).kind) == ("batches", "good")
    assert {(one.jitter_ms, one.uneven_ms) for one in found.streams} == {(None, None)}
    assert {second.jitter_ms for one in found.seconds for second in (one.sent, one.received)} == {None}
    assert {one.lost for one in found.streams} == {0}


def test_losses_and_silences_of_batches_are_told():
    assert call_outcome(the_call(clustered(packets(lost=10), BATCH_NS))).signs == ("loss",)
    end_ns = packets()[0].time_ns + 12 * SECOND_NS
    made = [one for one in packets() if one.time_ns < end_ns or one.data[12] == 10]
    outcome = call_outcome(the_call(clustered(made, BATCH_NS)))
    assert (outcome.kind, outcome.direction) == ("went_silent", "received")


def test_what_a_network_held_back_is_no_batch_of_the_recorder():
    """A radio that wakes up ten times a second: what this end sends comes when it is sent."""
    held = clustered([one for one in packets() if one.data[12] != 10], BATCH_NS)
    made = sorted([*held, *(one for one in packets() if one.data[12] == 10)], key=lambda one: one.time_ns)
    found = the_call(made)
    assert (found.clock, call_outcome(found).kind) == ("packets", "poor")


def set_back(made: list[Packet], by_s: int, share: float = 0.5) -> list[Packet]:
    """The clock was set back in the middle of the file."""
    at = round(share * len(made))
    return [*made[:at], *(Packet(one.time_ns - by_s * SECOND_NS, one.data) for one in made[at:])]


@pytest.mark.parametrize("by_s", [2, 5, 500, -2, -5, -3600])
@pytest.mark.parametrize(
    "arm", ["webrtc/dtls/voice", "signal/ringrtc/video", "telegram/direct/voice", "meet/sfu/video"]
)
def test_a_call_goes_on_across_a_clock_that_is_set(arm: str, by_s: int):
    """Back: in order of time its halves are mixed, and none was found, or one way alone. Forward, below 0: it lasted
    longer than it did, or was two calls with an hour between them."""
    made = packets_of(shaped_call(arm, 1500))
    whole, found = the_call(made), the_call(set_back(made, by_s))
    assert (found.app, found.media, found.clock) == (whole.app, whole.media, "clusters")
    assert found.duration_s == pytest.approx(whole.duration_s, abs=0.1)
    assert [one.lost for one in found.streams] == [one.lost for one in whole.streams]
    assert call_outcome(found).kind == "unknown"


@pytest.mark.parametrize("stood_s", [0, 5], ids=["the recorder left packets out", "this machine stood still"])
def test_a_hole_is_no_clock_that_was_set_forward(stood_s: int):
    """The clocks of both ends, or of the other one, ran on in it."""
    made = packets()
    begin_ns = made[0].time_ns + 10 * SECOND_NS
    own = [one for one in made if one.data[12] == 10 and stood_s]
    left = [one for one in made if one not in own and not begin_ns <= one.time_ns < begin_ns + 5 * SECOND_NS]
    left += [Packet(one.time_ns + stood_s * SECOND_NS * (one.time_ns >= begin_ns), one.data) for one in own]
    found = the_call(sorted(left, key=lambda one: one.time_ns))
    assert (found.clock, found.duration_s > 24) == ("packets", True)


def test_a_file_that_sets_its_clock_back_for_ever_is_put_right_for_some_years():
    years_s = 4 * 365 * 86_400
    data = pcap_file(set_back(packets_of(shaped_call("webrtc/dtls/voice", 40)), years_s), nano=True)
    scan = Scan()
    for _ in range(100):
        for block in Scan().reader.blocks(io.BytesIO(data)):
            scan.feed(block)
    assert years_s * SECOND_NS < scan.clock.behind_ns <= 4 * MOST_STEP_NS


@pytest.mark.parametrize("name", ["cr_voice_turn_tcp.a", "cr_voice_turn_udp.a"])
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_relayed_call_goes_on_across_it(name: str, share: float):
    """TCP's numbers tell it as RTP's do."""
    found = read_capture(io.BytesIO(engine_file(name, share, 5)))
    (call,) = found.calls
    assert (call.app, call.media, call.clock, call_outcome(call).kind) == ("webrtc", ("voice",), "clusters", "unknown")


def engine_file(name: str, share: float, back_s: int) -> bytes:
    """A recording of an engine whose clock was set back."""
    data = gzip.decompress((Path(__file__).parent / "engines" / f"{name}.pcap.gz").read_bytes())
    out, at = [data[:24]], 24
    while at < len(data):
        second, rest, kept, size = struct.unpack_from("<IIII", data, at)
        later = back_s * (at > share * len(data))
        out.append(struct.pack("<IIII", second - later, rest, kept, size) + data[at + 16 : at + 16 + kept])
        at += 16 + kept
    return b"".join(out)


@pytest.mark.parametrize("others", [[], background_traffic(20.0)], ids=["alone", "beside others"])
def test_two_files_of_the_same_packets_are_no_clock_that_was_set_back(others: list[Packet]):
    """The second one begins before the first one ends, with packets that are there already."""
    made = sorted([*packets_of(shaped_call("webrtc/dtls/voice", 900)), *others], key=lambda one: one.time_ns)
    whole, found = the_call(made), the_call([*made, *made[len(made) // 2 :]])
    assert (found.clock, call_outcome(found).kind) == ("packets", "good")
    assert found.duration_s == pytest.approx(whole.duration_s, abs=0.1)


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
