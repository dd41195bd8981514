"""Flows that belong to one call are grouped; others stay apart."""

from __future__ import annotations

import io
import struct

import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet, pcap_file, udp_packet
from factories.packets.shaped_calls import BEGIN_NS, CALLER, SERVER, packets_of, shaped_call
from talkpath.capture.calls import stitch
from talkpath.capture.calls.stitch import DisjointSets, group_flows
from talkpath.capture.packets.flows import address_of_end
from talkpath.capture.scan import scan_capture
from talkpath.wire.rtc import stun
from talkpath.wire.rtc.stun import Attribute, StunMessage, Type

OTHER_CALLER, OTHER_SERVER = bytes((10, 0, 0, 77)), bytes((198, 51, 100, 88))


def rtp(number: int, ssrc: int, kind: int = 8, stamped: int = 0, step: int = 160) -> bytes:
    return struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, step * number + stamped, ssrc) + bytes(160)


def stream(
    ssrc: int,
    *,
    begin_s: float = 0.0,
    first: int = 0,
    count: int = 200,
    near: bytes = CALLER,
    far: bytes = SERVER,
    ports: tuple[int, int] = (40000, 5000),
    kind: int = 8,
    stamped: int = 0,
    step: int = 160,
) -> list[Packet]:
    """An RTP stream that the near end sends, fifty packets a second; its timestamps go from `stamped` in steps."""
    out = []
    for number in range(count):
        time_ns = BEGIN_NS + round((begin_s + 0.02 * number) * 1e9)
        out.append(Packet(time_ns, udp_packet(near, far, *ports, rtp(first + number, ssrc, kind, stamped, step))))
    return out


def back(packets: list[Packet]) -> list[Packet]:
    """The same from the other end, with another SSRC."""
    out = []
    for packet in packets:
        data = packet.data
        ports = struct.unpack_from("!HH", data, 20)
        payload = bytearray(data[28:])
        payload[8:12] = (int.from_bytes(payload[8:12], "big") + 1000).to_bytes(4, "big")
        made = udp_packet(data[16:20], data[12:16], ports[1], ports[0], bytes(payload))
        out.append(Packet(packet.time_ns + 5_000_000, made))
    return out


def both(packets: list[Packet]) -> list[Packet]:
    return [*packets, *back(packets)]


def groups(packets: list[Packet]) -> list[list[int]]:
    ordered = sorted(packets, key=lambda packet: packet.time_ns)
    found = scan_capture(io.BytesIO(pcap_file(ordered, nano=True)))
    return group_flows(found).flows


class TestSets:
    def test_members_begin_alone(self):
        assert len({*map(DisjointSets().find, [3, 1, 2])}) == 3

    def test_joined_members_are_one_set(self):
        sets = DisjointSets()
        for one, other in ((1, 2), (3, 4), (2, 3)):
            sets.join(one, other)
        assert len({*map(sets.find, [1, 2, 3, 4])}) == 1 < len({*map(sets.find, [1, 5])})
        assert sets.find(1) == sets.find(4) != sets.find(5)

    def test_joining_twice_changes_nothing(self):
        sets = DisjointSets()
        sets.join(1, 2)
        sets.join(2, 1)
        assert sets.find(1) == sets.find(2)


def test_one_flow():
    assert groups(both(stream(7))) == [[0]]


def test_two_calls_of_different_hosts():
    other = both(stream(9, near=OTHER_CALLER, far=OTHER_SERVER))
    assert groups([*both(stream(7)), *other]) == [[0], [1]]


def test_a_stream_that_moves_to_another_port():
    """From a relay to the peer: the SSRC and its numbers go on."""
    moved = both(stream(7, begin_s=4.0, first=200, far=OTHER_SERVER, ports=(40000, 6000)))
    assert groups([*both(stream(7)), *moved]) == [[0, 1]]


def test_a_stream_that_moves_to_another_network():
    """From Wi-Fi to mobile: another local address, the numbers go on."""
    moved = both(stream(7, begin_s=4.5, first=225, near=OTHER_CALLER, ports=(41000, 5000)))
    assert groups([*both(stream(7)), *moved]) == [[0, 1]]


def test_the_same_ssrc_with_other_numbers_is_another_call():
    """Apps that always use the same SSRCs begin each call anew."""
    other = both(stream(7, begin_s=1.0, first=30_000, near=OTHER_CALLER, far=OTHER_SERVER, ports=(41000, 6000)))
    assert groups([*both(stream(7)), *other]) == [[0], [1]]


@pytest.mark.parametrize(("stamped", "step"), [(1 << 30, 160), (0, 0)])
def test_the_same_ssrc_with_numbers_near_by_chance_and_no_such_times_is_another_call(stamped: int, step: int):
    """After half a minute one number in eight lies within what a stream could have lost."""
    other = stream(7, begin_s=30.0, first=4_000, ports=(41000, 6000), kind=111, stamped=stamped, step=step)
    assert groups([*both(stream(7, kind=111, step=step)), *both(other)]) == [[0], [1]]


