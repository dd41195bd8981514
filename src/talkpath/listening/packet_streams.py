"""Where the packets come from: a file that is played, a pipe, or a network interface (Linux).

Each is a stream of capture file bytes. An interface's packets are written as pcapng, so that all three are read alike.

The kernel's filter for a packet socket: UDP, and TCP at ports that carry calls (classic BPF, linux/filter.h).

A socket of type SOCK_DGRAM sees packets from their IP header on.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO, NamedTuple, Protocol

from talkpath.errors import UsageError
from talkpath.probe.local_network import ANY_INTERFACE, own_addresses
from talkpath.serving.supervisor import await_ready
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.error_queue import IS_LINUX
from talkpath.wire.pcap.write import Writer

SO_ATTACH_FILTER = 26
TCP_PORTS = (80, 443, 554, 1080, 3128, 3478, 3479, 4244, 5060, 5061, 5222, 5223, 5228, 5242, 5349, 8080, 8801)
"""Web and TURN over TCP and TLS, SIP, RTSP (which is no call), proxies, and what WhatsApp and Zoom use."""
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


PLAYED_BYTES, PIPE_BYTES = 1 << 10, 1 << 16
GZIP_HEAD, ZLIB_GZIP = b"\x1f\x8b", 31
GATHER_PACKETS_S = 0.004
"""Packets are gathered for so long, so that one that wakes this process brings others with it."""
IP_PROTOCOLS = (0x0800, 0x86DD)
EVERY_PROTOCOL = 0x0003
OUTGOING_PACKET = 4
TIMESTAMP_NS_OPTION = 35  # SO_TIMESTAMPNS and its control message
RECEIVE_BUFFER_BYTES = 1 << 22  # bytes that wait in the kernel
MOST_PACKETS = 512  # of one read
LOOK_AGAIN_S = 0.1  # after the machine's addresses were read

NEEDS_RIGHT = (
    "Watching an interface takes the right CAP_NET_RAW, which this process does not have: run it with sudo, or let "
    "another program capture: sudo tcpdump -i {name} -U -w - udp | talkpath listen -"
)
NEEDS_LINUX = (
    "Watching an interface works on Linux alone; elsewhere let another program capture: "
    "dumpcap -i {name} -w - | talkpath listen -"
)


class PacketStream(Protocol):
    """A capture file that goes on. `is_live`: its packets come as time goes by, not as fast as they can be read."""

    is_live: bool

    def read(self, wait_s: float) -> bytes | None:
        """Return bytes; b"" at the end, None where none came within that time."""

    def plain(self, data: bytes) -> bytes:
        """Return bytes that `read` gave, uncompressed."""

    def close(self) -> None:
        """Let go of the file or the socket."""


class PlayedFile:
    """A capture file, also a gzipped one, read as fast as it is taken."""

    is_live = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unzip: UnzippedStream | None = None
        self._begun = False

    def read(self, wait_s: float) -> bytes | None:
        """See `PacketStream`."""
        return self._file.read(PLAYED_BYTES)

    def plain(self, data: bytes) -> bytes:
        """See `PacketStream`."""
        if not self._begun:
            self._begun, self._unzip = True, UnzippedStream() if data[:2] == GZIP_HEAD else None
        return data if self._unzip is None else self._unzip.feed(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class UnzippedStream:
    """Unpacks a gzip file piece by piece, as far as it is whole."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(ZLIB_GZIP)

    def feed(self, data: bytes) -> bytes:
        """Return what these bytes unpack to; nothing behind damage."""
        out = b""
        with suppress(zlib.error):
            while data:
                out += self._member.decompress(data)
                data = self._member.unused_data
                if data:
                    self._member = zlib.decompressobj(ZLIB_GZIP)
        return out


class PipeStream:
    """What another program captures: a pipe or a socket, by its file descriptor."""

    is_live = True

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, wait_s: float) -> bytes | None:
        """See `PacketStream`."""
        if not _has_data(self._descriptor, wait_s):
            return None
        time.sleep(GATHER_PACKETS_S)
        return os.read(self._descriptor, PIPE_BYTES)

    def plain(self, data: bytes) -> bytes:
        """See `PacketStream`."""
        return data

    def close(self) -> None:
        """Nothing: the descriptor is the caller's."""


