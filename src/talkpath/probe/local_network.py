"""What this machine's own network is like: is a tunnel in the way, has the network changed under the check?

Which interface holds the local address is asked of the system (`ifaddr`), on any of them; where that cannot be told, or
the interface has a title of no known kind, the answer is None.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import ifaddr

from talkpath.wire.ip.address import Address

ANY_INTERFACE = "any"
ANYWHERE = ("192.0.2.1", "2001:db8::1")  # addresses for documentation (RFC 5737, RFC 3849): a default route covers them
TUNNEL_NAMES = ("tun", "tap", "wg", "ppp", "ipsec", "utun", "nordlynx", "proton", "tailscale", "zt")
TITLE_WORD = re.compile(r"[a-z0-9]+(?:-fi)?")
TUNNEL_WORDS = {
    "vpn",
    "tunnel",
    "tap",
    "wintun",
    "wireguard",
    "openvpn",
    "anyconnect",
    "fortinet",
    "fortissl",
    "pangp",
    "zerotier",
    "tailscale",
    "nordlynx",
    "protonvpn",
    "ppp",
    "l2tp",
    "pptp",
    "ikev2",
    "sstp",
    "juniper",
}
PLAIN_WORDS = {
    "ethernet",
    "wi-fi",
    "wifi",
    "wireless",
    "802",
    "gbe",
    "lan",
    "bluetooth",
    "loopback",
    "mobile",
    "lte",
    "5g",
}
"""In the titles of drivers on Windows; a tunnel's word counts more, as in "PANGP Virtual Ethernet Adapter"."""


def local_address(far: Address) -> Address | None:
    """The address that packets to `far` leave from; None without a route. Nothing is sent."""
    family = socket.AF_INET if far.family == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as end:
            end.connect((far.reveal()[0], far.port or 9))
            return Address.of(str(end.getsockname()[0]))
    except OSError:
        return None


def is_offline() -> bool:
    """Whether this device has no route to anywhere, by IPv4 or IPv6: the kernel knows, and nothing is sent."""
    return all(local_address(Address.of(far)) is None for far in ANYWHERE)


def own_addresses() -> frozenset[bytes]:
    """The addresses of this machine on all its interfaces, as bytes; none where that cannot be told."""
    return frozenset(ip_address(text).packed for adapter in _network_adapters() or () for text in _ip_texts(adapter))


def through_tunnel(local: Address) -> bool | None:
    """Does the interface with this address look like a VPN's? None where that cannot be told."""
    adapters = _network_adapters()
    if adapters is None:
        return None
    found = [each for each in adapters if any(ip_address(text).packed == local.packed for text in _ip_texts(each))]
    told = [_is_tunnel(str(each.name), str(each.nice_name)) for each in found]
    return True if True in told else None if not told or None in told else False


def _network_adapters() -> list[ifaddr.Adapter] | None:
    """The machine's interfaces; None where programs are told nothing of them, as on Android."""
    try:
        return list(ifaddr.get_adapters())
    except OSError:
        return None


def _ip_texts(adapter: ifaddr.Adapter) -> Iterator[str]:
    return (one.ip if isinstance(one.ip, str) else one.ip[0] for one in adapter.ips)


def _is_tunnel(name: str, title: str) -> bool | None:
    """By the system's name of the interface; on Windows, whose names are numbers, by the title of its driver."""
    if name.startswith("{"):  # a GUID
        words = set(TITLE_WORD.findall(title.casefold()))
        return True if words & TUNNEL_WORDS else False if words & PLAIN_WORDS else None
    return name.startswith(TUNNEL_NAMES) or Path(f"/sys/class/net/{name}/tun_flags").exists()
