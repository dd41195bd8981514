"""The addresses of this machine, which a relay may send to. They go into its settings and nowhere else."""

from __future__ import annotations

ANY = ("0.0.0.0", "::")


def own_addresses(host: str) -> list[str]:
    """Where a browser may reach a server that listens on `host`."""
    if host not in ANY:
        return [host]
    from aioice.ice import get_host_addresses

    return get_host_addresses(use_ipv4=True, use_ipv6=False)
