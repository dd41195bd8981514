"""Packets belong to flows with two directions; which end is here is decided from what the file shows."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np
import pytest

from factories.packets.capture_files import Packet, pcap_file, tcp_segment, udp_packet
from talkpath.capture.calls.stitch import flow_ends
from talkpath.capture.packets.flows import (
    Flows,
    are_multicast,
    endpoint_address,
    endpoint_hash,
    flow_key,
    host_pair_hash,
    is_private,
)
from talkpath.capture.packets.local_host import LocalEnds, first_guess, local_ends
from talkpath.capture.scan import scan_capture
from talkpath.wire.ip.address import Address
from talkpath.wire.pcap import Packets, Unread, frame_blocks, transport_packets
from talkpath.wire.pcap.fragments import Fragments

HERE, THERE, ELSEWHERE = bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7)), bytes((203, 0, 113, 9))
ROUTER = bytes((192, 168, 1, 1))


@dataclass
class Read:
    """The flows of a file."""

    flows: Flows
    flow: list[int]
    direction: list[int]

    @property
    def table(self) -> np.ndarray:
        return self.flows.table[: len(self.flows)]

    @property
    def local(self) -> list[int]:
        return self.ends.ends.tolist()

    @property
    def ends(self) -> LocalEnds:
        return local_ends(self.table, bool(self.flows.link_directions.min()))


def parts(data: bytes, block_bytes: int = 1 << 20) -> list[Packets]:
    unread = Unread()
    fragments = Fragments(unread)
    out = []
    for frames in frame_blocks(io.BytesIO(data), unread, block_bytes):
        out += list(transport_packets(frames, unread, fragments))
    return out


def read(packets: list[bytes], carrier: str = "raw") -> Read:
    """Packets a second apart."""
    made = [Packet((number + 1) * 1_000_000_000, data) for number, data in enumerate(packets)]
    out = Read(Flows(), [], [])
    for some in parts(pcap_file(made, carrier, nano=True)):
        flow, direction = out.flows.assign(some, some.time_ns / 1e9)
        out.flow += flow.tolist()
        out.direction += direction.tolist()
    return out


def marked(packets: list[tuple[bytes, bool | None]]) -> Read:
    """Packets in Linux cooked frames, which say whether the host sent or got them."""
    records = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 113)
    for number, (data, sent) in enumerate(packets):
        kind = 4 if sent else 0 if sent is not None else 3
        frame = struct.pack("!HHH8sH", kind, 1, 6, bytes(8), 0x0800) + data
        records += struct.pack("<IIII", number + 1, 0, len(frame), len(frame)) + frame
    out = Read(Flows(), [], [])
    for some in parts(records):
        flow, direction = out.flows.assign(some, some.time_ns / 1e9)
        out.flow += flow.tolist()
        out.direction += direction.tolist()
    return out


def sent(near: bytes = HERE, far: bytes = THERE, near_port: int = 4000, far_port: int = 5000) -> bytes:
    return udp_packet(near, far, near_port, far_port, b"some data")


def test_both_directions_are_one_flow():
    found = read([sent(), sent(THERE, HERE, 5000, 4000), sent()])
    assert found.flow == [0, 0, 0]
    assert found.direction == [0, 1, 0]
    assert found.table["packets"].tolist() == [[2, 1]]
    assert found.table["bytes"].tolist() == [[18, 9]]


def test_the_first_packet_goes_from_end_0():
    found = read([sent(THERE, HERE, 5000, 4000), sent()])
    assert found.direction == [0, 1]
    assert found.table["port"].tolist() == [[5000, 4000]]


@pytest.mark.parametrize("other", [sent(near_port=4001), sent(far_port=5001), sent(far=ELSEWHERE), sent(near=ROUTER)])
def test_another_end_is_another_flow(other: bytes):
    assert read([sent(), other]).flow == [0, 1]


def test_flows_are_counted_over_blocks():
    found = Flows()
    made = pcap_file(
        [Packet((n + 1) * 1_000_000_000, sent(near_port=1 + n % 7)) for n in range(5000)], "raw", nano=True
    )
    numbers = []
    for some in parts(made, 1 << 16):
        flow, _ = found.assign(some, some.time_ns / 1e9)
        numbers += flow.tolist()
    assert numbers == [n % 7 for n in range(5000)]
    assert found.table["packets"][: len(found)].sum() == 5000


def test_many_flows():
    found = read([sent(near_port=1 + n) for n in range(3000)])
    assert len(found.flows) == 3000
    assert found.flow == list(range(3000))


def test_times():
    found = read([sent(), sent(THERE, HERE, 5000, 4000), sent(), sent()])
    row = found.table[0]
    assert (row["first_s"], row["last_s"]) == (1.0, 4.0)
    assert row["began_s"].tolist() == [1.0, 2.0]
    assert row["heard_s"].tolist() == [4.0, 2.0]


def test_tallies():
    found = read([sent(), sent(near_port=1)])
    found.flows.tally("answers", np.array([0, 0, 1]), np.array([0, 1, 1], np.int8))
    assert found.table["answers"].tolist() == [[1, 1], [0, 1]]


class TestLocalEnd:
    def test_the_private_address(self):
        assert read([sent()]).local == [0]
        assert read([sent(THERE, HERE, 5000, 4000)]).local == [1]

    def test_the_host_with_more_peers(self):
        one, two = bytes((198, 18, 0, 1)), bytes((198, 18, 0, 2))
        found = read([sent(one, two), sent(ELSEWHERE, two)])
        assert found.local == [1, 1]

    def test_who_sent_first_where_nothing_else_tells(self):
        assert read([sent(THERE, ELSEWHERE)]).local == [0]

    def test_it_is_told_where_that_is_a_guess(self):
        assert read([sent(THERE, ELSEWHERE)]).ends.guessed.tolist() == [True]
        assert read([sent()]).ends.guessed.tolist() == [False]
        assert marked([(sent(THERE, ELSEWHERE), True)] * 3 + [(sent(), False)]).ends.guessed.tolist() == [False, False]

    def test_marks_of_the_file_go_first(self):
        """This machine has a public address; its peers are private (a VPN)."""
        found = marked([(sent(THERE, HERE, 5000, 4000), True), (sent(), False)] * 3)
        assert found.local == [0]
        assert found.flows.link_directions.tolist() == [3, 3]

    def test_marks_that_contradict_themselves_do_not_count(self):
        """A router sees what it forwards twice."""
        found = marked([(sent(), True), (sent(), False)] * 3)
        assert found.local == [0]

    def test_marks_of_one_kind_alone_do_not_count(self):
        """Some programs mark every packet as received."""
        found = marked([(sent(), False), (sent(THERE, HERE, 5000, 4000), False)] * 3)
        assert found.local == [0]

    def test_who_sent_first_in_most_flows(self):
        """One flow's first packet came from the far end: a late check, say."""
        begun = [sent(THERE, ELSEWHERE, port) for port in range(4000, 4003)]
        found = read([sent(ELSEWHERE, THERE, 5000, 4999), *begun])
        assert found.local == [1, 0, 0, 0]
        assert found.ends.guessed.all()

    def test_a_first_guess_during_the_scan(self):
        found = read([sent(), sent(THERE, HERE, 5000, 4001)])
        assert first_guess(found.table, False).tolist() == [0, 1]

    def test_a_first_guess_by_marks_and_by_hops(self):
        found = marked([(sent(THERE, HERE, 5000, 4000), True), (sent(), False)])
        assert first_guess(found.table, True).tolist() == [0]
        found = read([with_ttl(sent(THERE, ELSEWHERE), 52), sent(ELSEWHERE, THERE, 5000, 4000)])
        assert first_guess(found.table, False).tolist() == [1]

    def test_no_flows(self):
        assert local_ends(Flows().table[:0], False).ends.tolist() == []


