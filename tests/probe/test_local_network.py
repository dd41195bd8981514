"""Is a tunnel in the way? By the interface that holds the local address, in a namespace, and by titles of Windows."""

from __future__ import annotations

import subprocess
import sys

import ifaddr
import pytest

from talkpath.lab.drivers.namespace import system_tool, why_unavailable
from talkpath.probe.local_network import is_offline, through_tunnel
from talkpath.wire.ip.address import Address

LINKS = """
ip link set lo up
ip link add utun7 type veth peer name far7 && ip link set far7 up
ip addr add 10.9.9.9/24 dev utun7 && ip link set utun7 up
ip link add en0 type veth peer name far0 && ip link set far0 up
ip addr add 10.8.8.8/24 dev en0 && ip link set en0 up
"""
ASK = (
    "from talkpath.probe.local_network import is_offline, through_tunnel; "
    "from talkpath.wire.ip.address import Address; "
    "print(*(through_tunnel(Address.of(a)) for a in ('10.9.9.9', '10.8.8.8', '127.0.0.1', '10.7.7.7')), is_offline())"
)


@pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable())
@pytest.mark.parametrize(("route", "offline"), [("", "True"), ("ip route add default via 10.8.8.1", "False")])
def test_the_interface_of_the_local_address_tells(route: str, offline: str) -> None:
    shell = f'{LINKS}{route}\nexec {sys.executable} -c "{ASK}"'
    command = [str(system_tool("unshare")), "-n", "sh", "-ec", shell]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["True", "False", "False", "None", offline]


@pytest.mark.parametrize(
    ("title", "tunnel"),
    [
        ("WireGuard Tunnel", True),
        ("TAP-Windows Adapter V9", True),
        ("PANGP Virtual Ethernet Adapter", True),
        ("Cisco AnyConnect Virtual Miniport Adapter for Windows x64", True),
        ("Intel(R) Wi-Fi 6 AX201 160MHz", False),
        ("Realtek PCIe GbE Family Controller", False),
        ("Acme Adapter", None),
    ],
)
def test_on_windows_the_title_tells_or_nothing_does(
    title: str, tunnel: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ifaddr.Adapter("{4F2C0000-0000-0000-0000-000000000000}", title, [ifaddr.IP("192.0.2.7", 24, title)])
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [one])
    assert through_tunnel(Address.of("192.0.2.7")) is tunnel


def test_where_the_system_tells_nothing_it_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise PermissionError

    monkeypatch.setattr(ifaddr, "get_adapters", refused)
    assert through_tunnel(Address.of("192.0.2.7")) is None
    assert isinstance(is_offline(), bool)
