"""Flows played through a restrictor, and what became of their packets."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from factories.packets.handmade_calls import CALLS, ip_packets_of, twin_flow
from talkpath.lab.path.link import DROP, PASS, RESPONDER
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.wire.ip import packets as ip
from talkpath.wire.ip.address import Address

STEP_S = 0.01


class Played:
    """Flows played side by side through rules: `fates[flow]` is [(direction, is it media, fate)]."""

    def __init__(self, *rules: str, seed: int = 1) -> None:
        self.restrictor = Restrictor([parse_rule(rule) for rule in rules], seed)
        self.fates: dict[object, list[tuple[str, bool, float]]] = defaultdict(list)

    def play(self, calls: dict[object, list], start_s: float = 0.0, **ends: int) -> Played:
        """Flow by flow in turns; each key is a flow of its own local port."""
        laid = {
            key: list(ip_packets_of(call, **{"port": 40000 + n, **ends})) for n, (key, call) in enumerate(calls.items())
        }
        for number in range(max(map(len, laid.values()))):
            for key, flow in laid.items():
                if number < len(flow):
                    way, packet, media = flow[number]
                    fate = self.restrictor.fate(start_s + number * STEP_S, way == "up", packet)
                    self.fates[key].append((way, media, fate))
        return self

    def dropped(self, key: object, way: str = "", media: bool | None = None) -> float:
        """The share of a flow's packets that were dropped."""
        asked = [f for w, m, f in self.fates[key] if way in ("", w) and media in (None, m)]
        return sum(fate == DROP for fate in asked) / len(asked)


def one_flow(name: str, count: int = 100, medium: str = "voice", seed: int = 1) -> list:
    return CALLS[name](Random(seed), count, medium) if name != "twin" else twin_flow(Random(seed), count, medium)


def all_of(count: int = 60, medium: str = "voice") -> dict:
    return {name: one_flow(name, count, medium) for name in (*CALLS, "twin")}


def probe_packets(port: int, payload: bytes, family: int = 4, host=RESPONDER) -> tuple[bytes, bytes, bytes]:
    """(UDP up, UDP down, TCP up) to one of the lab's hosts."""
    near = Address.of("192.0.2.10" if family == 4 else "2001:db8:1::10", 40000)
    far = Address.of(host.ipv4 if family == 4 else host.ipv6, port)
    segment = ip.Tcp(40000, port, 1, 1, 2, payload=payload)
    return ip.build_udp(near, far, payload), ip.build_udp(far, near, payload), ip.build_tcp(near, far, segment)


def what_passes(rule: str, port: int = 3478, payload: bytes = b"\x05random", family: int = 4, host=RESPONDER) -> str:
    """Which of UDP up, UDP down, TCP pass, as letters u, d, t."""
    restrictor = Restrictor([parse_rule(rule)], 1)
    fates = [restrictor.fate(n, n != 1, packet) for n, packet in enumerate(probe_packets(port, payload, family, host))]
    return "".join(letter for letter, fate in zip("udt", fates, strict=True) if fate == PASS)
