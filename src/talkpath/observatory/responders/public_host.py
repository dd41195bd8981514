"""Whether a host that somebody offers is one that everybody can reach, and which address of it is called.

Contract: a name is looked up once, and the address found is what is called: a name that changes its address in between
leads nowhere else. Private addresses are refused, so that nobody makes the observatory look into its own network.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

TRANSLATED: Final = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 addresses that stand for an IPv4 address, which may be private."""


def resolve(host: str) -> list[str]:
    """The addresses of a host, IPv4 first; empty where there are none. May wait for the name service."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    addresses = dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)
    return sorted(addresses, key=lambda address: ":" in address)


def is_public(address: str) -> bool:
    """Whether an address literal belongs to the public internet."""
    try:
        literal = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(literal, ipaddress.IPv6Address) and literal.ipv4_mapped:
        literal = literal.ipv4_mapped
    translated = any(literal in network for network in TRANSLATED if network.version == literal.version)
    return literal.is_global and not literal.is_multicast and not translated
