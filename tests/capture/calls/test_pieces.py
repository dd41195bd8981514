"""Pieces of one call in a recording, and calls that only look like it."""

from __future__ import annotations

import struct

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, udp_packet
from factories.packets.recognised_calls import rtp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER

CLOCK_HZ, STEP_S = 48_000, 0.02
BYE = bytes((0x81, 203, 0, 2))


def piece(
    begin_s: float, *, ssrc: int = 0x1111, number: int | None = None, stamp_s: float | None = None, port: int = 40_000
) -> list[Packet]:
    """Two seconds of a voice both ways. By default its numbers and its clock are those of a source that has sent since
    the recording began."""
    out = []
    first = round(begin_s / STEP_S) if number is None else number
    stamp = round((begin_s if stamp_s is None else stamp_s) * CLOCK_HZ)
    for place in range(100):
        time_ns = BEGIN_NS + round(1e9 * (begin_s + STEP_S * place))
        ticks = stamp + round(place * STEP_S * CLOCK_HZ)
        for sent in (True, False):
            data = rtp_packet(120, first + place, ticks, ssrc + (not sent))
            ends = (CALLER, SERVER, port, 50_001) if sent else (SERVER, CALLER, 50_001, port)
            out.append(Packet(time_ns + (0 if sent else 7_000_000), udp_packet(*ends, data)))
    return out


def as_ipv6(data: bytes) -> bytes:
    """The same packet between addresses of IPv6."""
    ends = (bytes.fromhex("20010db8") + bytes(8) + address for address in (data[12:16], data[16:20]))
    return struct.pack("!IHBB", 6 << 28, len(data) - 20, 17, 64) + b"".join(ends) + data[20:]


def firsts(*pieces: list[Packet]) -> list[int | None]:
    """Of which call each one that was found is a piece."""
    packets = sorted((packet for one in pieces for packet in one), key=lambda packet: packet.time_ns)
    return [call.continues for call in facts_of(packets).calls]


@pytest.mark.parametrize("port", [40_000, 40_002], ids=["the same socket", "a socket of its own"])
@pytest.mark.parametrize("pause_s", [40, 170, 3000])
def test_a_source_that_went_on_while_nothing_was_recorded(pause_s: int, port: int):
    assert firsts(piece(0), piece(pause_s, port=port)) == [None, 1]


def test_a_call_on_hold_sends_nothing_and_its_clock_runs():
    assert firsts(piece(0), piece(90, number=100)) == [None, 1]


def kept_alive(at_s: float) -> list[Packet]:
    """A report beside a call on hold."""
    return [
        Packet(BEGIN_NS + round(1e9 * at_s), udp_packet(CALLER, SERVER, 40_000, 50_001, b"\x80\xc9\0\1" + bytes(4)))
    ]


def test_a_clock_that_stood_still_counts_after_a_short_hold_alone():
    assert firsts(piece(0), kept_alive(20), piece(45, number=100, stamp_s=2.02)) == [None, 1]
    assert firsts(piece(0), piece(90, number=100, stamp_s=7.0)) == [None, None]


@pytest.mark.parametrize("later_s", [90, 3600, 86_400])
def test_numbers_that_follow_at_once_tell_that_the_recorders_clock_was_set_forward(later_s: int):
    (call,) = facts_of([*piece(0), *piece(later_s, number=100, stamp_s=2.0)]).calls
    assert (call.clock, call.duration_s) == ("clusters", pytest.approx(4.0, abs=0.1))
    apart = [*piece(0), *kept_alive(later_s - 1), *piece(later_s, number=100, stamp_s=2.0)]
    assert firsts(apart) == [None, 1]


@pytest.mark.parametrize("back_s", [90, 3600])
def test_a_clock_that_was_set_back_gives_the_later_piece_first(back_s: int):
    assert firsts(piece(0, number=100, stamp_s=2.0), piece(back_s, number=0, stamp_s=0.0)) == [None, 1]


def test_a_call_that_moved_to_the_other_version_of_ip_goes_on():
    """It begins on one path, moves to another of its paths, and is on hold there."""
    begun = piece(0)
    moved = [Packet(one.time_ns, as_ipv6(one.data)) for one in (*begun[100:], *piece(40))]
    assert firsts(begun[:100], moved) == [None, 1]


def test_all_pieces_name_the_first():
    assert firsts(piece(0), piece(100), piece(200, port=40_002), piece(300)) == [None, 1, 1, 1]


@pytest.mark.parametrize(
    "redialled",
    [
        {"number": 0, "stamp_s": 0.0},
        {"number": 31_000, "stamp_s": 50_000.0},
        {"number": 5_000, "stamp_s": 61.0 + 30},
        {"ssrc": 0x3333},
    ],
    ids=["it begins at nought again", "at random", "with a clock that is too fast", "another source"],
)
def test_a_call_that_is_dialled_anew_is_its_own(redialled: dict[str, float]):
    assert firsts(piece(0), piece(61, **redialled)) == [None, None]


def test_after_a_good_bye_no_piece_follows():
    goodbye = BYE + (0x1111).to_bytes(4, "big") + b"\x03bye"
    bye = Packet(BEGIN_NS + 2_050_000_000, udp_packet(CALLER, SERVER, 40_000, 50_001, goodbye))
    assert firsts(piece(0), [bye], piece(61)) == [None, None]


def test_who_hung_up_ended_the_last_piece_alone():
    goodbye = BYE + (0x1111).to_bytes(4, "big") + b"\x03bye"
    bye = Packet(BEGIN_NS + 203_000_000_000, udp_packet(CALLER, SERVER, 40_000, 50_001, goodbye))
    found = facts_of([*piece(0), *piece(100), *piece(200), bye]).calls
    assert [call.closed for call in found] == [False, False, True]


def asked(begin_s: float, port: int) -> list[Packet]:
    """Discord's question for this end's address, by which its calls are known without their numbers."""
    ask = b"\x00\x01\x00\x46" + bytes(70)
    return [
        Packet(BEGIN_NS + round(1e9 * (begin_s - 0.2)), udp_packet(CALLER, SERVER, port, 50_001, ask)),
        Packet(BEGIN_NS + round(1e9 * (begin_s - 0.1)), udp_packet(SERVER, CALLER, 50_001, port, b"\0\2" + ask[2:])),
    ]


def test_what_the_far_end_said_between_two_pieces_is_of_the_same_call():
    pieces = [[*asked(at_s, port), *piece(at_s, port=port)] for at_s, port in ((1, 40_000), (200, 40_004))]
    another = [*asked(100, 40_002), *piece(100, ssrc=0x5555, port=40_002)]
    heard = [packet for packet in another if packet.data[12:16] == SERVER or len(packet.data) == 28 + 74]
    assert firsts(pieces[0], heard, pieces[1]) == [None, 1, 1]
    assert firsts(pieces[0], heard) == [None, None]
    assert firsts(pieces[0], another, pieces[1]) == [None, None, 1]