NEAR, FAR = THERE, ELSEWHERE
"""Two public addresses: nothing in them tells which is here."""


def with_ttl(packet: bytes, ttl: int) -> bytes:
    """The packet as it is after routers counted it down."""
    place = 8 if packet[0] >> 4 == 4 else 7
    return packet[:place] + bytes((ttl,)) + packet[place + 1 :]


def exchange(near_ttls: list[int], far_ttls: list[int], near_port: int = 4000) -> list[bytes]:
    """A flow that the far end begins."""
    return [
        *(with_ttl(sent(FAR, NEAR, 5000, near_port), ttl) for ttl in far_ttls),
        *(with_ttl(sent(NEAR, FAR, near_port, 5000), ttl) for ttl in near_ttls),
    ]


class TestHops:
    @pytest.mark.parametrize(
        ("near", "far"),
        [
            ([64], [52]),  # a phone and a server
            ([64], [63]),  # one router between
            ([128], [52]),
            ([64, 255, 255], [52]),  # an iPhone's first packet, and those of a connected socket
            ([63], [52]),  # recorded behind a router: nearer by 11
            ([127], [58, 60]),
        ],
    )
    def test_the_end_that_recorded_it(self, near: list[int], far: list[int]):
        ends = read(exchange(near, far)).ends
        assert ends.ends.tolist() == [1]
        assert ends.assumed.tolist() == [True]
        assert ends.guessed.tolist() == [False]

    @pytest.mark.parametrize(
        ("near", "far"), [([64], [64]), ([62], [62]), ([63], [62]), ([64], []), ([63], [])], ids=repr
    )
    def test_nothing_is_told_by_equal_hops_or_by_one_end_alone(self, near: list[int], far: list[int]):
        assert read(exchange(near, far)).ends.guessed.tolist() == [True]

    def test_packets_of_one_end_alone_that_came_far_are_the_others(self):
        """A recording of what was received alone."""
        ends = read(exchange([52, 52], [])).ends
        assert ends.ends.tolist() == [1]
        assert ends.assumed.tolist() == [True]

    def test_most_flows_of_a_host_tell_of_all_of_them(self):
        """To a relay without a hop nothing is told; to two peers it is."""
        relay = [sent(bytes((198, 18, 0, 9)), NEAR, 3478, 4000), sent(NEAR, bytes((198, 18, 0, 9)), 4000, 3478)]
        found = read([*relay, *exchange([64], [63]), *exchange([64], [63], 4001), *exchange([64, 63], [64], 4002)])
        assert found.local == [1, 1, 1, 1]

    def test_a_recording_made_beside_the_public_address(self):
        """No router translates the private one, and it is some hops away."""
        ends = read([with_ttl(sent(), 52), with_ttl(sent(THERE, HERE, 5000, 4000), 64)]).ends
        assert ends.ends.tolist() == [1]
        assert ends.assumed.tolist() == [True]

    def test_the_private_address_goes_before_the_nearer_end(self):
        """A recording made at a provider, near to a server."""
        ends = read([with_ttl(sent(), 60), with_ttl(sent(THERE, HERE, 5000, 4000), 63)]).ends
        assert ends.ends.tolist() == [0]
        assert not ends.assumed.any()

    def test_version_6(self):
        one, other = (bytes((0x20, 1, 0xD, 0xB8)) + bytes(11) + bytes((last,)) for last in (1, 2))
        found = read([with_ttl(sent(one, other, 5000, 4000), 60), with_ttl(sent(other, one), 255)])
        assert found.local == [1]
        assert found.table["hops"].tolist() == [[4, 0]]


