"""Calls of real engines as somebody else may have recorded them: cut, twice, from the middle on, two at once."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from factories.packets.altered_captures import findings_in
from talkpath.measure.call import Call, Findings
from talkpath.verdict.bases.call_outcome import attempt_outcome, call_outcome
from talkpath.verdict.bases.recorded_call import judge_call

FOLDER = Path(__file__).parent / "engines"
Record = tuple[int, bytes, int]
"""Time in microseconds, the frame as far as it was recorded, and its length."""
HEAD_BYTES = 24
CALLER, ANSWERER = bytes((192, 168, 77, 2)), bytes((198, 51, 100, 2))
CALLER_6, ANSWERER_6 = (bytes.fromhex(f"20010db8{net}") + bytes(9) + b"\2" for net in ("0077", "0002"))
STUN_COOKIE = b"\x21\x12\xa4\x42"


@cache
def whole_file(name: str) -> bytes:
    return gzip.decompress((FOLDER / f"{name}.pcap.gz").read_bytes())


def records_of(name: str) -> Iterator[Record]:
    data, at = whole_file(name), HEAD_BYTES
    while at < len(data):
        second, rest, captured, size = struct.unpack_from("<IIII", data, at)
        yield 1_000_000 * second + rest, data[at + 16 : at + 16 + captured], size
        at += 16 + captured


def found_in(name: str, records: list[Record]) -> Findings:
    out = [whole_file(name)[:HEAD_BYTES]]
    for time_us, frame, size in records:
        out.append(struct.pack("<IIII", *divmod(time_us, 1_000_000), len(frame), size) + frame)
    return findings_in(b"".join(out))


def calls_in(name: str, records: list[Record]) -> tuple[Call, ...]:
    return found_in(name, records).calls


def voices(call: Call) -> list[tuple[str, int, int | None]]:
    return sorted((one.direction, one.packets, one.lost) for one in call.streams if one.medium == "voice")


@pytest.mark.parametrize(
    ("one", "other"), [("tg_voice_direct.a", "cr_voice_direct.a"), ("cr_voice_direct.a", "cr_voice_down_blocked.a")]
)
def test_two_calls_at_once_between_the_same_hosts_are_two(one: str, other: str):
    """Two sessions of ICE, each with a voice: what one lost is not the other's."""
    first, second = list(records_of(one)), list(records_of(other))
    later_us = first[0][0] - second[0][0] + 500_000
    both = sorted([*first, *((time_us + later_us, *rest) for time_us, *rest in second)], key=lambda each: each[0])
    found = [(call.app, voices(call), call_outcome(call).kind) for call in calls_in(one, both)]
    alone = [calls_in(name, records)[0] for name, records in ((one, first), (other, second))]
    assert sorted(found) == sorted((call.app, voices(call), call_outcome(call).kind) for call in alone)


def is_media(frame: bytes) -> bool:
    """RTP or RTCP of UDP in IPv4 or IPv6 behind Ethernet."""
    at = 14 + (20 if frame[14] >> 4 == 4 else 40) + 8
    return frame[at : at + 1] >= b"\x80"


@pytest.mark.parametrize("later_us", [-3_000_000, 500_000, 6_000_000])
def test_a_session_without_media_beside_a_call_is_none_of_its_flows(later_us: int):
    """A data channel to somebody else: the call's set-up, end and flows stay its own."""
    first, second = list(records_of("cr_voice_direct.a")), list(records_of("cr_voice_down_blocked.a"))
    later_us += first[0][0] - second[0][0]
    data = [(time_us + later_us, frame, size) for time_us, frame, size in second if not is_media(frame)]
    both = found_in("cr_voice_direct.a", sorted([*first, *data], key=lambda each: each[0]))
    (call,), (alone,) = both.calls, calls_in("cr_voice_direct.a", first)
    assert len(call.flows) == len(alone.flows)
    assert call.start_s - call.setup_s == pytest.approx(alone.start_s - alone.setup_s)
    assert call.control_end_s - call.start_s == pytest.approx(alone.control_end_s - alone.start_s)
    assert both.attempts == ()


