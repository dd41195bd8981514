"""Packets offered to a network in virtual time, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from talkpath.lab.backgrounds import parse_background
from talkpath.lab.network import LabNetwork
from talkpath.wire.ip import packets as ip
from talkpath.wire.ip.address import Address

ENDS = {4: ("192.0.2.10", "198.51.100.10"), 6: ("2001:db8:1::10", "2001:db8:2::10")}
POOL = Random(1).randbytes(100_003)

Fates = dict[tuple[int, int], list[tuple[float, bytes]]]


def lab_network(text: str, seed: int = 1) -> LabNetwork:
    return LabNetwork(parse_background(text), (), seed)


def timed_packets(direction: str = "up", flows: int = 8, seconds: float = 10, pps: float = 50, **more):
    """(now_s, flow, number, packet) in order of time: flows side by side, half a millisecond apart.

    `fill(flow, number)` is the payload.
    """
    family, size, fill = more.get("family", 4), more.get("size", 160), more.get("fill")
    writers = [udp_writer(direction, 40000 + flow, family) for flow in range(flows)]
    numbers = range(round(seconds * pps))
    for now_s, flow, number in sorted((n / pps + f * 0.0005, f, n) for n in numbers for f in range(flows)):
        start = (1000 * number + 7 * flow) % (len(POOL) - size)
        payload = fill(flow, number) if fill else POOL[start : start + size]
        yield now_s, flow, number, writers[flow].packet(payload)


def udp_writer(direction: str, port: int, family: int = 4) -> ip.UdpWriter:
    near, far = ENDS[family]
    ends = Address.of(near, port), Address.of(far, 3478)
    return ip.UdpWriter(*(ends if direction == "up" else reversed(ends)))


def play_packets(net: LabNetwork, direction: str = "up", **how) -> Fates:
    """What became of each (flow, number)."""
    return {
        (flow, number): [(at_s - now_s, copy) for at_s, copy in net.offer(now_s, direction, packet)]
        for now_s, flow, number, packet in timed_packets(direction, **how)
    }


def lost_share(fates: Fates) -> float:
    return sum(not copies for copies in fates.values()) / len(fates)


def by_flow(fates: Fates) -> dict[int, list[bool]]:
    """For each flow, whether each packet was lost."""
    found: dict[int, list[bool]] = defaultdict(list)
    for (flow, _), copies in fates.items():
        found[flow].append(not copies)
    return found


def play_from(net: LabNetwork, start_s: float, direction: str, flows: int) -> Fates:
    return {
        (flow, number): net.offer(start_s + now_s, direction, packet)
        for now_s, flow, number, packet in timed_packets(direction, flows=flows, seconds=0.5)
    }
