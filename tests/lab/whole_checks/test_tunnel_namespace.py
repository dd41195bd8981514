"""A check through a tunnel of the kernel's own (tun) in namespaces: the result says that it is no result of this
network."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import msgspec
import pytest

from talkpath.cli._terminal.exit_codes import UNMEASURED_EXIT_CODE
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Program

pytestmark = [pytest.mark.long, pytest.mark.waits]
TALKPATH = (sys.executable, "-m", "talkpath")
TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000  # linux/if_tun.h
NEAR, FAR, CONTROL_PORT = "203.0.113.2", "203.0.113.1", 4433
OWN_SYSFS = 'mount -t sysfs sysfs /sys && exec "$@"'
"""What a program sees under /sys are the interfaces of the namespace in which that was mounted."""


def tunnel_end(host: Namespace, name: str, address: str) -> int:
    """Make a tun interface there; return the file from which its packets are read."""
    with host.inside():
        end = os.open(TUN, os.O_RDWR)
        fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    host.ip(f"addr add {address}/24 dev {name}", f"link set {name} up")
    return end


def carry_packets(one: int, other: int, ended: Event) -> None:
    """Carry what either interface sends to the other one, until it is over."""
    while not ended.is_set():
        for end in select([one, other], [], [], 0.1)[0]:
            os.write(other if end == one else one, os.read(end, 65536))


@contextmanager
def joined_hosts(name: str, tunnel: bool) -> Iterator[tuple[Namespace, Namespace]]:
    """In the lab: two hosts that a tunnel joins, or a cable; `name` is the near one's interface."""
    with ExitStack() as undo:
        hosts = near, far = Namespace.new("near"), Namespace.new("far")
        for host in hosts:
            undo.callback(host.close)
        if tunnel:
            undo.enter_context(laid_tunnel(near, far, name))
        else:
            near.ip(f"link add {name} type veth peer name eth0 netns {far.path}")
            near.ip(f"addr add {NEAR}/24 dev {name}", f"link set {name} up")
            far.ip(f"addr add {FAR}/24 dev eth0", "link set eth0 up")
        yield hosts


@contextmanager
def laid_tunnel(near: Namespace, far: Namespace, name: str) -> Iterator[None]:
    ends, ended = (tunnel_end(near, name, NEAR), tunnel_end(far, "tun0", FAR)), Event()
    carrier = Thread(target=carry_packets, args=(*ends, ended))
    carrier.start()
    try:
        yield
    finally:
        ended.set()
        carrier.join()
        for end in ends:
            os.close(end)


def checked_over(name: str, tunnel: bool) -> dict[str, Any]:
    """In the lab: what `talkpath check` says over that interface, in JSON and in words."""
    plan = make_plan(choose_arms(["webrtc"]), budget_s=12.0)
    with joined_hosts(name, tunnel) as (near, far), TemporaryDirectory() as folder:
        Path(folder, "plan.json").write_bytes(msgspec.json.encode(plan))
        argv = ("respond", "--json", "--port", str(CONTROL_PORT), "--ports", "3478,5000", "--class", "home")
        with Program([*TALKPATH, *argv, "--key-file", f"{folder}/key.pem"], far.start) as running:
            told = json.loads(running.line('"link"'))
            link = f"{FAR}:{CONTROL_PORT}?token={told['token']}#{told['key']}"
            argv = ("check", link, "--plan", f"{folder}/plan.json", "--json", "-o", f"{folder}/run.talkpath")
            shell = (str(namespace.system_tool("unshare")), "-m", "sh", "-ec", OWN_SYSFS, "sh")
            done = Program([*shell, *TALKPATH, *argv], near.start).finish(60.0)
        words = Program([*TALKPATH, "judge", f"{folder}/run.talkpath"], near.start).finish(60.0)
    result = json.loads(done.stdout or "null")
    return {"code": done.exit_code, "result": result, "words": words.stdout.decode(), "errors": done.stderr.decode()}


@pytest.mark.skipif(not os.access(TUN, os.W_OK), reason=f"needs {TUN}: run as root, on Linux with the module tun")
@pytest.mark.parametrize("name", ["tun0", "office0"])
def test_a_check_through_a_tunnel_says_that_this_network_was_not_measured(
    in_lab: Callable[..., Any], name: str
) -> None:
    """By the interface's name, and where that says nothing by what the kernel knows of it."""
    found = in_lab(checked_over, name, True)
    assert found["code"] == UNMEASURED_EXIT_CODE, found["errors"]
    (verdict,) = found["result"]["verdicts"]
    assert found["result"]["vpn"] is True
    assert (verdict["state"], verdict["reason"]["code"], verdict["trouble"]) == ("insufficient", "vpn", "own_device")
    assert "a VPN or tunnel seems to be on, and this network was not measured" in " ".join(found["words"].split())


def test_a_check_over_a_cable_of_the_same_name_is_measured(in_lab: Callable[..., Any]) -> None:
    found = in_lab(checked_over, "office0", False)
    assert found["code"] == 0, found["errors"]
    assert found["result"]["vpn"] is False
    assert "VPN" not in " ".join(found["words"].split())