def test_the_same_ssrc_a_long_time_later_is_another_call():
    later = both(stream(7, begin_s=200.0, first=200, far=OTHER_SERVER, ports=(41000, 6000)))
    assert groups([*both(stream(7)), *later]) == [[0], [1]]


def test_sound_and_picture_on_ports_of_their_own():
    """Both begin and end together, between the same hosts."""
    picture = both(stream(8, ports=(40002, 5002), kind=34))
    assert groups([*both(stream(7)), *picture]) == [[0, 1]]


def test_two_voices_of_one_kind_are_two_calls():
    """A telephone system has all calls to its provider between the same two hosts, at the same time."""
    assert groups([*both(stream(7)), *both(stream(8, ports=(40002, 5002)))]) == [[0], [1]]


class TestConnectionsOfAConference:
    """A server takes what is said here on one connection, and sends what others say on connections of their own."""

    def heard(self, begin_s: float, port: int) -> list[Packet]:
        return back(stream(port, begin_s=begin_s, ports=(port, 5002), count=400))

    def test_what_is_said_and_what_is_heard_are_one_call(self):
        found = groups([*stream(7, count=900), *self.heard(6.0, 40002), *self.heard(9.0, 40004)])
        assert found == [[0, 1, 2]]

    def test_one_that_begins_when_the_other_ends_is_another_call(self):
        assert groups([*stream(7, count=300), *self.heard(5.5, 40002)]) == [[0], [1]]

    def test_two_calls_that_both_talk_stay_two(self):
        assert groups([*both(stream(7, count=900)), *both(stream(8, begin_s=6, ports=(40002, 5002)))]) == [[0], [1]]

    def test_connections_to_different_hosts_stay_two(self):
        assert groups([*stream(7), *back(stream(8, far=OTHER_SERVER, ports=(40002, 5002)))]) == [[0], [1]]


@pytest.mark.parametrize(("port", "want"), [(40001, [[0, 1]]), (40007, [[0]])])
def test_reports_on_the_next_port(port: int, want: list[list[int]]):
    """RTCP on a flow of its own (RFC 3550 section 11) goes with the media beside it."""
    report = bytes((0x81, 201, 0, 7)) + bytes(28)
    times = (BEGIN_NS + second * 1_000_000_000 for second in (1, 3))
    reports = [Packet(at, udp_packet(CALLER, SERVER, port, 5001, report)) for at in times]
    assert groups([*both(stream(7)), *reports]) == want


def test_reports_long_after_the_media_are_another_calls():
    report = bytes((0x81, 201, 0, 7)) + bytes(28)
    late = [Packet(BEGIN_NS + second * 10**9, udp_packet(CALLER, SERVER, 40001, 5001, report)) for second in (100, 102)]
    assert groups([*both(stream(7)), *late]) == [[0]]


def test_reports_of_several_far_ends_of_one_socket():
    """A conference's server: each goes with the media on the port before it, and no other."""
    report = bytes((0x81, 201, 0, 7)) + bytes(28)
    media = [one for at in range(3) for one in both(stream(7 + at, ports=(40000, 5000 + 4 * at)))]
    reports = [Packet(BEGIN_NS + 10**9, udp_packet(CALLER, SERVER, 40001, 5001 + 2 * at, report)) for at in range(6)]
    assert sum(map(len, groups([*media, *reports]))) == 6


def test_calls_after_each_other_between_the_same_hosts():
    later = both(stream(8, begin_s=100.0, ports=(40002, 5002)))
    assert groups([*both(stream(7)), *later]) == [[0], [1]]


@pytest.mark.parametrize("apart_s", [5.0, 50.0])
def test_flows_of_one_local_socket(apart_s: float):
    """ICE checks of one socket to several peers are one call, unless a pause lies between."""

    found = groups([*checks(0.0, SERVER, b"a:b"), *checks(4.0 + apart_s, OTHER_SERVER, b"c:d")])
    assert found == ([[0, 1]] if apart_s < 30 else [[0], [1]])


def checks(begin_s: float, far: bytes, names: bytes, near: bytes = CALLER, near_port: int = 40000) -> list[Packet]:
    """Five ICE checks, a second apart."""
    out = []
    for number in range(5):
        message = StunMessage(Type.BINDING_REQUEST, number.to_bytes(12, "big"), ((Attribute.USERNAME, names),))
        time_ns = BEGIN_NS + round((begin_s + number) * 1e9)
        out.append(Packet(time_ns, udp_packet(near, far, near_port, 3478, stun.encode_message(message))))
    return out


SIX, FAR_SIX = (bytes((0x20, 1, 0xD, 0xB8)) + bytes(11) + bytes((last,)) for last in (5, 7))


