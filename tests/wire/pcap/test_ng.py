"""The pcapng reader skips damage a limited number of times, in time that does not grow with the damage."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import pytest

from factories.packets.capture_files import Packet, pcapng_file, udp_packet
from talkpath.wire.pcap import Unread, frame_blocks
from talkpath.wire.pcap.ng import MAX_RECOVERIES, MOST_INTERFACES, InterfaceDescription

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
INTERFACE = struct.pack("<IIHHII", 1, 20, 101, 0, 0, 20)
PAYLOAD = udp_packet(bytes((192, 0, 2, 1)), bytes((198, 51, 100, 2)), 4000, 5000, b"payload!")


def block(number: int) -> bytes:
    """A packet at second `number`."""
    ticks = 1_700_000_000_000_000 + number * 1_000_000
    size = 32 + len(PAYLOAD)
    head = struct.pack("<IIIIIII", 6, size, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(PAYLOAD), len(PAYLOAD))
    return head + PAYLOAD + struct.pack("<I", size)


def damaged(number: int) -> bytes:
    """The same with a length that cannot be."""
    return block(number)[:4] + b"\xff\xff\xff\xff" + block(number)[8:]


def read(data: bytes, block_bytes: int = 1 << 16) -> tuple[int, Unread]:
    """How many frames a file has, and what could not be read."""
    unread = Unread()
    return sum(len(frames) for frames in frame_blocks(io.BytesIO(data), unread, block_bytes)), unread


def test_damage_between_packets_is_skipped():
    made = SECTION + INTERFACE + block(0) + damaged(1) + block(2) + block(3)
    count, unread = read(made)
    assert count == 3
    assert unread["damaged block"] == 1
    assert unread["bytes skipped after damage"] == len(damaged(1))


@pytest.mark.parametrize("block_bytes", [1 << 16, 1 << 20])
def test_alternating_damage_takes_little_time(block_bytes: int):
    made = SECTION + INTERFACE + b"".join(block(2 * n) + damaged(2 * n + 1) for n in range(10_000))
    begin = time.process_time()
    count, unread = read(made, block_bytes)
    assert time.process_time() - begin < 5
    assert MAX_RECOVERIES <= count <= MAX_RECOVERIES + 2
    assert unread["damaged block"] == MAX_RECOVERIES + 1
    assert unread["bytes skipped after damage"] > len(made) // 2


def test_packets_behind_damage_over_a_boundary_of_blocks_are_found():
    """The junk is longer than what is in memory at once; blocks stay aligned to four bytes."""
    junk = damaged(1) + b"\xff" * 400_000
    count, unread = read(SECTION + INTERFACE + block(0) + junk + block(2) * 5, 1 << 16)
    assert count == 6
    assert unread["damaged block"] == 1


def test_many_small_sections_are_read_as_one_block():
    made = b"".join(SECTION + INTERFACE + block(number) for number in range(2000))
    unread = Unread()
    found = list(frame_blocks(io.BytesIO(made), unread, 1 << 20))
    assert sum(map(len, found)) == 2000
    assert len(found) < 20
    assert not unread


def test_sections_of_both_byte_orders():
    packet = Packet(1_700_000_000_000_000_000, PAYLOAD)
    made = pcapng_file([packet], ("raw",), "<") + pcapng_file([packet], ("raw",), ">")
    assert read(made) == (2, Unread())


def test_interfaces_beyond_the_limit_are_counted():
    made = SECTION + INTERFACE * (MOST_INTERFACES + 7) + block(0)
    count, unread = read(made)
    assert count == 1
    assert unread == {"interface of too many": 7}


def test_packets_of_interfaces_that_were_not_declared():
    count, unread = read(SECTION + block(0))
    assert count == 0
    assert unread == {"packet of an unknown interface": 1}


@pytest.mark.parametrize(
    ("base", "digits", "ticks", "time_ns"),
    [
        (10, 6, 1_500_000, 1_500_000_000),
        (10, 9, 1_500_000_000, 1_500_000_000),
        (10, 3, 1500, 1_500_000_000),
        (10, 12, 1_500_000_000_000, 1_500_000_000),
        (2, 10, 1536, 1_500_000_000),
        (2, 0, 3, 3_000_000_000),
    ],
)
def test_resolutions(base: int, digits: int, ticks: int, time_ns: int):
    assert InterfaceDescription(1, base, digits).nanoseconds(np.array([ticks], np.uint64)).tolist() == [time_ns]
    assert InterfaceDescription(1, base, digits, 7).nanoseconds(np.array([ticks], np.uint64)).tolist() == [
        time_ns + 7 * 10**9
    ]