def checks(near_s: float, far_s: float, near: bytes = NEAR, far: bytes = FAR, repeated_s: float = 0.0) -> list[Packet]:
    """Checks of both ends at the near one, each answered after so long; the near end's are repeated before."""
    head = b"\x21\x12\xa4\x42" + bytes(11)
    asked, heard = sent(near, far, 4000, 5000), sent(far, near, 5000, 4000)
    made = [
        (1.0, asked, b"\x00\x01\x00\x00" + head + b"\x01"),
        (1.0 + far_s, heard, b"\x01\x01\x00\x00" + head + b"\x01"),
        (0.5, heard, b"\x00\x01\x00\x00" + head + b"\x02"),
        (0.5 + near_s, asked, b"\x01\x01\x00\x00" + head + b"\x02"),
    ]
    if repeated_s:
        made.append((1.0 + repeated_s, asked, made[0][2]))
    return [
        Packet(round(1e9 * at_s), udp_packet(ip[12:16], ip[16:20], *struct.unpack("!HH", ip[20:24]), data))
        for at_s, ip, data in sorted(made, key=lambda one: one[0])
    ]


class TestAnswers:
    """A network that sets the hops anew, or a tunnel, leaves nothing to count."""

    @pytest.mark.parametrize("far", [FAR, HERE], ids=["public", "private"])
    @pytest.mark.parametrize(
        ("near_s", "far_s", "repeated_s"), [(0.0002, 0.03, 0.0), (0.008, 0.04, 0.0), (0.0002, 0.06, 0.0599)]
    )
    def test_who_answers_at_once_recorded_it(self, far: bytes, near_s: float, far_s: float, repeated_s: float):
        scan = scan_capture(io.BytesIO(pcap_file(checks(near_s, far_s, NEAR, far, repeated_s), "raw", nano=True)))
        ends = flow_ends(scan)
        assert ends.local.tolist() == [1]
        assert (ends.guessed.tolist(), ends.assumed.tolist()) == ([False], [True])

    @pytest.mark.parametrize(("near_s", "far_s"), [(0.02, 0.03), (0.0001, 0.0009)])
    def test_answers_after_about_as_long_tell_nothing(self, near_s: float, far_s: float):
        scan = scan_capture(io.BytesIO(pcap_file(checks(near_s, far_s, NEAR, HERE), "raw", nano=True)))
        assert flow_ends(scan).local.tolist() == [0]


