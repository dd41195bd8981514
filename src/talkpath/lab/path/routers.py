"""Simulates the routers of a path: where a packet's hop limit (TTL) is exhausted, and how the router there answers.

Contract: deterministic, without a clock; packets are offered in order of time. Routers are numbered from the user's
end. The restrictor is on the link before router `at`: on the way up a packet passes it after router `at - 1`, on the
way down after router `at`. A router where the hop limit is exhausted answers with ICMP Time Exceeded (RFC 792, RFC 4443
section 3.3), which quotes the packet as its sender sent it, since a translator in between would restore it.
"""

from __future__ import annotations

from dataclasses import dataclass

from talkpath.errors import UsageError, in_place_of
from talkpath.lab.parameters import Setting, read_settings, split_settings
from talkpath.lab.path.link import Bucket
from talkpath.wire.ip.address import Address
from talkpath.wire.ip.packets import IPV4_BYTES, IPV6_BYTES, Icmp, build_icmp, parse_icmp, parse_ip

MAX_PATH_ROUTERS = 16
ROUTERS = Setting("routers", "routers", "between the two ends", 4.0, 1, MAX_PATH_ROUTERS, whole=True)
AT = Setting("at", "router", "before which the restrictor is; 0: the middle", 0.0, 0, MAX_PATH_ROUTERS + 1, whole=True)
REWRITES = Setting(
    "rewrites", "router", "that resets the hop limit of every packet; 0: none", 0.0, 0, MAX_PATH_ROUTERS, whole=True
)
ICMP_PER_S = Setting("icmp_per_s", "messages/s", "each router sends at most; 0: as many as asked", 0.0, 0, 10_000)
QUOTED = Setting("quoted", "bytes", "of a packet behind its IP header that a router quotes", 8.0, 8, 1200, whole=True)

HOPS = 64  # the hop limit that a rewriting router sets
ICMP_MESSAGE_BYTES = 1000.0  # size of one message in the token bucket that limits a router's rate
ICMP_BURST = 6
EXCEEDED_IN_TRANSIT = {4: (11, 0), 6: (3, 0)}  # type and code of Time Exceeded
FIRST_BLOCK = {4: ("192.168.0.1", "100.64.0.1", "203.0.113.{}"), 6: ("fd00::1", "2001:db8:64::1", "2001:db8:ff::{:x}")}


@dataclass(frozen=True, slots=True)
class RouterPath:
    """Settings of the routers between the two ends. `at` is 1 to `routers` + 1; the last means before the far host."""

    routers: int
    at: int
    silent: frozenset[int] = frozenset()
    rewrites: int = 0
    icmp_per_s: float = 0.0
    quoted: int = 8

    @classmethod
    def parse(cls, text: str) -> RouterPath:
        """Parses `routers=4,at=2,silent=1+3`; `UsageError` says what is wrong."""
        name, given = split_settings(f"path,{text}" if text else "path", "path")
        silent = frozenset(_router_numbers(given.pop("silent", "")))
        values = read_settings(given, (ROUTERS, AT, REWRITES, ICMP_PER_S, QUOTED), name)
        routers = int(values.get("routers", ROUTERS.default))  # type: ignore[arg-type]
        at = int(values.get("at", 0)) or routers // 2 + 1
        if at > routers + 1 or any(not 1 <= number <= routers for number in silent):
            raise UsageError(f"A path of {routers} routers has those from 1 to {routers}; `at` may be one more.")
        rewrites, quoted = int(values.get("rewrites", 0)), int(values.get("quoted", QUOTED.default))  # type: ignore[arg-type]
        return cls(routers, at, silent, rewrites, float(values.get("icmp_per_s", 0.0)), quoted)


class Routers:
    """The state of the routers in one run."""

    def __init__(self, path: RouterPath) -> None:
        self.path = path
        rate_kbps = path.icmp_per_s * ICMP_MESSAGE_BYTES / 125.0
        self._rates = [Bucket(rate_kbps, ICMP_BURST * ICMP_MESSAGE_BYTES) for _ in range(path.routers + 1)]

    def last(self, up: bool, packet: bytes) -> int | None:
        """Returns the router at which the packet's hop limit is exhausted; None where it reaches the other end."""
        path, left = self.path, packet[8] if packet[0] >> 4 == 4 else packet[7]
        order = range(1, path.routers + 1) if up else range(path.routers, 0, -1)
        for router in order:
            left -= 1
            if left <= 0:
                return router
            if router == path.rewrites:
                left = HOPS
        return None

    def share(self, up: bool, last: int | None) -> float:
        """Returns the share of the path that is before that router."""
        if last is None:
            return 1.0
        steps = last if up else self.path.routers + 1 - last
        return steps / (self.path.routers + 1)

    def answer(self, now_s: float, router: int, packet: bytes) -> bytes | None:
        """Returns the ICMP message that the router sends to the packet's sender; None where it sends none."""
        path = self.path
        if router in path.silent or (path.icmp_per_s and not self._rates[router].take(now_s, int(ICMP_MESSAGE_BYTES))):
            return None
        version = packet[0] >> 4
        head, source = (IPV4_BYTES, packet[12:16]) if version == 4 else (IPV6_BYTES, packet[8:24])
        message = Icmp(*EXCEEDED_IN_TRANSIT[version], payload=packet[: head + path.quoted])
        return build_icmp(router_address(router, version), Address(source), message)


def router_address(router: int, version: int) -> Address:
    """Returns the address of a router: private for the first, shared (RFC 6598) for the second, public for others."""
    home, provider, public = FIRST_BLOCK[version]
    return Address.of(home if router == 1 else provider if router == 2 else public.format(100 + router))


def quoted_flow(packet: bytes) -> tuple[str, bytes]:
    """Reads a router's message: (kind of router, flow of the quoted packet as `split_udp` gives it)."""
    ip = parse_ip(packet)
    quoted = parse_icmp(ip).payload
    return ip.source.kind, quoted[12:24] if quoted[0] >> 4 == 4 else quoted[8:44]


def _router_numbers(text: str) -> list[int]:
    with in_place_of(ValueError, UsageError("path: silent takes numbers of routers, as silent=1+3.")):
        return [int(part) for part in text.split("+") if part]
