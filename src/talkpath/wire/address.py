"""An IP address and port whose text is REDACTED.

Addresses are personal data. Code that needs one for a socket or a packet calls `reveal()`; whatever
is printed, logged, formatted or serialised by accident shows nothing.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

REDACTED = "REDACTED"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One endpoint. `packed` is 4 or 16 bytes in network order, `port` 0 to 65535."""

    packed: bytes = field(repr=False)
    port: int = field(repr=False, default=0)

    @classmethod
    def of(cls, host: str, port: int = 0) -> Address:
        """From an address literal (no name look-up); `ValueError` for anything else."""
        return cls(ipaddress.ip_address(host.split("%")[0]).packed, port)

    @property
    def family(self) -> int:
        """4 or 6."""
        return 4 if len(self.packed) == 4 else 6

    def reveal(self) -> tuple[str, int]:
        """(host, port) for a socket call. Never for a message, a log or a file."""
        return str(ipaddress.ip_address(self.packed)), self.port

    def __repr__(self) -> str:
        return REDACTED

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("an address is not written anywhere")
