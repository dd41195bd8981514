"""Addresses: those of this machine, which a relay may send to (they go into its settings and nowhere else), and whether
two of others' are of one place."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

PREFIX_BYTES = 8  # of IPv6: the rest a device draws anew by itself (RFC 8981)
ANY = ("0.0.0.0", "::")


def own_addresses(host: str) -> list[str]:
    """Where a browser may reach a server that listens on `host`."""
    if host not in ANY:
        return [host]
    from aioice.ice import get_host_addresses

    return get_host_addresses(use_ipv4=True, use_ipv6=False)


def origin(host: str) -> bytes:
    """What two addresses of one place have in common: all of IPv4, the first 64 bits of IPv6. For comparing alone."""
    found = ip_address(host.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped.packed if mapped else found.packed if found.version == 4 else found.packed[:PREFIX_BYTES]
