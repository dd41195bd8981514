"""The netns driver: real programs on real sockets, each on a host of the lab, with the simulated network between them.

    namespace.enter()                                    # once, before anything else
    with box(network) as lab:
        responder = lab.start("responder", ["talkpath", "respond", ...])
        link = responder.line("talkpath:")
        outcome = lab.start("probe", ["talkpath", "check", link]).finish(60)
        health = lab.stop()                              # was the lab's own router on time?

`run_ends` is the same for one command on each side. Linux only, no root needed (`namespace.available`).
Leaving the block ends every program and removes every cable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from talkpath.lab.drivers import cables, namespace, router
from talkpath.lab.drivers.delivery import PacketNetwork, RouterHealth
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Program, ProgramOutcome
from talkpath.lab.drivers.service import Service
from talkpath.lab.path.hosts import HOSTS, LAB_PROBE, RESPONDER, LabHost

__all__ = ["NetnsLab", "NetnsRun", "Program", "ProgramOutcome", "netns_lab", "run_ends"]


class NetnsLab:
    """The hosts and the router between them. Made by `netns_lab`."""

    def __init__(self, namespaces: Mapping[str, Namespace], forwarding: Service) -> None:
        self._namespaces = namespaces
        self._forwarding = forwarding
        self._programs: list[Program] = []

    def start(self, host: str, argv: Sequence[str]) -> Program:
        """Starts a program on a host."""
        program = Program(argv, self._namespaces[host].start, host)
        self._programs.append(program)
        return program

    def inside(self, host: str) -> AbstractContextManager[None]:
        """Puts the calling thread on that host while the block lasts: sockets that it opens are the host's."""
        return self._namespaces[host].inside()

    def stop(self) -> RouterHealth:
        """Ends every program, then the router; returns the router's lateness and losses. May be called again."""
        while self._programs:
            self._programs.pop().stop()
        return self._forwarding.stop()


@contextmanager
def netns_lab(network: PacketNetwork, hosts: Sequence[LabHost] = HOSTS) -> Iterator[NetnsLab]:
    """The lab with this network, in the namespace that `namespace.enter()` made."""
    namespace.raise_priority()
    with cables.bring_up(hosts) as namespaces, router.start_router(network, hosts) as forwarding:
        made = NetnsLab(namespaces, forwarding)
        try:
            yield made
        finally:
            made.stop()


@dataclass(frozen=True, slots=True)
class NetnsRun:
    """The results of `run_ends`."""

    probe: ProgramOutcome
    responder: ProgramOutcome
    health: RouterHealth


def run_ends(
    network: PacketNetwork,
    responder: Sequence[str],
    ready: str,
    probe: Callable[[str], Sequence[str]],
    timeout_s: float,
) -> NetnsRun:
    """Runs a responder and, once it has printed a line that contains `ready`, a probe until that ends.

    `probe(line)` gives the probe's command. `PeerError` where the responder does not get ready.
    """
    with netns_lab(network) as lab:
        server = lab.start(RESPONDER.name, responder)
        outcome = lab.start(LAB_PROBE.name, probe(server.line(ready))).finish(timeout_s)
        return NetnsRun(outcome, server.stop(), lab.stop())