class InterfaceStream:
    """The packets of a network interface, or of all ("any")."""

    is_live = True

    def __init__(self, name: str) -> None:
        self._file = BytesIO()
        self._writer = Writer(self._file)
        self.left_out: Address | None = None
        """Packets from and to this address are left out: control traffic is no part of what is listened to."""
        self._socket, self._own, self._looked_at_s = _packet_socket(name), own_addresses(), time.monotonic()

    def read(self, wait_s: float) -> bytes | None:
        """See `PacketStream`."""
        if not self._file.tell():
            if not _has_data(self._socket.fileno(), wait_s):
                return None
            time.sleep(GATHER_PACKETS_S)
        for time_ns, data in self._packets():
            self._writer.packet(time_ns, data, len(data), self._heading(data))
        out = self._file.getvalue()
        self._file.seek(0)
        self._file.truncate()
        return out or None

    def plain(self, data: bytes) -> bytes:
        """See `PacketStream`."""
        return data

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _is_left_out(self, packet: bytes) -> bool:
        return self.left_out is not None and self.left_out.packed in _packet_ends(packet)

    def _heading(self, packet: bytes) -> int:
        """Return 1 for a packet that this machine sent, 0 for one that it received, -1 for one that it forwards."""
        ends = _packet_ends(packet)
        if self._own.isdisjoint(ends) and time.monotonic() > self._looked_at_s + LOOK_AGAIN_S:
            # An interface came, or got another address: of no packet may one's own end be guessed then.
            self._own, self._looked_at_s = self._own | own_addresses(), time.monotonic()
        source, target = (end in self._own for end in ends)
        return -1 if source == target else int(source)

    def _packets(self) -> Iterator[tuple[int, bytes]]:
        """Yield (time in ns since 1970, IP packet). On the loopback interface each packet is seen twice: as it leaves
        and as it comes."""
        for _ in range(MOST_PACKETS):
            try:
                data, notes, _, (name, protocol, kind, *_) = self._socket.recvmsg(1 << 16, 256)
            except BlockingIOError:
                return
            except OSError as error:
                raise UsageError(f"The interface cannot be watched any more ({error.strerror}).") from None
            if (
                protocol in IP_PROTOCOLS
                and not (name == "lo" and kind == OUTGOING_PACKET)
                and not self._is_left_out(data)
            ):
                yield _time_ns(notes), data


def _packet_ends(packet: bytes) -> tuple[bytes, bytes]:
    """Return the addresses that an IP packet comes from and goes to."""
    return (packet[8:24], packet[24:40]) if packet[:1] >= b"\x60" else (packet[12:16], packet[16:20])


def _has_data(descriptor: int, wait_s: float) -> bool:
    return bool(await_ready([descriptor], (), max(wait_s, 0.0))[0])


def _time_ns(notes: list[tuple[int, int, bytes]]) -> int:
    for level, kind, value in notes:
        if (level, kind) == (socket.SOL_SOCKET, TIMESTAMP_NS_OPTION) and len(value) >= 16:
            seconds, rest = struct.unpack_from("qq", value)
            return int(seconds) * 1_000_000_000 + int(rest)
    return time.time_ns()


def _packet_socket(name: str) -> socket.socket:
    if not IS_LINUX:
        raise UsageError(NEEDS_LINUX.format(name=name))
    try:
        end = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(EVERY_PROTOCOL) if name == ANY_INTERFACE else 0
        )
    except PermissionError:
        raise UsageError(NEEDS_RIGHT.format(name=name)) from None
    try:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        end.setsockopt(socket.SOL_SOCKET, TIMESTAMP_NS_OPTION, 1)
        attach_filter(end, filter_program())
        if name != ANY_INTERFACE:
            end.bind((name, EVERY_PROTOCOL))
        with suppress(BlockingIOError):
            while True:  # what came before the filter was there
                end.recv(1)
    except OSError as error:
        end.close()
        known = ", ".join(sorted(each for _, each in socket.if_nameindex()))
        raise UsageError(f"The interface {name} cannot be watched ({error.strerror}); there are: {known}.") from None
    return end
