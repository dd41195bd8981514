"""A packet that a recording holds twice counts once; what a sender sends again, and what a network doubles, stays."""

from __future__ import annotations

import io
import struct

import pytest

from factories.packets.capture_files import Packet, pcap_file, udp_packet
from factories.packets.shaped_calls import CALLER, SERVER
from talkpath.capture.scan import Scan, scan_capture

LONG_FILE = 3000
"""So many packets, each once, stand before and behind the others."""


def numbered(payload: bytes, number: int, left: int = 64) -> bytes:
    data = bytearray(udp_packet(CALLER, SERVER, 4000, 5000, payload))
    struct.pack_into("!H", data, 4, number)
    data[8] = left
    return bytes(data)


def counted(packets: list[tuple[float, bytes]]) -> int:
    """How many packets the flows have."""
    file = pcap_file([Packet(round(at_s * 1e9) + 10**9, data) for at_s, data in packets], "raw", nano=True)
    return int(scan_capture(io.BytesIO(file)).flows.table["packets"].sum())


@pytest.mark.parametrize("around", [0, LONG_FILE], ids=["short", "long"])
@pytest.mark.parametrize(
    ("number", "other", "after_s", "kept"),
    [
        (7, 7, 0.001, 1),
        (7, 7, 0.3, 1),
        (7, 8, 0.001, 2),
        (0, 0, 0.001, 1),
        (0, 0, 0.1, 2),
        (7, 7, 0.6, 2),
    ],
    ids=["again", "late", "sent again at once", "without a number", "sent again", "another with that number"],
)
def test_a_copy_has_the_same_number_or_comes_at_once(number: int, other: int, after_s: float, kept: int, around: int):
    """In a file of many packets too, and with a hop less left."""
    first = [(0.002 * at, numbered(struct.pack("!QQ", at, at * at), number)) for at in range(200)]
    second = [(at_s + after_s, numbered(data[28:], other, 63)) for at_s, data in first]
    others = [
        (at / 1000, udp_packet(CALLER, SERVER, 4001, 5000, bytes(4) + struct.pack("!I", at)))
        for at in range(2 * around)
    ]
    assert counted(sorted([*first, *second, *others], key=lambda one: one[0])) == 200 * kept + 2 * around


def test_what_a_network_doubles_stays():
    sent = [(0.02 * at, numbered(struct.pack("!QQ", at, at), at + 1)) for at in range(100)]
    assert counted(sorted([*sent, *sent[::10]], key=lambda one: one[0])) == 110


def test_a_copy_in_the_next_block_is_one():
    scan = Scan()
    for at_ns in (10**9, 10**9 + 1000):
        file = pcap_file([Packet(at_ns, numbered(bytes(20), 7))], "raw", nano=True)
        for block in scan.reader.blocks(io.BytesIO(file)):
            scan.feed(block)
    assert int(scan.flows.table["packets"].sum()) == 1