@pytest.mark.parametrize("length", [96, 128])
def test_what_a_cut_recording_lacks_inside_tcp_was_not_lost(length: int):
    """Behind a cut segment the frames of TURN are not found again for a while; no rule did that."""
    cut = [(time_us, frame[:length], size) for time_us, frame, size in records_of("cr_voice_turn_tcp.a")]
    (call,) = calls_in("cr_voice_turn_tcp.a", cut)
    assert {one.lost for one in call.streams} == {None}
    assert {moment.received.lost for moment in call.seconds} == {None}
    assert call_outcome(call).kind == "unknown"
    assert judge_call(call).rule is None
    assert judge_call(call).alternatives == ()


@pytest.mark.parametrize("name", ["sip_voice.b", "cr_voice_direct.a", "tg_voice_direct.a"])
def test_a_voice_that_was_recorded_twice_is_no_video(name: str):
    twice = [(time_us + late_us, *rest) for time_us, *rest in records_of(name) for late_us in (0, 30)]
    (call,), (once,) = calls_in(name, twice), calls_in(name, list(records_of(name)))
    assert (call.app, call.media, voices(call)) == (once.app, ("voice",), voices(once))


@pytest.mark.parametrize("name", ["tg_voice_direct.a", "tg_video_direct.a", "cr_voice_direct.b", "ff_voice_direct.b"])
def test_a_recording_that_begins_in_mid_call_names_no_other_app(name: str):
    every = list(records_of(name))
    (call,) = calls_in(name, [one for one in every if one[0] > every[0][0] + 3_000_000])
    (whole,) = calls_in(name, every)
    assert call.app in (whole.app, "unknown")
    assert call_outcome(call).kind in ("good", "unknown")


def nearer_the_middle(frame: bytes, hops: int) -> bytes:
    """The frame as a box recorded it that is so many hops from this end, which had 64 left, on the way to the other."""
    changed = bytearray(frame)
    place = 14 + (8 if frame[14] >> 4 == 4 else 7)
    changed[place] += hops if changed[place] < 64 else -hops
    return bytes(changed)


@pytest.mark.parametrize("name", ["cr_voice_down_blocked.a", "tg_voice_down_blocked.a", "tg_voice_dead_direct.a"])
def test_a_box_in_the_middle_sees_the_same_end_over_both_versions_of_ip(name: str):
    """Hops tell nothing there; of IPv4 the private address does, and ICE's names tell the same end of IPv6."""
    moved = [(time_us, nearer_the_middle(frame, 3), size) for time_us, frame, size in records_of(name)]
    (call,), (there,) = calls_in(name, list(records_of(name))), calls_in(name, moved)
    assert voices(there) == voices(call)
    assert call_outcome(there).kind == call_outcome(call).kind == "went_silent"


@pytest.mark.parametrize("name", ["cr_voice_direct.b", "tg_voice_direct.b"])
def test_what_one_end_sent_alone_is_all_sent(name: str):
    """Over IPv4 the private address is the other end's; its checks name the same session as those over IPv6."""
    alone = [one for one in records_of(name) if ANSWERER in one[1][26:30] or ANSWERER_6 in one[1][22:38]]
    (call,) = calls_in(name, alone)
    assert {one.direction for one in call.streams} == {"sent"}
    assert call_outcome(call).kind == "unknown"


@pytest.mark.parametrize("towards", [CALLER, ANSWERER])
def test_telegram_is_named_by_what_went_one_way(towards: bytes):
    every = list(records_of("tg_voice_direct.a"))
    ends = {CALLER: CALLER_6, ANSWERER: ANSWERER_6}
    (call,) = calls_in("tg_voice_direct.a", [one for one in every if ends[towards] in one[1][38:54]])
    assert call.app == "telegram"


