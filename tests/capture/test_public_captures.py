"""The public captures: a row a file; and again as strangers, in other carriers, over IPv6, in pieces, over TCP."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import score_captures
from factories.packets.altered_captures import Strangers, facts_of, findings_in, ip_packets, udp_ends, udp_payload
from factories.packets.capture_files import (
    CARRIERS,
    Packet,
    ip_fragments,
    pcap_file,
    pcapng_file,
    tcp_segment,
    udp_packet,
    with_extension_headers,
)

Remake = Callable[[list[Packet]], list[Packet]]


def truth(captures: Path, required: bool = False) -> list[dict[str, Any]]:
    entries = json.loads((captures / "truth.json").read_text())
    return [one for one in entries if not required or any(c["score"] == "required" for c in one.get("calls", []))]


def wrong(entry: dict[str, Any], found: Any) -> list[str]:
    return [text for fine, text in score_captures.judged_calls(entry, found) if not fine]


@pytest.mark.long
def test_every_file_is_judged_right(captures: Path):
    assert score_captures.main(captures) == 0


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_strangers_are_named_right_too(captures: Path, seed: int):
    """Other addresses, other ports, no file name, any carrier."""
    carriers = list(CARRIERS)
    for number, entry in enumerate(truth(captures)):
        strangers = Strangers(seed)
        packets = [strangers.packet(one) for one in ip_packets(captures / entry["file"])]
        assert not wrong(entry, facts_of(packets, carriers[(number + seed) % len(carriers)])), entry["file"]


def six(packet: Packet) -> Packet:
    ends = udp_ends(packet)
    if ends is None:
        return packet
    prefix = b"\x20\x01\x0d\xb8" + bytes(8)
    source, source_port, target, target_port = ends
    return Packet(
        packet.time_ns, udp_packet(prefix + source, prefix + target, source_port, target_port, udp_payload(packet))
    )


def extended(packets: list[Packet]) -> list[Packet]:
    made = [(one, six(one)) for one in packets]
    return [one if same is one else Packet(one.time_ns, with_extension_headers(same.data)) for one, same in made]


def pieces(size: int, version: int) -> Remake:
    def remake(packets: list[Packet]) -> list[Packet]:
        out = []
        for number, packet in enumerate(packets):
            if udp_ends(packet) is None:
                out.append(packet)
                continue
            whole = six(packet) if version == 6 else packet
            out += [Packet(whole.time_ns + at, part) for at, part in enumerate(ip_fragments(whole.data, size, number))]
        return out

    return remake


def channels(packets: list[Packet]) -> list[Packet]:
    """Everything inside TURN's ChannelData."""
    out = []
    for packet in packets:
        ends = udp_ends(packet)
        if ends is None:
            out.append(packet)
            continue
        data = udp_payload(packet)
        wrapped = struct.pack("!HH", 0x4001, len(data)) + data
        out.append(Packet(packet.time_ns, udp_packet(ends[0], ends[2], ends[1], ends[3], wrapped)))
    return out


def framed(packets: list[Packet]) -> list[Packet]:
    """Everything over TCP as RFC 4571 has it, some segments cut in two, some swapped."""
    return over_tcp(packets, lambda data: struct.pack("!H", len(data)) + data)


def channels_framed(packets: list[Packet]) -> list[Packet]:
    """Everything inside TURN's ChannelData over TCP, padded to four bytes (RFC 8656 section 12.5)."""
    return over_tcp(packets, lambda data: struct.pack("!HH", 0x4001, len(data)) + data + bytes(-len(data) % 4))


def over_tcp(packets: list[Packet], frame: Callable[[bytes], bytes]) -> list[Packet]:
    sequence: dict[object, int] = {}
    out = []
    for number, packet in enumerate(packets):
        ends = udp_ends(packet)
        if ends is None:
            out.append(packet)
            continue
        stream = frame(udp_payload(packet))
        at = sequence.get(ends, 77)
        sequence[ends] = at + len(stream)
        cut = len(stream) // 2 if number % 5 == 0 else len(stream)
        parts = [(at, stream[:cut]), (at + cut, stream[cut:])]
        if number % 10 == 0:
            parts.reverse()
        route = ends[0], ends[2], ends[1], ends[3]
        out += [
            Packet(packet.time_ns + i, tcp_segment(*route, place, part))
            for i, (place, part) in enumerate(parts)
            if part
        ]
    return out


@pytest.mark.parametrize(
    ("name", "remake"),
    [
        ("ipv6", lambda packets: [six(one) for one in packets]),
        ("extension headers", extended),
        ("fragments", pieces(64, 4)),
        ("fragments of ipv6", pieces(120, 6)),
    ],
)
def test_other_ip(captures: Path, name: str, remake: Remake):
    for entry in truth(captures, required=True):
        assert not wrong(entry, facts_of(remake(ip_packets(captures / entry["file"])))), entry["file"]


@pytest.mark.parametrize(("remake", "protocol"), [(channels, "udp"), (framed, "tcp"), (channels_framed, "tcp")])
def test_inside_turn_and_over_tcp(captures: Path, remake: Remake, protocol: str):
    """Named right. The path is now a server's."""
    for entry in truth(captures, required=True):
        found = facts_of(remake(ip_packets(captures / entry["file"])))
        wanted = [(one["app"], set(one["media"])) for one in entry["calls"]]
        assert [(one.app, set(one.media)) for one in found.calls] == wanted, entry["file"]
        assert {one.protocol for one in found.calls} == {protocol}


def test_containers_change_nothing(captures: Path):
    packets = ip_packets(captures / "whatsapp_login_call.pcap")
    whole = findings_in(pcap_file(packets, "raw", nano=True))
    for data in (
        pcap_file(packets, "qinq", ">", True),
        pcapng_file(packets, ("ethernet", "sll2", "ppi"), ">"),
        pcapng_file(packets),
    ):
        assert findings_in(data) == whole