@pytest.mark.parametrize(
    ("near", "far", "names", "together"),
    [
        (SIX, FAR_SIX, b"ab/3:Xyz+", True),
        (FAR_SIX, SIX, b"Xyz+:ab/3", True),  # the other end's, the other way round
        (SIX, FAR_SIX, b"ab/3:other", False),
        (CALLER, OTHER_SERVER, b"ab/3:Xyz+", True),
    ],
    ids=["version 6", "from there", "another session", "another host"],
)
def test_one_ice_session_is_one_call(near: bytes, far: bytes, names: bytes, together: bool):
    found = groups([*checks(0.0, SERVER, b"ab/3:Xyz+"), *checks(0.1, far, names, near, 41000)])
    assert found == ([[0, 1]] if together else [[0], [1]])


def travelled(packets: list[Packet], hops: int) -> list[Packet]:
    return [Packet(one.time_ns, one.data[:7] + bytes((64 - hops,)) + one.data[8:]) for one in packets]


def test_a_private_address_that_never_answered_may_be_the_other_ends():
    """ICE asks for all that the other end offers; this end is public, and what it heard had come far."""
    heard = travelled(checks(0.0, SIX, b"ab/3:Xyz+", FAR_SIX, 3478), 9)
    said = [
        *travelled(checks(0.2, FAR_SIX, b"Xyz+:ab/3", SIX, 3478), 0),
        *checks(0.1, CALLER, b"Xyz+:ab/3", SERVER, 41000),
    ]
    scan = scan_capture(io.BytesIO(pcap_file(sorted([*heard, *said], key=lambda one: one.time_ns), nano=True)))
    ends = group_flows(scan).ends
    here = [address_of_end(scan.flows.table[flow], int(end)).packed for flow, end in enumerate(ends.local)]
    assert here == [SIX, SERVER]
    assert not ends.guessed.any()


def test_a_session_inside_turn_and_in_a_frame_of_telegrams():
    """ChannelData, Send, and a reflector's frame hold the same names as the direct checks."""
    check = checks(0.0, SERVER, b"ab/3:Xyz+")[0].data[28:]
    channel = b"\x40\x00" + len(check).to_bytes(2, "big") + check
    send = stun.encode_message(StunMessage(0x0016, bytes(12), ((Attribute.DATA, check),)))
    frame = bytes(range(20)) + len(check).to_bytes(4, "big") + check
    ways = [
        Packet(BEGIN_NS + 10**9 + number, udp_packet(CALLER, OTHER_SERVER, 41000 + number, 599 + number, data))
        for number, data in enumerate((channel, send, frame))
    ]
    assert groups([*checks(0.0, SERVER, b"ab/3:Xyz+"), *ways]) == [[0, 1, 2, 3]]


def test_a_name_that_all_calls_share_joins_nothing():
    """Meta's relays are asked by one fixed name."""
    names = b"EDGERAY_DEFAULT_USERNAME:EDGERAY_DEFAULT_USERNAME"
    found = groups([*checks(0.0, SERVER, names), *checks(0.1, OTHER_SERVER, names, OTHER_CALLER, 41000)])
    assert found == [[0], [1]]


def test_a_turn_accounts_name_is_no_session():
    """CreatePermission has a USERNAME with a colon too."""
    account = ((Attribute.USERNAME, b"1648053953:73f8"),)
    messages = [stun.encode_message(StunMessage(kind, bytes(12), account)) for kind in (0x0003, 0x0008)]
    asked = [
        Packet(BEGIN_NS + number, udp_packet(CALLER, far, 41000 + number, 3478, message))
        for number, far in enumerate((SERVER, OTHER_SERVER))
        for message in messages
    ]
    assert all(
        not known.sessions for known in scan_capture(io.BytesIO(pcap_file(asked, nano=True))).recognition.known.values()
    )


def test_flows_that_a_recogniser_stitches():
    """Telegram's reflectors: two of them carry one call, by its tag."""
    packets = packets_of(shaped_call("telegram/reflector/voice", 100))
    half = len(packets) // 2
    moved = [Packet(packet.time_ns, packet.data.replace(SERVER, OTHER_SERVER)) for packet in packets[half:]]
    (found,) = facts_of([*packets[:half], *moved]).calls
    assert len(found.flows) == 2


def test_a_packet_on_both_sides_of_a_router():
    """Recorded before and behind address translation: one call, not two."""
    inside = stream(7)
    outside = [
        Packet(packet.time_ns + 300_000, udp_packet(OTHER_CALLER, SERVER, 50000, 5000, packet.data[28:]))
        for packet in inside
    ]
    assert groups([*inside, *outside]) == [[0, 1]]


def test_of_too_many_streams_the_longest_are_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stitch, "MOST_SOURCES", 2)
    packets = both(stream(7))
    for ssrc in range(100, 120):
        packets += stream(ssrc, count=6, begin_s=ssrc / 100, ports=(41000, 5000))
    found = scan_capture(io.BytesIO(pcap_file(sorted(packets, key=lambda packet: packet.time_ns), nano=True)))
    assert group_flows(found).sources.tolist() == [7, 1007]
    assert found.unread["RTP stream not measured: too many in the file"] == 20
