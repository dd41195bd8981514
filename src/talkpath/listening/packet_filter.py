"""The kernel's filter for a packet socket: UDP, and TCP at ports that carry calls (classic BPF, linux/filter.h).

A socket of type SOCK_DGRAM sees packets from their IP header on.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

SO_ATTACH_FILTER = 26
TCP_PORTS = (80, 443, 554, 3478, 3479, 4244, 5060, 5061, 5222, 5223, 5228, 5242, 5349, 8801)
"""Web and TURN over TCP and TLS, SIP, RTSP (which is no call), and what WhatsApp and Zoom use."""
WHOLE_PACKET = 0x40000
LOAD_BYTE, LOAD_HALF, LOAD_HALF_INDEXED, LOAD_HEADER_LENGTH, AND_CONSTANT = 0x30, 0x28, 0x48, 0xB1, 0x54
JUMP_EQUAL, JUMP_ANY_BIT, JUMP_ALWAYS, RETURN_LENGTH = 0x15, 0x45, 0x05, 0x06
FRAGMENT_OFFSET = 0x1FFF


class Instruction(NamedTuple):
    """One instruction: `then` and `otherwise` are how many instructions a jump leaves out."""

    code: int
    then: int
    otherwise: int
    value: int


def filter_program() -> list[Instruction]:
    """Return the filter's instructions."""
    four, six = _ipv4_program(), _ipv6_program()
    return [
        Instruction(LOAD_BYTE, 0, 0, 0),
        Instruction(AND_CONSTANT, 0, 0, 0xF0),
        Instruction(JUMP_EQUAL, 0, len(four), 0x40),
        *four,
        Instruction(JUMP_EQUAL, 0, len(six), 0x60),
        *six,
        Instruction(RETURN_LENGTH, 0, 0, 0),
    ]


def _ipv4_program() -> list[Instruction]:
    """IPv4: UDP and its fragments; TCP by port, but its fragments are not looked into."""
    ports = [Instruction(LOAD_HEADER_LENGTH, 0, 0, 0), *_port_program(LOAD_HALF_INDEXED, 0)]
    return [
        Instruction(LOAD_BYTE, 0, 0, 9),
        Instruction(JUMP_EQUAL, 0, 1, socket.IPPROTO_UDP),
        Instruction(RETURN_LENGTH, 0, 0, WHOLE_PACKET),
        Instruction(JUMP_EQUAL, 1, 0, socket.IPPROTO_TCP),
        Instruction(RETURN_LENGTH, 0, 0, 0),
        Instruction(LOAD_HALF, 0, 0, 6),
        Instruction(JUMP_ANY_BIT, 0, 1, FRAGMENT_OFFSET),
        Instruction(RETURN_LENGTH, 0, 0, 0),
        *ports,
    ]


def _ipv6_program() -> list[Instruction]:
    """IPv6: UDP, also behind a fragment header; TCP by port."""
    return [
        Instruction(LOAD_BYTE, 0, 0, 6),
        Instruction(JUMP_EQUAL, 0, 1, socket.IPPROTO_UDP),
        Instruction(RETURN_LENGTH, 0, 0, WHOLE_PACKET),
        Instruction(JUMP_EQUAL, 0, 3, socket.IPPROTO_FRAGMENT),
        Instruction(LOAD_BYTE, 0, 0, 40),
        Instruction(JUMP_EQUAL, 0, 1, socket.IPPROTO_UDP),
        Instruction(RETURN_LENGTH, 0, 0, WHOLE_PACKET),
        Instruction(JUMP_EQUAL, 1, 0, socket.IPPROTO_TCP),
        Instruction(RETURN_LENGTH, 0, 0, 0),
        *_port_program(LOAD_HALF, 40),
    ]


def _port_program(load: int, at: int) -> list[Instruction]:
    """Take a packet whose source or target port is one of TCP_PORTS; drop others."""
    out: list[Instruction] = []
    for column in (0, 2):
        out.append(Instruction(load, 0, 0, at + column))
        for place, port in enumerate(TCP_PORTS):
            left = len(TCP_PORTS) - 1 - place
            after = left + (1 if column else len(TCP_PORTS) + 2)
            out.append(Instruction(JUMP_EQUAL, after, 0, port))
    return [*out, Instruction(RETURN_LENGTH, 0, 0, 0), Instruction(RETURN_LENGTH, 0, 0, WHOLE_PACKET)]


def attach_filter(end: socket.socket, instructions: Sequence[Instruction]) -> None:
    """Let a socket take only packets that pass. `OSError` where the kernel refuses."""
    packed = b"".join(struct.pack("HBBI", *one) for one in instructions)
    code = ctypes.create_string_buffer(packed)
    fprog = struct.pack("HL", len(instructions), ctypes.addressof(code))
    end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
