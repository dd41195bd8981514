"""Simulates networks as daily counts, for the error rates of events: reports, restrictions, false reports. Seeded
numpy.

Reports of a day are beta-binomial around the share that is restricted. Sources differ in volume, in how often they
accuse by mistake, and in how many of the restricted lines they notice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from talkpath.observatory.detect.assumptions import (
    BROWSER,
    PROBE,
    SOURCES,
    TAP,
    UNLISTED,
    VOUCHED,
    Assumptions,
)
from talkpath.observatory.detect.counts import Panel, panel_of_arrays
from talkpath.observatory.detect.watch import Episode, Watch

Integers = NDArray[np.int64]
MISTAKEN = np.array([0.005, 0.03, 0.02, 0.02, 0.03, 0.08])  # of each source's reports, where nothing is restricted
NOTICED = np.array([0.9, 0.5, 0.7, 0.7, 0.5, 0.6])  # of those hit
FIRST = date(2025, 1, 1).toordinal()
NEVER_DAY = 10**6


@dataclass(frozen=True)
class SimulatedNetworks:
    """`networks` x `streams`. The first stream of each network is the target: restricted from day `begin` until before
    `end`, on the share `hit` of its lines. `volumes` are the daily reports of each source (of taps: people who call).

    `liars` is the share of all reports that accuse in any case, from day `liars_from` on. `flood` adds daily reports of
    the named sources to the target from day `flood_from` on, which accuse or deny; those of probes and browsers are
    spread over `lying_servers` of the `servers`. With `flood_days` the flood ends after so many days. On the share
    `outage` of days browsers and taps of a whole network accuse more. Honest checks are divided evenly over servers;
    before day `listed_from` nobody lists these, so that all checks are of the kind that nobody vouches for.
    """

    networks: int
    days: int = 365
    streams: int = 16
    hit: float = 0.0
    begin: int = NEVER_DAY
    end: int = NEVER_DAY
    volumes: tuple[int, ...] = (6, 10, 1, 1, 4, 30)
    liars: float = 0.0
    liars_from: int = 0
    flood: dict[str, int] = field(default_factory=dict)
    flood_from: int = 0
    flood_days: int = NEVER_DAY
    lying_servers: int = 1
    deny: bool = False
    outage: float = 0.01
    rho: float = 0.05
    servers: int = 2
    listed_from: int = 0

    def panel(self, seed: int) -> Panel:
        """The counts of one draw."""
        rng = np.random.default_rng(seed)
        names = [
            ("XX", f"AS{network:06d}", f"app{stream:02d}", "voice")
            for network in range(self.networks)
            for stream in range(self.streams)
        ]
        restricted, reports = self._draw(rng, len(names))
        for counts in (restricted, reports):
            before = counts[:, : self.listed_from]
            before[:, :, UNLISTED] += before[:, :, PROBE] + before[:, :, BROWSER]
            before[:, :, [PROBE, BROWSER]] = 0
        vouched = self._at_servers(rng, restricted[:, :, [PROBE, BROWSER]], reports[:, :, [PROBE, BROWSER]])
        part = slice(None, None, self.streams), slice(self.flood_from, self.flood_from + self.flood_days)
        for source, count in self.flood.items():
            at = SOURCES.index(source)
            reports[*part, at] += count
            restricted[*part, at] += 0 if self.deny else count
            for server in range(self.lying_servers if source in VOUCHED else 0):
                vouched[1][*part, server, at] += count // self.lying_servers
                vouched[0][*part, server, at] += 0 if self.deny else count // self.lying_servers
        reports[:, :, TAP] = restricted[:, :, TAP]  # nobody taps that a call went well
        return panel_of_arrays(names, FIRST + np.arange(self.days), restricted, reports, *vouched)

    def _draw(self, rng: np.random.Generator, rows: int) -> tuple[Integers, Integers]:
        share = np.zeros((rows, self.days, 1))
        share[:: self.streams, self.begin : self.end] = self.hit
        accusing = MISTAKEN + (1 - MISTAKEN) * share * NOTICED
        out = rng.random((self.networks, self.days)) < self.outage
        badly = np.where(out, rng.uniform(0.3, 0.9, out.shape), 0.0).repeat(self.streams, axis=0)
        for source in (BROWSER, TAP):
            accusing[:, :, source] = np.maximum(accusing[:, :, source], badly)
        lying = np.where(np.arange(self.days) >= self.liars_from, self.liars, 0.0)[:, None]
        accusing = lying + (1 - lying) * accusing
        concentration = 1 / self.rho - 1
        drawn = rng.beta(accusing * concentration, (1 - accusing) * concentration)
        reports = np.broadcast_to(np.array(self.volumes), drawn.shape).copy()
        return rng.binomial(reports, drawn), reports

    def _at_servers(
        self, rng: np.random.Generator, restricted: Integers, reports: Integers
    ) -> tuple[Integers, Integers]:
        """Divides checks over test servers: (restricted, reports), streams x days x servers x kinds."""
        shape = (*restricted.shape[:2], self.servers, restricted.shape[2])
        found, of = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        left, rest = restricted.copy(), reports.copy()
        for server in range(self.servers):
            of[:, :, server] = rest // (self.servers - server)
            found[:, :, server] = rng.hypergeometric(left, rest - left, of[:, :, server])
            left, rest = left - found[:, :, server], rest - of[:, :, server]
        return found, of


@dataclass(frozen=True)
class DetectorRun:
    """The events that the detector found in one draw."""

    world: SimulatedNetworks
    episodes: list[Episode]

    def false(self, level: int) -> int:
        """How often the level was reached where nothing was restricted."""
        reached = [
            (episode.stream, episode.onset.reached[level])
            for episode in self.episodes
            if level in episode.onset.reached
        ]
        return sum(
            stream % self.world.streams > 0 or not self.world.begin <= at < self.world.end for stream, at in reached
        )

    def delays(self, level: int) -> list[float]:
        """For each target, the days of data until the level was reached; infinite where it never was."""
        first: dict[int, float] = {}
        for episode in self.episodes:
            at = episode.onset.reached.get(level, -1)
            if self.world.begin <= at < self.world.end:
                first.setdefault(episode.stream, at - self.world.begin + 1)
        return [first.get(target, np.inf) for target in self._targets]

    def end_delays(self, level: int) -> list[float]:
        """The same for the end of the restriction."""
        first: dict[int, float] = {}
        for episode in self.episodes:
            if episode.over and episode.over.reached.get(level, -1) >= self.world.end:
                first.setdefault(episode.stream, episode.over.reached[level] - self.world.end + 1)
        return [first.get(target, np.inf) for target in self._targets]

    def early_ends(self, level: int) -> int:
        """How often an event was reported as over while it went on."""
        return sum(
            bool(episode.over)
            and episode.stream in self._targets
            and episode.onset.level >= level
            and self.world.begin <= episode.over.reached[min(level, episode.over.level)] < self.world.end
            for episode in self.episodes
            if episode.over
        )

    @property
    def _targets(self) -> range:
        return range(0, self.world.networks * self.world.streams, self.world.streams)


def play_networks(world: SimulatedNetworks, rules: Assumptions, seed: int) -> DetectorRun:
    """Draws the counts and runs the detector."""
    return DetectorRun(world, Watch(world.panel(seed), rules).run())
