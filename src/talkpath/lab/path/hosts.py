"""Defines the lab's hosts and their addresses (RFC 5737, RFC 3849, RFC 2544: reserved for documentation and tests,
never routed).

`LAB_PROBE` is the only host at the near end of the network under test; all others are at the far end. The addresses
belong to no person, so they may be printed.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from talkpath.wire.ip.address import Address


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host: its name, and one address of each family."""

    name: str
    ipv4: str
    ipv6: str

    def address(self, family: int, port: int) -> Address:
        """Returns its address of that family (4 or 6), with a port."""
        return Address(self.packed()[0 if family == 4 else 1], port)

    def packed(self) -> tuple[bytes, bytes]:
        """Its addresses in network order: 4 bytes and 16 bytes."""
        return ipaddress.IPv4Address(self.ipv4).packed, ipaddress.IPv6Address(self.ipv6).packed


LAB_PROBE = LabHost("probe", "192.0.2.10", "2001:db8:1::10")
RESPONDER = LabHost("responder", "198.51.100.10", "2001:db8:2::10")
MESSENGER = LabHost("messenger", "203.0.113.10", "2001:db8:3::10")
LAB_REFERENCE = LabHost("reference", "203.0.113.20", "2001:db8:4::20")

HOSTS = (LAB_PROBE, RESPONDER, MESSENGER, LAB_REFERENCE)

# Behind the hosts': the apps' own (restrictor/app_networks), then those that routers answer from (routers.py).
PREFIXES_V4 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "192.168.0.0/24", "100.64.0.0/24")
PREFIXES_V6 = ("2001:db8::/32", "fd00::/64")