def words(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Addresses as `Packets` has them."""
    packed = [ip_address(text).packed for text in texts]
    both = [bytes(10) + b"\xff\xff" + one if len(one) == 4 else one for one in packed]
    high = np.array([int.from_bytes(one[:8], "big") for one in both], np.uint64)
    return high, np.array([int.from_bytes(one[8:], "big") for one in both], np.uint64)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("10.0.0.1", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.255.1", True),
        ("100.64.0.1", True),
        ("100.128.0.1", False),
        ("169.254.9.9", True),
        ("8.8.8.8", False),
        ("fd00::1", True),
        ("fe80::1", True),
        ("2001:db8::1", False),
        ("ff02::1", False),
    ],
)
def test_private_addresses(text: str, private: bool):
    assert is_private(*words([text])).tolist() == [private]


@pytest.mark.parametrize(
    ("text", "group"),
    [("224.0.0.1", True), ("255.255.255.255", True), ("223.1.1.1", False), ("ff02::1", True), ("fe80::1", False)],
)
def test_group_addresses(text: str, group: bool):
    assert are_multicast(*words([text])).tolist() == [group]


@pytest.mark.parametrize("text", ["203.0.113.9", "2001:db8::9"])
def test_an_address_comes_back(text: str):
    (high,), (low,) = words([text])
    assert endpoint_address(int(high), int(low), 77) == Address(ip_address(text).packed, 77)


def test_keys_are_the_same_both_ways_and_tell_ports_apart():
    high, low = words(["203.0.113.9", "198.51.100.1"])
    one = endpoint_hash(high, low, np.array([1, 2]))
    assert flow_key(one[:1], one[1:]).tolist() == flow_key(one[1:], one[:1]).tolist()
    other = endpoint_hash(high, low, np.array([1, 3]))
    assert flow_key(one[:1], one[1:]).tolist() != flow_key(other[:1], other[1:]).tolist()


def test_hosts_are_the_same_whatever_the_port():
    found = read([sent(), sent(near_port=9), tcp_segment(THERE, HERE, 5000, 4000, 1, b"x")])
    assert len({*host_pair_hash(found.table["high"], found.table["low"]).tolist()}) == 1
