"""What is a call, what is set-up of one, and what is neither."""

from __future__ import annotations

import struct

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, tcp_segment, udp_packet
from factories.packets.recognised_calls import (
    CALLS,
    Datagram,
    OwnCall,
    rtp_packet,
    viber_setup,
    video_packets,
    voice_packets,
)
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER, packets_of, shaped_call
from talkpath.capture.calls.app_naming import AppName
from talkpath.capture.calls.detected_call import CALL_PAUSE_S, DetectedCall, MeasuredStream, split_at_pauses
from talkpath.capture.streams.stream_stats import StreamStats
from talkpath.measure.call import Call, Findings

NEIGHBOUR, GROUP = bytes((10, 0, 0, 9)), bytes((239, 1, 2, 3))


def found(datagrams: list[Datagram], far: bytes = SERVER) -> Findings:
    packets = OwnCall("", (), "", datagrams).packets()
    return facts_of([Packet(one.time_ns, one.data.replace(SERVER, far)) for one in packets])


def one_way(datagrams: list[Datagram]) -> list[Datagram]:
    return [one for one in datagrams if one[1]]


def stream(begin_s: float, end_s: float, direction: str = "sent", medium: str | None = "voice") -> MeasuredStream:
    return MeasuredStream(
        stats=StreamStats(has_header=True),
        number=0,
        direction=direction,  # type: ignore[arg-type]
        medium=medium,  # type: ignore[arg-type]
        begin_s=begin_s,
        end_s=end_s,
        packets=10,
        clock_hz=8000,
    )


class TestDetectedCall:
    def test_its_media_and_span(self):
        streams = [stream(5, 9), stream(3, 7, "received"), stream(0, 99, medium=None)]
        made = DetectedCall([1], streams, AppName(), 0.0)
        assert made.span == (3, 9)
        assert made.media == streams[:2]

    def test_losses_count_with_a_header_or_a_cadence(self):
        assert stream(0, 1).counts_losses
        headerless = stream(0, 1)
        headerless.stats = StreamStats(has_header=False)
        assert headerless.counts_losses
        headerless.clock_hz = 0
        assert not headerless.counts_losses


class TestPauses:
    def test_streams_that_overlap_are_one_call(self):
        assert len(split_at_pauses([stream(0, 10), stream(5, 20), stream(19, 40)])) == 1

    def test_a_short_pause(self):
        assert len(split_at_pauses([stream(0, 10), stream(10 + CALL_PAUSE_S - 1, 60)])) == 1

    def test_a_long_pause(self):
        assert [len(part) for part in split_at_pauses([stream(10 + CALL_PAUSE_S + 1, 60), stream(0, 10)])] == [1, 1]

    def test_a_long_stream_bridges_a_pause(self):
        assert len(split_at_pauses([stream(0, 100), stream(1, 2), stream(90, 95)])) == 1

    def test_nothing(self):
        assert split_at_pauses([]) == []


def test_two_calls_of_one_flow():
    """The same sockets a minute later."""
    again = [(at_s + 70, sent, data) for at_s, sent, data in voice_packets(8, 6, clock=8000)]
    assert len(found([*voice_packets(8, 6, clock=8000), *again]).calls) == 2


@pytest.mark.parametrize(("packets", "calls"), [(4, 0), (8, 1), (30, 1)])
def test_a_call_has_some_packets(packets: int, calls: int):
    some = [(0.02 * number, True, rtp_packet(8, number, 160 * number, 7)) for number in range(packets)]
    both = [*some, *((at_s + 0.005, False, data[:8] + b"\0\0\0\x09" + data[12:]) for at_s, _, data in some)]
    assert len(found(both).calls) == calls


class TestNoCall:
    def test_a_group_address(self):
        assert not found(list(voice_packets(8, 6, clock=8000)), GROUP).calls

    def test_casting_inside_one_network(self):
        assert not found(one_way(list(voice_packets(8, 6, clock=8000))), NEIGHBOUR).calls

    def test_pictures_one_way_without_sound(self):
        assert not found(one_way(list(video_packets(34, 6)))).calls

    @pytest.mark.parametrize("kind", [14, 32, 33])
    def test_broadcast_formats(self, kind: int):
        assert not found(list(voice_packets(kind, 6, clock=90000))).calls

    def test_a_game_with_a_clock_of_its_own(self):
        assert not found(list(voice_packets(100, 10, clock=60))).calls

    def test_padding_alone(self):
        """Timestamps that never move."""
        probes = [(0.01 * number, number % 2 == 0, rtp_packet(97, number, 5, 7)) for number in range(200)]
        assert not found(probes).calls

    def test_media_beside_rtsp(self):
        packets = OwnCall("", (), "", list(voice_packets(8, 6, clock=8000))).packets()
        ask = b"SETUP rtsp://camera/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        asked = [Packet(BEGIN_NS, tcp_segment(CALLER, SERVER, 51000, 554, 1, ask))]
        assert not facts_of([*asked, *packets]).calls


