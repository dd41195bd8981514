"""Which addresses of a host are called that somebody offers or lists: public ones, looked up once.

Contract: a name is looked up once, and the address found is what is called: a name that changes its address in between
leads nowhere else. Private addresses are refused, so that nobody makes an observatory, or the device of a person who
checks, look into its own network.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from talkpath.probe.invite_link import InviteLink

NOT_PUBLIC_NETWORKS: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "::/96",
            "::ffff:0:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "2001::/32",
            "2002::/16",
            "5f00::/16",
            "fec0::/10",
        ),
    )
)
"""IPv6 addresses that stand for an IPv4 address, which may be private (IPv4-compatible, translated, NAT64, Teredo,
6to4), and ranges of one site or one operator that Python calls global (segment routing, RFC 9602; site-local)."""


def resolve_host(host: str) -> list[str]:
    """The addresses of a host, in the system's order; empty where there are none. May wait for the name service."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(_unmapped(ipaddress.ip_address(str(sockaddr[0])))) for *_, sockaddr in found))


def is_public(address: str) -> bool:
    """Whether an address literal belongs to the public internet."""
    try:
        literal = _unmapped(ipaddress.ip_address(address))
    except ValueError:
        return False
    refused = any(literal in network for network in NOT_PUBLIC_NETWORKS if network.version == literal.version)
    return literal.is_global and not literal.is_multicast and not refused


def _unmapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4-mapped address as the IPv4 address that it is."""
    return getattr(address, "ipv4_mapped", None) or address


@dataclass(slots=True)
class ListedAddresses:
    """The addresses that one check may connect to because a list names them: public ones, each for one server only.

    Whoever signs a list names the addresses, so these may be those of the person's own network, or of somebody who
    never agreed to be called. `private` is for a list of one's own network: then every address will do.
    """

    private: bool = False
    lookup: Callable[[str], list[str]] = resolve_host
    used: set[str] = field(default_factory=set)

    def link(self, link: InviteLink, family: int) -> InviteLink | None:
        """The link with the addresses that it may be tried at, one of each wanted family; None where there is none."""
        if self.private:
            return link
        first: dict[int, str] = {}
        for address in self.lookup(link.host):
            version = 6 if ":" in address else 4
            if family in (0, version) and address not in self.used and is_public(address):
                first.setdefault(version, address)
        chosen = tuple(first.values())
        self.used.update(chosen)
        return replace(link, addresses=chosen) if chosen else None
