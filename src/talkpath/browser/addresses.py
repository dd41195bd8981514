"""Functions on addresses: this machine's own, to which the relay may send, and the network prefix of any."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

PREFIX_BYTES = 8  # of IPv6: a device changes the rest by itself (RFC 8981)
ANY_ADDRESSES = ("0.0.0.0", "::")


def own_addresses(host: str) -> list[str]:
    """The addresses at which a browser may reach a server that listens on `host`."""
    if host not in ANY_ADDRESSES:
        return [host]
    from aioice.ice import get_host_addresses

    return get_host_addresses(use_ipv4=True, use_ipv6=False)


def network_prefix(host: str) -> bytes:
    """What two addresses of one device have in common, to compare them: all of IPv4, the first 64 bits of IPv6."""
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped.packed if mapped else address.packed if address.version == 4 else address.packed[:PREFIX_BYTES]