def test_sound_one_way_is_a_call():
    """Nothing comes back: a call that one side cannot hear."""
    (only,) = found(one_way(list(voice_packets(8, 6, clock=8000)))).calls
    assert {stream.direction for stream in only.streams} == {"sent"}


def test_the_medium_by_what_packets_look_like():
    (only,) = found([*voice_packets(109, 6), *video_packets(125, 6)]).calls
    assert only.media == ("voice", "video")


def test_set_up_on_sockets_of_its_own_belongs_to_its_call():
    """SIP on port 5060, RTP on others."""
    invite = b"INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"
    ringing = b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"
    asked = [
        Packet(BEGIN_NS, udp_packet(CALLER, SERVER, 5060, 5060, invite)),
        Packet(BEGIN_NS + 50_000_000, udp_packet(SERVER, CALLER, 5060, 5060, ringing)),
    ]
    (only,) = facts_of([*asked, *OwnCall("", (), "", list(voice_packets(8, 6, clock=8000))).packets()]).calls
    assert only.app == "sip"
    assert len(only.flows) == 2
    assert only.setup_s == pytest.approx(0.0, abs=0.01)


def test_a_call_behind_an_attempt_of_another_app_is_not_named_by_it():
    """Whoever gets no answer with one app tries another: the attempt stays one."""
    every = OwnCall("viber", (), "relay", viber_setup()).packets()
    tried = [Packet(one.time_ns, one.data[:20] + b"\x99\x01" + one.data[22:]) for one in every if one.data[12] == 10]
    after_ns = max(one.time_ns for one in tried) + 4 * 10**9 - BEGIN_NS
    call = packets_of(shaped_call("webrtc/dtls/voice", 400))
    result = facts_of([*tried, *(Packet(one.time_ns + after_ns, one.data) for one in call)])
    assert ([one.app for one in result.calls], [one.app for one in result.attempts]) == (["webrtc"], ["viber"])


def test_who_only_listens_is_in_a_call_where_dtls_shows_one():
    """The checks (ICE) were not recorded: a server whose voices come one way, as sound of a radio does."""
    hello = b"\x16\xfe\xfd" + bytes(8) + b"\x00\x30" + b"\x01" + bytes(47)
    heard = [one for one in voice_packets(111, 6) if not one[1]]
    (only,) = found([(0.1, True, hello), *heard]).calls
    assert {stream.direction for stream in only.streams} == {"received"}
    assert not found(heard).calls


def test_a_call_that_is_closed():
    bye = struct.pack("!HH", 0x0800, 0) + b"\x21\x12\xa4\x42" + bytes(12)
    packets = packets_of(shaped_call("whatsapp/fast20/voice", 200))
    ports = struct.unpack_from("!HH", packets[0].data, 20)
    closed = Packet(
        packets[-1].time_ns + 10**8, udp_packet(packets[0].data[12:16], packets[0].data[16:20], *ports, bye)
    )
    (without,), (with_bye,) = facts_of(packets).calls, facts_of([*packets, closed]).calls
    assert (without.closed, with_bye.closed) == (False, True)


class TestAttempts:
    def test_flows_of_one_attempt_are_joined(self):
        """Two sockets at the same time are one attempt, a minute later is another."""
        first = OwnCall("viber", (), "relay", viber_setup()).packets()
        second = [
            Packet(one.time_ns, one.data[:20] + b"\x99\x01" + one.data[22:]) for one in first if one.data[12] == 10
        ]
        later = [Packet(one.time_ns + 90 * 10**9, one.data) for one in second]
        assert len(facts_of([*first, *second]).attempts) == 1
        assert len(facts_of([*first, *later]).attempts) == 2

    def test_one_packet_is_none(self):
        first = OwnCall("viber", (), "relay", viber_setup()[:1]).packets()
        assert not facts_of(first).attempts

    def test_what_went_on_meanwhile_is_told(self):
        asks = OwnCall("viber", (), "relay", [one for one in viber_setup() if one[1]]).packets()
        beside = [Packet(one.time_ns, one.data.replace(CALLER, NEIGHBOUR)) for one in CALLS["discord"]().packets()]
        (alone,) = facts_of(asks).attempts
        (attempt,) = facts_of(sorted([*asks, *beside], key=lambda one: one.time_ns)).attempts
        assert (alone.other_packets, alone.others_answered) == (0, False)
        assert attempt.other_packets > 50
        assert attempt.others_answered


def test_a_call_has_an_end_for_every_flow():
    found_call: Call = facts_of(CALLS["discord"]().packets()).calls[0]
    (flow,) = found_call.flows
    assert flow.packets_sent > flow.media_sent > 0
    assert flow.packets_received > flow.media_received > 0
    assert flow.end_s >= found_call.start_s + found_call.duration_s
