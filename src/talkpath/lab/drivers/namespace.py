"""Linux network namespaces: enter one of our own, and make one for each host of the lab.

Without root where the kernel allows an ordinary user to make a namespace. `enter()` runs this program again inside a
fresh network namespace (`unshare -Urn`; as root: `unshare -n`). A namespace is held by a file descriptor of this
process and by nothing else: no name in /run, no mount. When the process ends, however it ends, all of it vanishes.

Virtual cables of the netns driver: a namespace for each host, joined to this process's namespace by a veth pair.

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
import functools
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from talkpath.errors import UsageError
from talkpath.lab.path.link import HOSTS, PREFIXES_V4, PREFIXES_V6, LabHost
from talkpath.wire.ip.error_queue import IS_LINUX

INSIDE = "TALKPATH_LAB_NAMESPACE"  # set for the program that `enter()` starts

_PRIORITY = -10  # setpriority(2)
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"  # an ordinary user's PATH often lacks the first two
_INSTEAD = "use --driver loopback or --driver sim"


def system_tool(name: str) -> str | None:
    """The path of a system program, searched in PATH and in the system's own folders."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), _SYSTEM_PATH)))


@functools.cache
def _unshare_command() -> tuple[str, ...]:
    """The command that makes a namespace on this system, or () where none works."""
    for flags in ([["-n"]] if os.geteuid() == 0 else []) + [["-Urn"]]:
        command = (str(system_tool("unshare")), *flags)
        trial = ["link", "add", "talkpath0", "type", "veth", "peer", "name", "talkpath1"]
        if subprocess.run([*command, str(system_tool("ip")), *trial], capture_output=True, check=False).returncode == 0:
            return command
    return ()


def why_unavailable() -> str:
    """ "" where the netns driver can run, else one sentence: why not, and what to do."""
    if not IS_LINUX:
        return f"The netns driver needs Linux: {_INSTEAD}."
    for name, package in (("unshare", "util-linux"), ("ip", "iproute2")):
        if system_tool(name) is None:
            return f"The netns driver needs the program {name}: install {package}, or {_INSTEAD}."
    if not _unshare_command():
        return f"The netns driver needs network namespaces, which this system does not allow us to make: {_INSTEAD}."
    return ""


def require_namespaces() -> None:
    """Raises `UsageError` with the sentence of `available()` where the netns driver cannot run."""
    if reason := why_unavailable():
        raise UsageError(reason)


def namespace_command(argv: Sequence[str]) -> list[str]:
    """The command that runs `argv` in a fresh network namespace."""
    require_namespaces()
    return [*_unshare_command(), str(system_tool("env")), f"{INSIDE}=1", *argv]


def enter_namespace() -> None:
    """Replaces this process by the same command in a namespace of our own.

    Returns at once where that was done before. Standard streams, exit code and signals stay as they are; what was done
    before the call is done again.
    """
    if os.environ.get(INSIDE):
        return
    _replace_process(namespace_command([sys.executable, *sys.orig_argv[1:]]))


def raise_priority() -> None:
    """Raises the priority of this process and of those that it starts, where root allows it: on a busy machine fewer
    runs are late, and therefore void."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)


def _replace_process(argv: list[str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(argv[0], argv)


def die_with_parent() -> None:
    """Asks the kernel to kill this process when its parent's thread ends (prctl(2))."""
    _load_libc().prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


@functools.cache
def _load_libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked_call(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _current_namespace() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def _back_home() -> Iterator[None]:
    """Brings the calling thread back to the namespace that it is in now, when the context ends."""
    home = _current_namespace()
    try:
        yield
    finally:
        try:
            _checked_call(_load_libc().setns(home, _CLONE_NEWNET))
        finally:
            os.close(home)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace that this process made. It lives until `close()` and the end of its processes."""

    name: str
    fd: int

    @classmethod
    def new(cls, name: str) -> Namespace:
        """A fresh one with its loopback up. `OSError` where the kernel refuses."""
        with _back_home():
            _checked_call(_load_libc().unshare(_CLONE_NEWNET))
            made = cls(name, _current_namespace())
        made.ip("link set lo up")
        return made

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Puts the calling thread into this namespace: sockets and processes that it opens stay in it."""
        with _back_home():
            _checked_call(_load_libc().setns(self.fd, _CLONE_NEWNET))
            yield

    def socket(self, family: int, kind: int, proto: int = 0) -> socket.socket:
        """A socket of this namespace, usable from anywhere."""
        with self.inside():
            return socket.socket(family, kind, proto)

    def start(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Starts a process here. It is killed when this thread ends; `options` are those of `Popen`."""
        with self.inside():
            return subprocess.Popen(list(argv), preexec_fn=die_with_parent, **options)

    def ip(self, *commands: str) -> None:
        """Runs commands of ip(8) here."""
        with self.inside():
            run_ip(*commands)

    @property
    def path(self) -> str:
        """What ip(8) takes for `netns`."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def close(self) -> None:
        """Releases it; it vanishes with its last process."""
        os.close(self.fd)


@contextlib.contextmanager
def own_namespace() -> Iterator[None]:
    """Puts the calling thread into a fresh namespace, so that it may run a lab of its own beside those of others."""
    with contextlib.closing(Namespace.new("lab")) as home, home.inside():
        yield


def run_ip(*commands: str) -> None:
    """Runs commands of ip(8) in this thread's namespace. `RuntimeError` where one fails: then it is our bug."""
    done = subprocess.run(
        [str(system_tool("ip")), "-batch", "-"], input="\n".join(commands), text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"ip could not do one of {commands}: {done.stderr.strip()}")


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
