"""The kernel's filter, run here by an interpreter of the same instructions, which shares no code with it."""

from __future__ import annotations

import struct

import pytest

from factories.packets.capture_files import ip_fragments, tcp_segment, udp_packet
from talkpath.listening.packet_streams import filter_program

FOUR, SIX = (bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7))), (bytes((32,)) * 16, bytes((33,)) * 16)


def tcp_over(ends: tuple[bytes, bytes], near: int, far: int) -> bytes:
    four = tcp_segment(*FOUR, near, far, 1, b"x")
    if ends is FOUR:
        return four
    return struct.pack("!IHBB", 6 << 28, len(four) - 20, 6, 64) + b"".join(ends) + four[20:]


def passes(packet: bytes) -> bool:
    accumulator = index = at = 0
    instructions = filter_program()
    while True:
        code, then, otherwise, value = instructions[at]
        at += 1
        try:
            match code:
                case 0x30:
                    accumulator = packet[value]
                case 0x28:
                    (accumulator,) = struct.unpack_from("!H", packet, value)
                case 0x48:
                    (accumulator,) = struct.unpack_from("!H", packet, index + value)
                case 0xB1:
                    index = 4 * (packet[value] & 15)
                case 0x54:
                    accumulator &= value
                case 0x15:
                    at += then if accumulator == value else otherwise
                case 0x45:
                    at += then if accumulator & value else otherwise
                case 0x06:
                    return value > 0
                case _:
                    raise AssertionError(f"no instruction: {code:#x}")
        except (IndexError, struct.error):
            return False  # as the kernel does for a load beyond the packet


@pytest.mark.parametrize("ends", [FOUR, SIX], ids=["IPv4", "IPv6"])
def test_udp_passes_and_tcp_at_the_ports_of_calls(ends: tuple[bytes, bytes]):
    assert passes(udp_packet(*ends, 40000, 50000, b"x"))
    for near, far in ((40000, 443), (443, 40000), (5222, 40000), (40000, 80), (40000, 1080), (8080, 40000)):
        assert passes(tcp_over(ends, near, far)), (near, far)
    for near, far in ((40000, 22), (6881, 40000), (40000, 8081)):
        assert not passes(tcp_over(ends, near, far)), (near, far)


def test_fragments_of_udp_pass():
    assert all(map(passes, ip_fragments(udp_packet(*FOUR, 40000, 50000, bytes(900)), 400, 7)))
    assert all(map(passes, ip_fragments(udp_packet(*SIX, 40000, 50000, bytes(900)), 400, 7)))
    assert not any(map(passes, ip_fragments(tcp_segment(*FOUR, 40000, 443, 1, bytes(900)), 400, 7)[1:]))


def test_what_is_neither_does_not_pass():
    icmp = bytearray(udp_packet(*FOUR, 1, 2, b"x"))
    icmp[9] = 1
    assert not passes(bytes(icmp))
    assert not passes(b"\x00\x01\x08\x00" + bytes(30)), "ARP"
    assert not passes(b"")
    assert not passes(tcp_over(SIX, 40000, 22))


def test_a_longer_ipv4_header_moves_the_ports():
    packet = bytearray(tcp_segment(*FOUR, 40000, 443, 1, b"x"))
    packet[0] = 0x46
    packet[20:20] = bytes(4)
    assert passes(bytes(packet))
