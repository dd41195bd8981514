"""What this machine's own network is like: is a tunnel in the way, has the network changed under the check?

Linux tells which interface holds the local address; elsewhere the answer is None, "not looked at".
"""

from __future__ import annotations

import re
import socket
import struct
from pathlib import Path

from talkpath.wire.ip.address import Address
from talkpath.wire.ip.error_queue import IS_LINUX

ANY_INTERFACE = "any"
ANYWHERE = ("192.0.2.1", "2001:db8::1")  # addresses for documentation (RFC 5737, RFC 3849): a default route covers them
TUNNEL_NAMES = ("tun", "tap", "wg", "ppp", "ipsec", "utun", "nordlynx", "proton", "tailscale", "zt")
LOCAL_ROUTE = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n +/32 host LOCAL")
_SIOCGIFADDR = 0x8915  # <linux/sockios.h>


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
    four, six = (_text(Path(f"/proc/net/{name}")) for name in ("fib_trie", "if_inet6"))
    known = {socket.inet_aton(text) for text in LOCAL_ROUTE.findall(four)}
    return frozenset(known | {bytes.fromhex(row.split()[0]) for row in six.splitlines()})


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""


def through_tunnel(local: Address) -> bool | None:
    """Does the interface with this address look like a VPN's? None where that cannot be told."""
    if not IS_LINUX:
        return None
    names = [name for _, name in socket.if_nameindex() if _has_address(name, local)]
    if not names:
        return None
    return any(name.startswith(TUNNEL_NAMES) or Path(f"/sys/class/net/{name}/tun_flags").exists() for name in names)


def _has_address(name: str, local: Address) -> bool:
    if local.family == 6:
        rows = _text(Path("/proc/net/if_inet6")).splitlines()
        return any(row.split()[0] == local.packed.hex() and row.split()[-1] == name for row in rows)
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            found = fcntl.ioctl(end, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
        except OSError:
            return False
    return found[20:24] == local.packed
