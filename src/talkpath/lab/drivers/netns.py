"""The netns driver: real programs on real sockets, each on a host of the lab's own, the network between.

    namespace.enter()                                    # once, before anything else
    with box(network) as lab:
        responder = lab.start("responder", ["talkpath", "respond", ...])
        link = responder.line("talkpath:")
        outcome = lab.start("probe", ["talkpath", "check", link]).finish(60)
        health = lab.stop()                              # was the lab itself on time?

`run` is the same for one command on each side. Linux only, no root needed (`namespace.available`).
Leaving the block ends every program and removes every cable, so boxes may follow one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from talkpath.lab.drivers import namespace, router
from talkpath.lab.drivers.delivery import Offers, RouterHealth
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Outcome, Program
from talkpath.lab.drivers.service import Service
from talkpath.lab.path.hosts import HOSTS, PROBE, RESPONDER, Host

__all__ = ["Box", "Outcome", "Program", "Run", "box", "run"]


class Box:
    """The hosts, and the router between them. Made by `box`."""

    def __init__(self, namespaces: Mapping[str, Namespace], forwarding: Service) -> None:
        self._namespaces = namespaces
        self._forwarding = forwarding
        self._programs: list[Program] = []

    def start(self, host: str, argv: Sequence[str]) -> Program:
        """Start a program on a host."""
        program = Program(argv, self._namespaces[host].start, host)
        self._programs.append(program)
        return program

    def inside(self, host: str) -> AbstractContextManager[None]:
        """The calling thread is on that host while the block lasts: sockets it opens are the host's."""
        return self._namespaces[host].inside()

    def stop(self) -> RouterHealth:
        """End every program, then the router, and tell how that fared. Once or more, in the block or after."""
        while self._programs:
            self._programs.pop().stop()
        return self._forwarding.stop()


@contextmanager
def box(network: Offers, hosts: Sequence[Host] = HOSTS) -> Iterator[Box]:
    """A network in a box, in the namespace that `namespace.enter()` has made."""
    namespace.hurry()
    with namespace.bring_up(hosts) as namespaces, router.start(network, hosts) as forwarding:
        made = Box(namespaces, forwarding)
        try:
            yield made
        finally:
            made.stop()


@dataclass(frozen=True, slots=True)
class Run:
    """What `run` brought home."""

    probe: Outcome
    responder: Outcome
    health: RouterHealth


def run(
    network: Offers,
    responder: Sequence[str],
    ready: str,
    probe: Callable[[str], Sequence[str]],
    timeout_s: float,
) -> Run:
    """Run a responder, and once it has written a line with `ready` in it, a probe until that ends.

    `probe(line)` gives the probe's command. `PeerError` where the responder does not get ready.
    """
    with box(network) as lab:
        far = lab.start(RESPONDER.name, responder)
        near = lab.start(PROBE.name, probe(far.line(ready))).finish(timeout_s)
        return Run(near, far.stop(), lab.stop())
