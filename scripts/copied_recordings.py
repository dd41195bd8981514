"""Recordings that are copied: calls of captures, and calls made from the shapes of app files, packet by packet."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any

from talkpath.api.recording import Recording, read_capture
from talkpath.apps import shapes
from talkpath.measure.call import Call
from talkpath.verdict.bases.call_outcome import call_outcome
from talkpath.wire.pcap import Unread, frame_blocks
from talkpath.wire.pcap.link import ip_header_offsets

TALK_S, TALK_PACKETS = 5.0, 50
CALLER, SERVER, MADE_PACKETS, MADE_S = bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7)), 3000, 45.0
COOKIE = b"\x21\x12\xa4\x42"

Ends = tuple[bytes, int, bytes, int]


@dataclass(frozen=True, slots=True)
class Packet:
    """One IP packet: `heading` is "in" or "out" if it belongs to the call, else ""; `media`: may it be media?"""

    at_s: float
    data: bytes
    heading: str = ""
    media: bool = False


@dataclass(frozen=True, slots=True)
class Original:
    """A recording and the call in it that is copied: when both ends talked."""

    name: str
    packets: list[Packet]
    begin_s: float
    end_s: float
    has_rtp: bool

    def moment(self, share: float) -> float:
        """Return a moment of the talk."""
        return self.begin_s + share * (self.end_s - self.begin_s)


def ip_packets(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (time in ns, IP packet)."""
    with path.open("rb", buffering=0) as file:
        for frames in frame_blocks(file, Unread()):
            for row, at in enumerate(ip_header_offsets(frames, Unread()).tolist()):
                if at >= 0:
                    end = int(frames.start[row] + frames.captured[row])
                    yield int(frames.time_ns[row]), bytes(frames.data[at:end])


def packet_ends(data: bytes) -> Ends | None:
    """Return (source, port, target, port) of a UDP packet."""
    if data[0] >> 4 == 4 and data[9] == 17:
        at = (data[0] & 15) * 4
        source, target = data[12:16], data[16:20]
    elif data[0] >> 4 == 6 and data[6] == 17:
        at, source, target = 40, data[8:24], data[24:40]
    else:
        return None
    ports = struct.unpack_from("!HH", data, at)
    return source, ports[0], target, ports[1]


def udp_payload(data: bytes) -> bytes:
    """Return the UDP payload."""
    return data[(data[0] & 15) * 4 + 8 :] if data[0] >> 4 == 4 else data[48:]


def is_rtp(data: bytes) -> bool:
    """Is it RTP by its first bytes?"""
    inside = udp_payload(data)
    return len(inside) >= 12 and inside[0] >> 6 == 2 and not 192 <= inside[1] <= 223


def cooked_pcap(packets: list[Packet]) -> io.BytesIO:
    """Return a pcap file of Linux cooked frames, which say what was sent and what was received."""
    own = {
        found[0] if one.heading == "out" else found[2]
        for one in packets
        if one.heading and (found := packet_ends(one.data))
    }
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 113)]
    for packet in packets:
        second, rest = divmod(round(packet.at_s * 1e9) + 1_700_000_000_000_000_000, 1_000_000_000)
        four, found = packet.data[0] >> 4 == 4, packet_ends(packet.data)
        size = int.from_bytes(packet.data[2:4]) if four else 40 + int.from_bytes(packet.data[4:6])
        sent = packet.heading == "out" or (found is not None and not packet.heading and found[0] in own)
        frame = struct.pack("!HHH8xH", 4 if sent else 0, 1, 6, 0x0800 if four else 0x86DD) + packet.data
        out.append(struct.pack("<IIII", second, rest, len(frame), max(16 + size, len(frame))) + frame)
    return io.BytesIO(b"".join(out))


def original_calls(folder: Path) -> Iterator[Original]:
    """Yield the calls of a folder in which both ends talked long enough."""
    for path in sorted(folder.glob("*.pcap*")):
        recording = read_capture(path)
        for number, call in enumerate(recording.calls):
            if is_copied(call):
                yield original_call(path, recording, number)


def is_copied(call: Call) -> bool:
    """Is it a good call, long enough in both directions?"""
    talks = [
        [stream for stream in call.streams if stream.direction == direction and stream.medium]
        for direction in ("sent", "received")
    ]
    if call.duration_s < TALK_S or min(sum(stream.packets for stream in talk) for talk in talks) < TALK_PACKETS:
        return False
    return call_outcome(call).kind == "good"