def recorded_twice(records: list[Record], after_us: int, changed: bool) -> list[Record]:
    """As a mirror port shows a router's both sides: between other hosts of the link, with one hop less left."""
    copies = []
    for time_us, frame, size in records:
        left = {b"\x08\0": 22, b"\x86\xdd": 21}.get(frame[12:14]) if changed else None
        copy = frame if left is None else bytes(12) + frame[12:left] + bytes([frame[left] - 1]) + frame[left + 1 :]
        copies += [(time_us, frame, size), (time_us + after_us, copy, size)]
    return sorted(copies, key=lambda each: each[0])


@pytest.mark.parametrize("changed", [False, True], ids=["same bytes", "behind a router"])
@pytest.mark.parametrize("name", ["sip_voice.b", "cr_video_direct.b", "tg_video_direct.a", "cr_voice_turn_udp.a"])
def test_a_recording_that_holds_each_packet_twice_is_the_same_call(name: str, changed: bool):
    records = list(records_of(name))
    once, twice = found_in(name, records), found_in(name, recorded_twice(records, 1000, changed))
    assert [(one.app, one.app_confidence, one.transport) for one in twice.calls] == [
        (one.app, one.app_confidence, one.transport) for one in once.calls
    ]
    for call, other in zip(once.calls, twice.calls, strict=True):
        assert [(one.direction, one.ssrc, one.packets, one.lost, one.duplicates) for one in other.streams] == [
            (one.direction, one.ssrc, one.packets, one.lost, one.duplicates) for one in call.streams
        ]
        assert judge_call(other).state == judge_call(call).state


def is_check_for_a_relay(frame: bytes) -> bool:
    """A check of the far end that this end sends by its relay: a message of STUN in ChannelData (RFC 8656)."""
    return frame.rfind(b"\x00\x01\x00", 42, 60) > 42 and 0x40 <= frame[42] < 0x50


def test_a_recording_that_begins_after_a_relay_died_does_not_say_that_the_call_never_connected():
    """What goes through a relay needs its answer to the request for it."""
    every = list(records_of("cr_voice_turn_udp.a"))
    late = [one for one in every if one[0] > every[0][0] + 1_000_000 and is_check_for_a_relay(one[1])]
    sent = [one for one in late if one[1][26:30] == CALLER]
    (attempt,) = found_in("cr_voice_turn_udp.a", sent).attempts
    assert attempt.end_s - attempt.start_s > 3
    assert attempt.begun_before
    assert attempt_outcome(attempt).kind == "unknown"


def numbered(frame: bytes, number: int) -> bytes:
    """Sent again: a sender gives each packet of IPv4 another number (RFC 6864)."""
    return frame[:18] + (int.from_bytes(frame[18:20], "big") + number & 0xFFFF).to_bytes(2, "big") + frame[20:]


@pytest.mark.parametrize("asker", ["cr_voice_recvonly.a", "wrtc_voice.a", "aiortc_cr_voice.a"])
def test_an_attempt_of_another_phone_at_the_same_router_is_not_part_of_a_call(asker: str):
    """One phone talks, and the checks of another are not answered: they are of the same kind of call, and not of it."""
    call = list(records_of("cr_voice_direct.a"))
    phone, far = bytes((192, 168, 77, 9)), bytes((198, 51, 100, 7))
    requests = [
        (time_us, frame, size)
        for time_us, frame, size in records_of(asker)
        if frame[26:34] == CALLER + ANSWERER and frame[42:44] == b"\0\1" and frame[46:50] == STUN_COOKIE
    ]
    later_us = call[0][0] - requests[0][0] + 300_000
    tries = [
        (time_us + later_us + 300_000 * number, numbered(frame, number)[:26] + phone + far + frame[34:], size)
        for time_us, frame, size in requests
        for number in range(8)
    ]
    found = found_in("cr_voice_direct.a", sorted([*call, *tries], key=lambda each: each[0]))
    assert [voices(one) for one in found.calls] == [voices(one) for one in calls_in("cr_voice_direct.a", call)]
    assert [(one.app, one.answered) for one in found.attempts] == [("webrtc", False)]
