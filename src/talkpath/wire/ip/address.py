"""An IP address and port whose text is REDACTED.

Addresses are personal data. Code that needs one for a socket or a packet calls `reveal()`; whatever is printed, logged,
formatted or serialised by accident contains no address.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Literal

REDACTED = "REDACTED"
Kind = Literal["home", "provider", "public"]
SPECIAL_BLOCKS: Final[dict[Kind, tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]]] = {
    "home": tuple(
        ipaddress.ip_network(block)
        for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
    ),
    "provider": (ipaddress.ip_network("100.64.0.0/10"),),
}


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One endpoint. `packed` is 4 or 16 bytes in network order, `port` 0 to 65535."""

    packed: bytes = field(repr=False)
    port: int = field(repr=False, default=0)

    @classmethod
    def of(cls, host: str, port: int = 0) -> Address:
        """Parse an address literal (no name look-up); `ValueError` for anything else."""
        return cls(ipaddress.ip_address(host.split("%")[0]).packed, port)

    @property
    def family(self) -> int:
        """Return 4 or 6."""
        return 4 if len(self.packed) == 4 else 6

    @property
    def kind(self) -> Kind:
        """Return where such an address is used: in a private network (RFC 1918, 3927, 4193, 4291), inside a provider's
        network (RFC 6598), or anywhere."""
        literal = ipaddress.ip_address(self.packed)
        return next(
            (kind for kind, blocks in SPECIAL_BLOCKS.items() if any(literal in block for block in blocks)), "public"
        )

    def reveal(self) -> tuple[str, int]:
        """Return (host, port) for a socket call. Never for a message, a log or a file."""
        return str(ipaddress.ip_address(self.packed)), self.port

    def __repr__(self) -> str:
        return REDACTED

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("an address is not written anywhere")


def bracketed_host(host: str) -> str:
    """The host as URLs have it: an IPv6 address between brackets."""
    return f"[{host}]" if ":" in host else host
