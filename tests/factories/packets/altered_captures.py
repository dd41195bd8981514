"""Captures made over: other addresses and ports, other carriers, a worse network."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from factories.packets.capture_files import Packet, pcap_file
from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.measure.call import Findings
from talkpath.wire.pcap import Unread, frame_blocks
from talkpath.wire.pcap.link import ip_header_offsets

UDP, TCP = 17, 6


def ip_packets(path: Path) -> list[Packet]:
    """The IP packets of a capture, in its order."""
    found = []
    with path.open("rb", buffering=0) as file:
        for frames in frame_blocks(file, Unread()):
            for row, at in enumerate(ip_header_offsets(frames, Unread()).tolist()):
                if at >= 0:
                    end = int(frames.start[row] + frames.captured[row])
                    found.append(Packet(int(frames.time_ns[row]), _without_padding(bytes(frames.data[at:end]))))
    return found


def _without_padding(packet: bytes) -> bytes:
    """Without what a frame has behind its packet."""
    if packet[0] >> 4 == 4:
        (size,) = struct.unpack_from("!H", packet, 2)
        return packet[: size or None]
    return packet[: 40 + struct.unpack_from("!H", packet, 4)[0]]


def findings_in(data: bytes) -> Findings:
    """What `capture` finds in the bytes of a file."""
    return measure_calls(scan_capture(io.BytesIO(data))).findings


def facts_of(packets: list[Packet], carrier: str = "raw") -> Findings:
    """What it finds in these packets."""
    return findings_in(pcap_file(packets, carrier, nano=True))


class Strangers:
    """Replaces addresses and ports, each always by the same other one."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._addresses: dict[bytes, bytes] = {}
        ports = list(range(1, 65536))
        self._rng.shuffle(ports)
        self._ports = [0, *ports]

    def address(self, packed: bytes) -> bytes:
        """A made-up one; multicast stays multicast."""
        if packed[0] >= 224:
            return packed
        if packed not in self._addresses:
            first = 0x20 if len(packed) == 16 else self._rng.choice((23, 45, 77, 98, 151, 203))
            self._addresses[packed] = bytes((first,)) + self._rng.randbytes(len(packed) - 1)
        return self._addresses[packed]

    def packet(self, packet: Packet) -> Packet:
        """The same packet between others."""
        data = bytearray(packet.data)
        if data[0] >> 4 == 4:
            at, protocol, ends = (data[0] & 15) * 4, data[9], ((12, 16), (16, 20))
        else:
            at, protocol, ends = 40, data[6], ((8, 24), (24, 40))
        for begin, end in ends:
            data[begin:end] = self.address(bytes(data[begin:end]))
        if protocol in (UDP, TCP) and len(data) >= at + 4:
            source, target = struct.unpack_from("!HH", data, at)
            struct.pack_into("!HH", data, at, self._ports[source], self._ports[target])
        return Packet(packet.time_ns, bytes(data))


def udp_ends(packet: Packet) -> tuple[bytes, int, bytes, int] | None:
    """(source, port, target, port) of an IPv4 UDP packet."""
    data = packet.data
    if data[0] >> 4 != 4 or data[9] != UDP or len(data) < 28:
        return None
    at = (data[0] & 15) * 4
    return data[12:16], *struct.unpack_from("!H", data, at), data[16:20], *struct.unpack_from("!H", data, at + 2)


def udp_payload(packet: Packet) -> bytes:
    """The UDP payload of an IPv4 packet."""
    return packet.data[(packet.data[0] & 15) * 4 + 8 :]


def is_rtp(packet: Packet, local: bytes, inbound: bool) -> bool:
    """RTP from or to the local address, by its first bytes."""
    ends = udp_ends(packet)
    if ends is None or (ends[2] if inbound else ends[0]) != local:
        return False
    data = udp_payload(packet)
    return len(data) >= 12 and data[0] >> 6 == 2 and not 192 <= data[1] <= 223


def without_packets(packets: list[Packet], fate: Callable[[Packet], bool]) -> list[Packet]:
    """All but those that `fate` is true of."""
    return [packet for packet in packets if not fate(packet)]


def held_back(packets: list[Packet], which: Callable[[Packet], bool], begin_s: float, seconds: float) -> list[Packet]:
    """Packets of that kind that would come within the span come when it ends, in their order."""
    zero = packets[0].time_ns
    begin, end = zero + int(begin_s * 1e9), zero + int((begin_s + seconds) * 1e9)
    out = []
    for packet in packets:
        late = which(packet) and begin <= packet.time_ns < end
        out.append(Packet(end, packet.data) if late else packet)
    return sorted(out, key=lambda packet: packet.time_ns)


def jittered_packets(packets: list[Packet], which: Callable[[Packet], bool], ms: float, seed: int) -> list[Packet]:
    """Each packet of that kind later by 0 to `ms`."""
    rng = random.Random(seed)
    out = [
        Packet(packet.time_ns + int(rng.uniform(0, ms) * 1e6), packet.data) if which(packet) else packet
        for packet in packets
    ]
    return sorted(out, key=lambda packet: packet.time_ns)


def seconds_of(packets: list[Packet]) -> Iterator[float]:
    """Seconds since the first."""
    return ((packet.time_ns - packets[0].time_ns) / 1e9 for packet in packets)
