"""Virtual cables of the netns driver: a namespace for each host, joined to this process's namespace by a veth pair.

`bring_up()` makes one namespace for each host and a cable for each:

    probe eth0 ───┐                        ┌─── eth0 responder
                  ├── here: the router ────┼─── eth0 messenger
                                           └─── eth0 reference

It changes nothing of the machine itself: it refuses a namespace that has a default route or a link that it did not
make.

The cables carry no ARP and no neighbour discovery (`arp off`), and frames leave a host addressed to itself; so the
kernel on the router's side never takes one for its own and never forwards, and only our router moves packets. Checksums
and segmentation are done before the cable: what an AF_PACKET socket reads there is what a real wire would carry.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from talkpath.errors import UsageError
from talkpath.lab.drivers.namespace import Namespace, require_namespaces, run_ip, system_tool
from talkpath.lab.path.link import HOSTS, PREFIXES_V4, PREFIXES_V6, LabHost

MTU = 1500

_SIOCETHTOOL = 0x8946  # linux/sockios.h
# linux/ethtool.h: receive and transmit checksums, scatter-gather, TSO, GSO, GRO
_OFFLOADS = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)
# What the kernel itself puts into a new namespace when these modules are loaded, always down.
_KERNEL_LINKS = {"lo", "tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"}


def _show_links(*argv: str) -> list[dict[str, Any]]:
    done = subprocess.run([str(system_tool("ip")), "-json", *argv], capture_output=True, check=True)
    entries: list[dict[str, Any]] = json.loads(done.stdout or b"[]")
    return [entry for entry in entries if entry]


def refuse_foreign() -> None:
    """Raises `UsageError` where this namespace has a default route or a link that is not the kernel's own."""
    for family in ("-4", "-6"):
        routes = _show_links(family, "route", "show", "table", "all")
        if any(route["dst"] == "default" and route.get("type", "unicast") == "unicast" for route in routes):
            raise UsageError(
                "The lab does not act in a namespace that has a default route: run it in one of its own (enter())."
            )
    for link in _show_links("link", "show"):
        known = link["ifname"] in _KERNEL_LINKS
        if not known or (link["ifname"] != "lo" and "UP" in link["flags"]):
            raise UsageError(
                f"The lab does not act beside the interface {link['ifname']}, which it did not make: "
                "run it in a namespace of its own (enter())."
            )


def plain_wire(interface: str) -> None:
    """Switches off what a virtual interface leaves to hardware: checksums and segmentation."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in _OFFLOADS:
            # struct ethtool_value {u32 cmd; u32 data}, pointed to by struct ifreq
            value = ctypes.create_string_buffer(struct.pack("=II", command, 0), 8)
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            # An older kernel may not know all of them; tests check real packets.
            with contextlib.suppress(OSError):
                fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


def has_ipv6() -> bool:
    """Whether this kernel speaks IPv6."""
    return Path("/proc/net/if_inet6").exists()


def cable_mac(index: int, end: int) -> str:
    """The locally administered MAC address of the host (end 0) or of the router's end (end 1) of a cable."""
    return f"02:00:00:00:{end:02x}:{index:02x}"


@contextlib.contextmanager
def bring_up(hosts: Sequence[LabHost] = HOSTS) -> Iterator[dict[str, Namespace]]:
    """Makes a namespace for each host (by its name); its `eth0` is joined to an interface of the host's name here.

    `UsageError` where this namespace is not empty (`refuse_foreign`). Everything is removed after the block.
    """
    require_namespaces()
    refuse_foreign()
    with contextlib.ExitStack() as made:
        yield {host.name: _lay_cable(index, host, made) for index, host in enumerate(hosts)}


def _lay_cable(index: int, host: LabHost, undo: contextlib.ExitStack) -> Namespace:
    made = Namespace.new(host.name)
    undo.callback(made.close)
    run_ip(
        f"link add {host.name} address {cable_mac(index, 1)} mtu {MTU} "
        f"type veth peer name eth0 address {cable_mac(index, 0)} mtu {MTU} netns {made.path}",
        *_link_up(host.name),
    )
    undo.callback(run_ip, f"link del {host.name}")
    made.ip(*_link_up("eth0"), *_host_addresses(host))
    with made.inside():
        plain_wire("eth0")
    return made


def _link_up(interface: str) -> list[str]:
    no_own_address = [f"link set {interface} addrgenmode none"] if has_ipv6() else []
    return [*no_own_address, f"link set {interface} arp off up"]


def _host_addresses(host: LabHost) -> list[str]:
    ipv4 = [f"addr add {host.ipv4}/32 dev eth0", *(f"route add {net} dev eth0" for net in PREFIXES_V4)]
    ipv6 = [f"addr add {host.ipv6}/128 dev eth0 nodad", *(f"route add {net} dev eth0" for net in PREFIXES_V6)]
    return ipv4 + (ipv6 if has_ipv6() else [])
