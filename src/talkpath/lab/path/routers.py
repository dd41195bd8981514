"""The routers of a path: where a packet runs out of hops, and what the router there says of it.

Contract: pure and seeded by nothing, knows no clock; packets are offered in order of time. Routers are numbered from
the user's end. The restrictor stands on the wire before router `at`: on the way up a packet meets it on leaving router
`at - 1`, on the way down on leaving router `at`. A router whose packet has no hop left answers with Time Exceeded
(RFC 792, RFC 4443 section 3.3) that quotes it as its sender sent it: a translator in between would put it back so.
"""

from __future__ import annotations

from dataclasses import dataclass

from talkpath.errors import UsageError
from talkpath.lab.parameters import Parameter, read, split
from talkpath.lab.path.link import Bucket
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import IPV4_BYTES, IPV6_BYTES, Icmp, build_icmp, parse_icmp, parse_ip

MOST = 16
ROUTERS = Parameter("routers", "routers", "between the two ends", 4.0, 1, MOST, whole=True)
AT = Parameter("at", "router", "before which the restrictor stands; 0: the middle", 0.0, 0, MOST + 1, whole=True)
REWRITES = Parameter("rewrites", "router", "that gives every packet its hops anew; 0: none", 0.0, 0, MOST, whole=True)
ICMP_PER_S = Parameter("icmp_per_s", "messages/s", "each router sends at most; 0: as many as asked", 0.0, 0, 10_000)
QUOTED = Parameter("quoted", "bytes", "of a packet behind its IP header that a router quotes", 8.0, 8, 1200, whole=True)

HOPS = 64  # what a rewriting router sets
ICMP_BYTES = 1000.0  # what one message counts in the bucket of a router's rate
ICMP_BURST = 6
SAID_IN_TRANSIT = {4: (11, 0), 6: (3, 0)}  # type and code of Time Exceeded
FIRST_BLOCK = {4: ("192.168.0.1", "100.64.0.1", "203.0.113.{}"), 6: ("fd00::1", "2001:db8:64::1", "2001:db8:ff::{:x}")}


@dataclass(frozen=True, slots=True)
class Path:
    """What lies between the ends. `at` lies in 1 to `routers` + 1; the last means: before the far host."""

    routers: int
    at: int
    silent: frozenset[int] = frozenset()
    rewrites: int = 0
    icmp_per_s: float = 0.0
    quoted: int = 8

    @classmethod
    def parse(cls, text: str) -> Path:
        """From `routers=4,at=2,silent=1+3`; `UsageError` says what does not fit."""
        name, given = split(f"path,{text}" if text else "path", "path")
        silent = frozenset(_numbers(given.pop("silent", "")))
        values = read(given, (ROUTERS, AT, REWRITES, ICMP_PER_S, QUOTED), name)
        routers = int(values.get("routers", ROUTERS.default))  # type: ignore[arg-type]
        at = int(values.get("at", 0)) or routers // 2 + 1
        if at > routers + 1 or any(not 1 <= one <= routers for one in silent):
            raise UsageError(f"A path of {routers} routers has those from 1 to {routers}; `at` may be one more.")
        rewrites, quoted = int(values.get("rewrites", 0)), int(values.get("quoted", QUOTED.default))  # type: ignore[arg-type]
        return cls(routers, at, silent, rewrites, float(values.get("icmp_per_s", 0.0)), quoted)


class Hops:
    """The routers at work."""

    def __init__(self, path: Path) -> None:
        self.path = path
        rate_kbps = path.icmp_per_s * ICMP_BYTES / 125.0
        self._rates = [Bucket(rate_kbps, ICMP_BURST * ICMP_BYTES) for _ in range(path.routers + 1)]

    def last(self, up: bool, packet: bytes) -> int | None:
        """The router at which the packet's hops run out; None where they last to the other end."""
        path, left = self.path, packet[8] if packet[0] >> 4 == 4 else packet[7]
        way = range(1, path.routers + 1) if up else range(path.routers, 0, -1)
        for router in way:
            left -= 1
            if left <= 0:
                return router
            if router == path.rewrites:
                left = HOPS
        return None

    def meets_restrictor(self, up: bool, last: int | None) -> bool:
        """Does a packet that ends at router `last` come past the restrictor?"""
        return last is None or (last >= self.path.at if up else last < self.path.at)

    def share(self, up: bool, last: int | None) -> float:
        """How much of the way lies before that router."""
        if last is None:
            return 1.0
        steps = last if up else self.path.routers + 1 - last
        return steps / (self.path.routers + 1)

    def answer(self, now_s: float, router: int, packet: bytes) -> bytes | None:
        """What the router sends back to the packet's sender; None where it says nothing."""
        path = self.path
        if router in path.silent or (path.icmp_per_s and not self._rates[router].take(now_s, int(ICMP_BYTES))):
            return None
        version = packet[0] >> 4
        head, source = (IPV4_BYTES, packet[12:16]) if version == 4 else (IPV6_BYTES, packet[8:24])
        message = Icmp(*SAID_IN_TRANSIT[version], payload=packet[: head + path.quoted])
        return build_icmp(router_address(router, version), Address(source), message)


def router_address(router: int, version: int) -> Address:
    """Of the lab's own: the first as at somebody's home, the second as inside a provider, the others public."""
    home, provider, public = FIRST_BLOCK[version]
    return Address.of(home if router == 1 else provider if router == 2 else public.format(100 + router))


def exceeded(packet: bytes) -> tuple[str, bytes]:
    """Of a router's message: the router's kind, and the flow of the packet that it quotes (as `split_udp` has it)."""
    ip = parse_ip(packet)
    quoted = parse_icmp(ip).payload
    return ip.source.kind, quoted[12:24] if quoted[0] >> 4 == 4 else quoted[8:44]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split("+") if part]
    except ValueError:
        raise UsageError("path: silent takes numbers of routers, as silent=1+3.") from None
