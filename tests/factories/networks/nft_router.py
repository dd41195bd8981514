"""A restrictor that is not ours: nftables on a router that forwards in the kernel.

`nft_router(ruleset)` is the topology: probe and responder as in the lab, between them a namespace of its
own where Linux forwards and the rules act. Nothing of talkpath's lab touches a packet there.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.path.link import LAB_PROBE, RESPONDER

NETS = {LAB_PROBE.name: ("192.0.2", "2001:db8:1:"), RESPONDER.name: ("198.51.100", "2001:db8:2:")}


class NoRules(Exception):
    """This kernel's nftables does not take the rule."""


@contextmanager
def nft_router(rule: str, sets: str = "") -> Iterator[Mapping[str, Namespace]]:
    """In the lab: {"probe", "responder", "gate"}, the rule acting on all that "gate" forwards between the two. `sets`
    are declarations of the table.

    `NoRules` where the kernel does not take it.
    """
    namespace.refuse_foreign()
    with ExitStack() as undo:
        hosts = {name: Namespace.new(name) for name in (LAB_PROBE.name, RESPONDER.name, "gate")}
        for made in hosts.values():
            undo.callback(made.close)
        gate = hosts["gate"]
        _lay_cable(gate, 0, hosts[LAB_PROBE.name], hosts[RESPONDER.name])
        _lay_cable(gate, 1, hosts[RESPONDER.name], hosts[LAB_PROBE.name])
        with gate.inside():
            for setting in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                Path("/proc/sys/net", setting).write_text("1")
            load_rules(rule, sets)
        yield hosts


def _lay_cable(gate: Namespace, index: int, host: Namespace, other: Namespace) -> None:
    """One cable, with fixed neighbours at both ends: nothing is lost while they look for each other."""
    (v4, v6), macs = NETS[host.name], (namespace.cable_mac(index, 0), namespace.cable_mac(index, 1))
    gate.ip(
        f"link add {host.name} address {macs[1]} type veth peer name eth0 address {macs[0]} netns {host.path}",
        f"link set {host.name} up",
        f"addr add {v4}.1/24 dev {host.name}",
        f"addr add {v6}:1/64 dev {host.name} nodad",
        *(f"neigh add {address} lladdr {macs[0]} dev {host.name}" for address in (f"{v4}.10", f"{v6}:10")),
    )
    host.ip(
        "link set eth0 up",
        f"addr add {v4}.10/24 dev eth0",
        f"addr add {v6}:10/64 dev eth0 nodad",
        *(f"neigh add {address} lladdr {macs[1]} dev eth0" for address in (f"{v4}.1", f"{v6}:1")),
        f"route add {NETS[other.name][0]}.0/24 via {v4}.1",
        f"route add {NETS[other.name][1]}:/64 via {v6}:1",
    )


def load_rules(rule: str, sets: str = "") -> None:
    """In the router's namespace: these act from now on, beside those before."""
    chain = f"chain forward {{\ntype filter hook forward priority 0;\n{rule}\n}}"
    ruleset = f"table inet censor {{\n{sets}\n{chain}\n}}\n"
    done = subprocess.run(
        [str(namespace.system_tool("nft")), "-f", "-"], input=ruleset, text=True, capture_output=True, check=False
    )
    if "Could not process rule" in done.stderr:  # the kernel's word; anything else is a mistake of ours
        raise NoRules(done.stderr)
    assert done.returncode == 0, done.stderr
    if "ct packets" in rule:  # conntrack counts only where it is told to
        Path("/proc/sys/net/netfilter/nf_conntrack_acct").write_text("1")