def original_call(path: Path, recording: Recording, number: int) -> Original:
    """Return a call with the packets of its recording, without those of other calls in it."""
    call, flows = recording.calls[number], recording.measured.endpoints(number)
    near = {(_packed_address(one), other_port(one), _packed_address(far), other_port(far)) for one, far, _ in flows}
    begun_ns = recording.measured.begun_ns or 0
    packets = []
    for time_ns, data in ip_packets(path):
        found, at_s = packet_ends(data), (time_ns - begun_ns) / 1e9
        if not call.setup_s - 5 <= at_s <= call.control_end_s + 5:
            continue
        heading = "" if found is None else "out" if found in near else "in" if found[2:] + found[:2] in near else ""
        packets.append(Packet(at_s, data, heading, bool(heading) and _is_media(data, call)))
    both = [[s for s in call.streams if s.direction == way and s.medium] for way in ("sent", "received")]
    begin_s = max(min(stream.start_s for stream in streams) for streams in both)
    end_s = min(max(stream.start_s + stream.duration_s for stream in streams) for streams in both)
    return Original(
        f"{path.name} {number}", sorted(packets, key=lambda one: one.at_s), begin_s, end_s, _in_clear(packets)
    )


def _packed_address(address: Any) -> bytes:
    return ip_address(address.reveal()[0]).packed


def other_port(address: Any) -> int:
    """Return the port of an end."""
    return int(address.reveal()[1])


def _is_media(data: bytes, call: Call) -> bool:
    if all(stream.ssrc is not None for stream in call.streams if stream.medium):
        return is_rtp(data)
    return udp_payload(data)[4:8] != COOKIE


def _in_clear(packets: list[Packet]) -> bool:
    """Is nearly all media RTP that can be read as it is?"""
    media = [is_rtp(one.data) for one in packets if one.media]
    return sum(media) >= 0.9 * len(media)


def shaped_calls() -> Iterator[Original]:
    """Yield a call of every shape, with other traffic of the same host."""
    for arm, shape in shapes().items():
        rng = Random(f"{arm}")
        count = min(round(shape.packet_rate * MADE_S), MADE_PACKETS)
        schedule = shape.schedule(rng, count)
        packets = []
        for slot, data in zip(schedule.slots, shape.datagrams(schedule, bytes(32)), strict=True):
            if slot.retry_of is None:
                out = slot.direction == "up"
                at_s = slot.at_ms / 1000 + (0 if out else 0.03) + rng.uniform(0, 0.004)
                pair = (CALLER, SERVER, 40000, 3478) if out else (SERVER, CALLER, 3478, 40000)
                whole = udp_packet(*pair, data)
                packets.append(Packet(at_s, whole, "out" if out else "in", slot.stage == "media"))
        end_s = min(max(one.at_s for one in packets if one.media and one.heading == way) for way in ("in", "out"))
        packets = [one for one in packets if one.at_s <= end_s]
        packets += other_traffic(end_s, rng)
        packets.sort(key=lambda one: one.at_s)
        recording = read_capture(cooked_pcap(packets))
        (call,) = recording.calls
        if call_outcome(call).kind != "good":
            print(f"left out, {call_outcome(call)}: {arm}")  # noqa: T201
            continue
        talk = [one.at_s for one in packets if one.media]
        name = f"{arm.app}/{arm.variant}/{arm.medium}"
        yield Original(name, packets, talk[0] + 0.5, talk[-1] - 0.5, _in_clear(packets))


def udp_packet(source: bytes, target: bytes, source_port: int, target_port: int, data: bytes) -> bytes:
    """Return an IPv4 packet with UDP."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(data), 0, 0, 64, 17, 0)
    return head + source + target + struct.pack("!HHHH", source_port, target_port, 8 + len(data), 0) + data


def other_traffic(seconds: float, rng: Random) -> list[Packet]:
    """Return packets of another program, ten a second each way."""
    far = bytes((203, 0, 113, 9))
    return [
        Packet(at / 10 + (0.02 if back else 0), udp_packet(*ends_, rng.randbytes(60)))
        for at in range(round(seconds * 10))
        for back, ends_ in ((False, (CALLER, far, 50123, 8443)), (True, (far, CALLER, 8443, 50123)))
    ]
