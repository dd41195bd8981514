"""A path of routers that are not ours: Linux forwards in four namespaces, the first of them translates addresses.

    probe — 1 (NAT) — 2 — 3 — 4 — servers

Nothing of talkpath's lab touches a packet there. What limits the routers' ICMP messages is the kernel's own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from factories.networks.nft_router import NoRules
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.path.link import LAB_PROBE, LabHost

LINKS = ("192.168.7", "100.64.7", "203.0.113", "192.0.2")
"""The networks before each router, IPv4: a home's, the provider's, and two public ones."""
ROUTERS = len(LINKS)
NAT = 'table ip nat {\nchain out {\ntype nat hook postrouting priority srcnat;\noifname "out" masquerade\n}\n}\n'


@contextmanager
def linux_routers(
    servers: Sequence[LabHost], settings: Mapping[str, str], rule: str = ""
) -> Iterator[Mapping[str, Namespace]]:
    """In the lab: the namespaces of the probe and of the servers by name. `settings` are of net.ipv4, at each router;
    `rule` acts on what router 2 forwards.

    `NoRules` where the kernel translates no addresses, or does not take the rule.
    """
    namespace.refuse_foreign()
    with ExitStack() as undo:
        names = (
            LAB_PROBE.name,
            *(f"router{number}" for number in range(1, ROUTERS + 1)),
            *(each.name for each in servers),
        )
        made = {name: Namespace.new(name) for name in names}
        for each in made.values():
            undo.callback(each.close)
        routers = [made[f"router{number}"] for number in range(1, ROUTERS + 1)]
        _join_routers(made[LAB_PROBE.name], routers[0], LINKS[0])
        for number in range(1, ROUTERS):
            _join_routers(routers[number - 1], routers[number], LINKS[number])
        for number, server in enumerate(servers):
            _attach_server(routers[-1], made[server.name], number, server)
        for number, router in enumerate(routers):
            back = [f"route add {LINKS[1]}.0/24 via {LINKS[number]}.2"] if number > 1 else []
            router.ip(*back)
            with router.inside():
                for name, value in {"ip_forward": "1", **settings}.items():
                    Path("/proc/sys/net/ipv4", name).write_text(value)
        _load_ruleset(routers[0], NAT)
        if rule:
            _load_ruleset(
                routers[1], f"table ip censor {{\nchain on {{\ntype filter hook forward priority 0;\n{rule}\n}}\n}}\n"
            )
        yield made


def _join_routers(near: Namespace, far: Namespace, network: str) -> None:
    """A cable: `.2` is the end towards the user, with a default route over it, `.1` the router."""
    near.ip(
        f"link add out type veth peer name in netns {far.path}", f"addr add {network}.2/24 dev out", "link set out up"
    )
    far.ip(f"addr add {network}.1/24 dev in", "link set in up")
    near.ip(f"route add default via {network}.1")


def _attach_server(router: Namespace, host: Namespace, number: int, server: LabHost) -> None:
    """A server at the last router."""
    router.ip(
        f"link add server{number} type veth peer name eth0 netns {host.path}",
        f"addr add 10.0.{number}.1/32 dev server{number}",
        f"link set server{number} up",
        f"route add {server.ipv4}/32 dev server{number}",
    )
    host.ip(
        f"addr add {server.ipv4}/32 dev eth0",
        "link set eth0 up",
        f"route add 10.0.{number}.1/32 dev eth0",
        f"route add default via 10.0.{number}.1",
    )


def _load_ruleset(router: Namespace, ruleset: str) -> None:
    with router.inside():
        done = subprocess.run(
            [str(namespace.system_tool("nft")), "-f", "-"], input=ruleset, text=True, capture_output=True, check=False
        )
    if "Could not process rule" in done.stderr:
        raise NoRules(done.stderr)
    assert done.returncode == 0, done.stderr
