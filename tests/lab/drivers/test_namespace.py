"""The lab's own namespaces: what they hold, what they refuse, and that they vanish."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factories.packets import ip_parsers
from talkpath.errors import UsageError
from talkpath.lab.drivers import namespace
from talkpath.lab.path.link import HOSTS, LAB_PROBE, RESPONDER

InLab = Callable[..., Any]


def links_and_routes() -> dict[str, list[str]]:
    """In the lab: each host's interfaces, and where its routes lead."""
    found = {}
    with namespace.bring_up() as hosts:
        for name, host in hosts.items():
            with host.inside():
                links = [link["ifname"] for link in namespace._show_links("link", "show")]
                routes = namespace._show_links("route", "show") + namespace._show_links("-6", "route", "show")
                found[name] = sorted(links) + sorted({route["dst"] for route in routes})
        found["here"] = sorted(link["ifname"] for link in namespace._show_links("link", "show"))
    found["after"] = sorted(link["ifname"] for link in namespace._show_links("link", "show"))
    return found


def test_each_host_has_one_cable_and_no_way_out(in_lab: InLab) -> None:
    found = in_lab(links_and_routes)
    here = found.pop("here")
    assert {host.name for host in HOSTS} <= set(here)
    assert found.pop("after") == [name for name in here if name not in {host.name for host in HOSTS}]
    assert set(found) == {host.name for host in HOSTS}
    for host in HOSTS:
        assert "eth0" in found[host.name]
        assert "default" not in found[host.name]
        assert "192.0.2.0/24" in found[host.name]


def refusals(route: str) -> list[str]:
    """In the lab: what `bring_up` says to a namespace that it did not find empty."""
    namespace.run_ip("link add other type veth peer name other1", "link set other up")
    if route:
        namespace.run_ip("addr add 192.0.2.1/24 dev other", f"route add {route} dev other")
    try:
        with namespace.bring_up():
            return ["no refusal"]
    except UsageError as error:
        return [
            str(error),
            *(link["ifname"] for link in namespace._show_links("link", "show") if link["ifname"] == "probe"),
        ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("route", "words"), [("", "interface other"), ("default", "default route"), ("::/0", "default route")]
)
def test_refuses_what_it_did_not_make(in_lab: InLab, route: str, words: str) -> None:
    (said,) = in_lab(refusals, route)
    assert words in said


def checksums() -> dict[str, str]:
    """In the lab: hex of the first UDP and TCP packets that the probe puts on its cable."""
    found = {}
    with namespace.bring_up() as hosts, socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as cable:
        cable.bind((LAB_PROBE.name, 3))
        cable.settimeout(5)
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            for family, far in ((socket.AF_INET, RESPONDER.ipv4), (socket.AF_INET6, RESPONDER.ipv6)):
                with hosts[LAB_PROBE.name].socket(family, kind) as client:
                    client.setblocking(False)
                    client.connect_ex((far, 5000))
                    if kind == socket.SOCK_DGRAM:
                        client.send(bytes(1000))
                    packet = b""
                    while far_packed(far) not in packet[:40]:
                        packet = cable.recv(2000)[14:]
                    found[f"{kind.name} {family.name}"] = packet.hex()
    return found


def far_packed(host: str) -> bytes:
    """An address in network order."""
    return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)


def test_checksums_are_whole_on_the_cable(in_lab: InLab) -> None:
    from talkpath.wire.ip import packets

    found = {name: packets.parse_ip(bytes.fromhex(packet)) for name, packet in in_lab(checksums).items()}
    assert ip_parsers.parse_udp(found["SOCK_DGRAM AF_INET"]).payload == bytes(1000)
    assert ip_parsers.parse_udp(found["SOCK_DGRAM AF_INET6"]).payload == bytes(1000)
    assert ip_parsers.parse_tcp(found["SOCK_STREAM AF_INET"]).flags == 2
    assert ip_parsers.parse_tcp(found["SOCK_STREAM AF_INET6"]).flags == 2


def inside_is_the_threads_alone() -> list[bool]:
    """In the lab: who is where while one thread is on a host."""
    mine = os.readlink("/proc/thread-self/ns/net")
    seen: list[str] = []
    made = namespace.Namespace.new("one")
    with made.inside():
        inside = os.readlink("/proc/thread-self/ns/net")
        other = threading.Thread(target=lambda: seen.append(os.readlink("/proc/self/ns/net")))
        other.start()
        other.join()
        child = subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True, text=True, check=True)
    made.close()
    return [inside != mine, child.stdout.strip() == inside, os.readlink("/proc/thread-self/ns/net") == mine]


def test_inside_holds_for_what_is_started_there_and_ends_with_the_block(in_lab: InLab) -> None:
    assert in_lab(inside_is_the_threads_alone) == [True, True, True]


ENDLESS = """
import sys, time
from talkpath.lab.drivers import namespace
namespace.enter_namespace()
with namespace.bring_up() as hosts:
    child = hosts["responder"].start([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_all_vanishes_with_the_process(in_lab: InLab) -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        child = Path("/proc", lab.stdout.readline().strip())
        assert child.exists()
        lab.kill()
        lab.wait()
    until = time.monotonic() + 5
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _lives(child)


def _lives(process: Path) -> bool:
    try:
        return process.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("platform", "missing", "words"),
    [("darwin", "", "needs Linux"), ("linux", "unshare", "util-linux"), ("linux", "ip", "iproute2")],
)
def test_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch, platform: str, missing: str, words: str) -> None:
    monkeypatch.setattr(namespace, "IS_LINUX", platform == "linux")
    monkeypatch.setattr(namespace, "system_tool", lambda name: None if name == missing else f"/bin/{name}")
    assert words in namespace.why_unavailable()
    assert "--driver" in namespace.why_unavailable()
    with pytest.raises(UsageError, match=words):
        namespace.namespace_command(["true"])


def test_says_so_where_namespaces_are_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "IS_LINUX", True)
    monkeypatch.setattr(namespace, "system_tool", lambda name: "/bin/false")
    namespace._unshare_command.cache_clear()
    try:
        assert "does not allow us to make" in namespace.why_unavailable()
    finally:
        namespace._unshare_command.cache_clear()
