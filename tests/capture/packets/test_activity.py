"""Packets a second: of UDP by flow and direction, of TCP what comes."""

from __future__ import annotations

import io

import numpy as np
import pytest

from factories.packets.capture_files import Packet, pcap_file, tcp_segment, udp_packet
from factories.packets.shaped_calls import CALLER, SERVER, packets_of, shaped_call
from talkpath.capture.packets import activity
from talkpath.capture.packets.activity import TCP_INSIDE, TCP_OUTSIDE
from talkpath.capture.scan import Scan, scan_capture
from talkpath.wire.pcap import frame_blocks

INSIDE = bytes((192, 168, 1, 7))


def scanned(packets: list[tuple[float, bytes]]) -> Scan:
    return scan_capture(
        io.BytesIO(pcap_file([Packet(round(at_s * 1e9) + 10**9, data) for at_s, data in packets], "raw", nano=True))
    )


def cells(found: Scan, flow: int) -> dict[int, list[int]]:
    """Packets (first end, second end) of a flow by second."""
    out: dict[int, list[int]] = {}
    for number, second, packets in found.activity.cells().tolist():
        if number == flow:
            before = out.get(second, [0, 0])
            out[second] = [before[0] + packets[0], before[1] + packets[1]]
    return out


def up(size: int = 20) -> bytes:
    return udp_packet(CALLER, SERVER, 4000, 5000, bytes(size))


def down(size: int = 20) -> bytes:
    return udp_packet(SERVER, CALLER, 5000, 4000, bytes(size))


def test_udp_by_second_and_direction():
    found = scanned([(0.0, up()), (0.5, up()), (0.6, down()), (1.1, down()), (3.0, up())])
    assert cells(found, 0) == {0: [2, 1], 1: [0, 1], 3: [1, 0]}


def test_tcp_only_what_comes():
    segments = [
        (0.1, tcp_segment(CALLER, SERVER, 4000, 443, 1, b"x")),
        (0.2, tcp_segment(SERVER, CALLER, 443, 4000, 1, b"y")),
    ]
    found = scanned([*segments, (1.2, tcp_segment(SERVER, CALLER, 443, 4000, 2, b"z"))])
    assert cells(found, TCP_OUTSIDE) == {0: [1, 1], 1: [1, 1]}


def test_tcp_between_private_addresses_is_counted_apart():
    found = scanned(
        [(0.0, tcp_segment(INSIDE, CALLER, 80, 4000, 1, b"x")), (0.0, tcp_segment(CALLER, INSIDE, 4000, 80, 1, b"x"))]
    )
    assert cells(found, TCP_INSIDE) == {0: [1, 1]}
    assert cells(found, TCP_OUTSIDE) == {}


def test_tcp_that_may_be_a_call_is_a_flow_of_its_own():
    """It is counted once, and no longer among the rest."""
    ping = b"\x00\x14\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
    found = scanned([(0.02 * n, tcp_segment(SERVER, CALLER, 3478, 4000, 1 + 22 * n, ping)) for n in range(20)])
    own, rest = (sum(packets[0] for packets in cells(found, flow).values()) for flow in (0, TCP_OUTSIDE))
    assert own > 0
    assert own + rest == 20


@pytest.mark.parametrize("inside", [True, False])
def test_what_was_received(inside: bool):
    local_network = udp_packet(INSIDE, CALLER, 5000, 4000, bytes(9))
    group = udp_packet(SERVER, bytes((239, 1, 1, 1)), 5000, 4000, bytes(9))
    found = scanned([(0.0, up()), (0.1, down()), (0.2, down()), (0.3, local_network), (0.4, group)])
    count = len(found.flows)
    assert count == 3
    private = np.array([False, True, False])
    groups = np.array([False, False, True])
    local = np.array([0, 1, 1], np.int8)
    received = found.activity.received(local, private, groups, inside=inside)
    by_flow = {int(flow): int(packets[0]) for flow, _, packets in received.tolist()}
    assert by_flow == ({0: 2, 1: 1} if inside else {0: 2})


def test_a_call_counts_no_packet_twice():
    packets = packets_of(shaped_call("webrtc/dtls/voice", 200))
    found = scan_capture(io.BytesIO(pcap_file(packets, nano=True)))
    assert int(found.activity.cells()["packets"].sum()) == len(packets)


def test_seconds_have_a_limit_and_what_exceeds_it_is_counted(monkeypatch: pytest.MonkeyPatch):
    """Times far apart: a second for each packet."""
    monkeypatch.setattr(activity, "MOST_ACTIVITY_CELLS", 50)
    monkeypatch.setattr(activity, "MOST_TCP_SECONDS", 50)
    apart = [(10.0 * number, tcp_segment(SERVER, CALLER, 443, 4000, number, b"x")) for number in range(100)]
    found = scanned(apart)
    assert len(cells(found, TCP_OUTSIDE)) == 51
    assert found.unread == {"TCP packet not counted by second: too many seconds": 49}
    many = Scan()
    for begin in range(3):
        data = pcap_file([Packet((begin * 100 + n) * 10**10, up()) for n in range(100)], "raw", nano=True)
        for frames in frame_blocks(io.BytesIO(data), many.unread):
            many.feed(many.reader.block(frames))
    assert len(many.activity.cells()) == 100
    assert many.unread == {"packet not counted by second: too many seconds of flows": 200}
