"""Asks an app's own addresses: greetings in series, then packets that expire on the way.

An engine: no socket, no clock; `poll` gives what is due, `datagram` and `exceeded` take what comes back. It runs one
stage after the other (series, the way to each server, then epochs) and keeps what came of them in `facts`, without any
address. Which epoch comes next, and when it is enough, `choose` decides from the facts alone. No packet but a greeting
is sent with as many hops as could reach a server: `_may_expire` has the last word on every one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from random import Random

from msgspec.structs import replace

from talkpath.apps import shapes
from talkpath.experiment.budget import IP_UDP_BYTES
from talkpath.experiment.flight import NEVER
from talkpath.measure.bounds import MOST_GREETINGS
from talkpath.measure.endpoint_facts import EndpointFacts, ExpiringEpoch, MeasuredPath
from talkpath.probe.own_addresses.datagrams import Datagram, Stage
from talkpath.probe.own_addresses.flights import Cargo, FlightStage, ProbedFlow, call_flows, greeting_flows
from talkpath.probe.own_addresses.ladder import LadderStage, RouterNumbers
from talkpath.probe.own_addresses.series import EVERY_S, SeriesStage, Target
from talkpath.probe.own_addresses.trial import TrialStage
from talkpath.verdict.bases.own_addresses.paths import MIN_HOPS_BEFORE_SERVER
from talkpath.verdict.bases.own_addresses.questions import ExpiringQuestion
from talkpath.wire.ip.address import Address

SHARE, MOST_RATE = 0.8, 40.0  # of the answers that a router sends a second, one is asked for so many, and no more
LEAST_ANSWERS = 5.0  # a second: with fewer nothing can be told in a time that a person waits
WORTH_A_SERIES = 12  # greetings: fewer tell nothing of losses


Choose = Callable[[EndpointFacts], ExpiringQuestion | None]


class OwnAddressEngine:
    """Asks `targets`, apps' servers and neutral ones, all of one address family.

    `greeted` is how many greetings each server has had in this run, by its id. `greetings`: how many make a series.
    `choose` None asks in series only.
    """

    def __init__(
        self,
        facts: EndpointFacts,
        targets: Sequence[Target],
        rng: Random,
        *,
        greetings: int,
        choose: Choose | None = None,
        greeted: Mapping[str, int] | None = None,
        every_s: float = EVERY_S,
    ) -> None:
        self.facts, self.done, self.stage_number = facts, False, 0
        self._targets = {target.row.id: target for target in targets}
        self._rng, self._choose, self._greetings = rng, choose, greetings
        self._every_s = every_s
        self._greeted = dict(greeted or {})
        self._locals: Iterator[int] = count(1)
        self._routers = RouterNumbers()
        self._zero_s = 0.0
        self._begun = False
        self._stages = self._all()
        self._stage: Stage | None = None

    # -- what a driver calls ---------------------------------------------------------------------------------------

    @property
    def wake_s(self) -> float:
        """When something is due next."""
        if self.done:
            return NEVER
        return 0.0 if self._stage is None or self._stage.done else self._stage.wake_s

    def poll(self, now_s: float) -> list[Datagram]:
        """Return what is due now."""
        if not self._begun:
            self._begun, self._zero_s = True, now_s
        while not self.done and (self._stage is None or self._stage.done):
            self._now_s = now_s
            self._stage = next(self._stages, None)
            self.stage_number += 1
            if self._stage is None:
                self.done = True
                self.facts = replace(self.facts, duration_s=round(now_s - self._zero_s, 3))
        packets = self._stage.poll(now_s) if self._stage else []
        sent = sum(len(packet.data) + IP_UDP_BYTES[packet.to.family] for packet in packets)
        self.facts = replace(self.facts, bytes_sent=self.facts.bytes_sent + sent) if sent else self.facts
        return packets

    def datagram(self, now_s: float, local: int, data: bytes) -> None:
        """Take a datagram that came back to that socket."""
        if self._stage is not None:
            self._stage.datagram(now_s, local, data)

    def exceeded(self, now_s: float, local: int, router: Address) -> None:
        """Take a router's message that the hops of a packet of that socket had run out."""
        if self._stage is not None:
            self._stage.exceeded(now_s, local, router)

    def refused(self, now_s: float, local: int) -> None:
        """Take another ICMP error for a packet of that socket: a host that answers so was reached."""
        if self._stage is not None:
            self._stage.refused(now_s, local)

    # -- the stages ------------------------------------------------------------------------------------------------

    def _all(self) -> Iterator[Stage]:
        """Give one stage after the other; each has ended when the next one is asked for."""
        if self._choose is not None:
            for target in self._rng.sample(list(self._targets.values()), len(self._targets)):
                ladder = LadderStage(target, self._rng, self._locals, self._routers, self._left(target.row.id))
                yield ladder
                self._count(target.row.id, ladder.arrivals)
                self.facts = replace(self.facts, paths=(*self.facts.paths, ladder.path(self._zero_s)))
            if all(path.reached for path in self.facts.paths):
                yield from self._series()
            yield from self._epochs(self._choose)
        if not self.facts.series:
            yield from self._series()

    def _series(self) -> Iterator[Stage]:
        """Greet in series those that may still be greeted often enough, MOST_GREETINGS times in all at most.

        It takes few ports and half a minute, in which translators take back those of the ladders: some have 64 for each
        user. Where a server is silent, epochs of greetings come first.
        """
        targets = [target for host, target in self._targets.items() if self._left(host) >= WORTH_A_SERIES]
        count = min((self._left(target.row.id) for target in targets), default=0)
        if {bool(target.row.app) for target in targets} != {False, True}:
            return
        stage = SeriesStage(targets, min(self._greetings, count), self._rng, self._locals, self._every_s)
        yield stage
        self.facts = replace(self.facts, series=(*self.facts.series, *stage.series(1, self._zero_s)))

    def _epochs(self, choose: Choose) -> Iterator[Stage]:
        while (asked := choose(self.facts)) is not None:
            began_s = self._now_s
            far = self._targets[asked.host].address, self._targets[asked.beside].address
            epoch = self._epoch(asked, began_s)
            if asked.carries == "greeting":
                enough = min(self._left(asked.host), self._left(asked.beside)) >= 2 * asked.k
                if not enough:
                    self._keep(replace(epoch, missing="budget"))
                    continue
                self._count(asked.host, 2 * asked.k)
                self._count(asked.beside, 2 * asked.k)
                cargo, flows = greeting_flows(asked.k, self._rng, self._locals)
                flight = FlightStage(flows, far, asked.hops, LEAST_ANSWERS * SHARE, b"", self._rng)
                yield flight
                self._keep(self._filled(epoch, cargo, flows, flight))
                continue
            if not self._may_expire(asked):
                self._keep(replace(epoch, missing="too_near"))
                continue
            trial = TrialStage(far, asked.hops, self._rng, self._locals)
            yield trial
            epoch = replace(epoch, answers_per_s=round(trial.answers_per_s, 1), router=trial.kind)
            if missing := self._unfit(asked, trial):
                self._keep(replace(epoch, missing=missing))
                continue
            cargo, flows = call_flows(shapes()[asked.arm], asked.k, asked.packets, self._rng, self._locals)
            rate = min(MOST_RATE, SHARE * trial.answers_per_s)
            flight = FlightStage(flows, far, asked.hops, rate, next(iter(trial.routers[1])), self._rng)
            yield flight
            self._keep(self._filled(epoch, cargo, flows, flight))

    def _may_expire(self, asked: ExpiringQuestion) -> bool:
        """Whether packets with so many hops stay at least SHORT hops away from both servers, by the measured paths, and
        a router answered there."""
        paths = [path for path in self.facts.paths if path.host in (asked.host, asked.beside)]
        return len(paths) == 2 and all(
            asked.hops <= path.reached - MIN_HOPS_BEFORE_SERVER and self._at(path, asked) for path in paths
        )

    def _at(self, path: MeasuredPath, asked: ExpiringQuestion) -> set[int]:
        """The routers that answered at that hop when the path was measured."""
        return set(path.hops[asked.hops - 1].routers) if 0 < asked.hops <= len(path.hops) else set()

    def _unfit(self, asked: ExpiringQuestion, trial: TrialStage) -> str:
        """Why no epoch follows that trial, or ""."""
        if trial.arrived:
            return "path_changed"
        if not trial.same_router:
            return "several_routers" if trial.routers[1] else "few_answers"
        (router,) = trial.routers[1]
        known = self._at(self._path(asked.host), asked) & self._at(self._path(asked.beside), asked)
        if self._routers.known(router) not in known:
            return "path_changed"
        return "few_answers" if trial.answers_per_s < LEAST_ANSWERS else ""

    def _epoch(self, asked: ExpiringQuestion, began_s: float) -> ExpiringEpoch:
        return ExpiringEpoch(
            number=len(self.facts.epochs),
            app=asked.arm.app,
            variant=asked.arm.variant,
            medium=asked.arm.medium,
            host=asked.host,
            beside=asked.beside,
            carries=asked.carries,
            hops=asked.hops,
            at_s=round(began_s - self._zero_s, 3),
            took_s=0.0,
            at_ms=(),
            size=(),
            stage=(),
            flows=(),
            same_way=self._same_way(asked),
            why=asked.why,
        )

    def _same_way(self, asked: ExpiringQuestion) -> bool:
        """Whether a same router answered towards both at every hop up to there at which one answered towards each."""
        one, other = (self._path(host) for host in (asked.host, asked.beside))
        pairs = [(a.routers, b.routers) for a, b in zip(one.hops, other.hops, strict=False)][: asked.hops]
        return all(set(a) & set(b) for a, b in pairs if a and b)

    def _path(self, host: str) -> MeasuredPath:
        return next(path for path in self.facts.paths if path.host == host)

    def _filled(
        self, epoch: ExpiringEpoch, cargo: Cargo, flows: Sequence[ProbedFlow], flight: FlightStage
    ) -> ExpiringEpoch:
        return replace(
            epoch,
            took_s=round(self._now_s - self._zero_s - epoch.at_s, 3),
            at_ms=flight.at_ms(),
            size=cargo.size,
            stage=cargo.stage,
            flows=tuple(flow.record(len(cargo.size)) for flow in flows),
            missing=flight.missing,
        )

    def _keep(self, epoch: ExpiringEpoch) -> None:
        self.facts = replace(self.facts, epochs=(*self.facts.epochs, epoch))

    def _left(self, host: str) -> int:
        return MOST_GREETINGS - self._greeted.get(host, 0)

    def _count(self, host: str, greetings: int) -> None:
        self._greeted[host] = self._greeted.get(host, 0) + greetings
