"""Defines a background: a `BackgroundKind` (one file of this folder), a `Background` (a kind with settings), and the
`Impairments` that it makes from a seed for one run.

A background never reads payloads. It may use a packet's size, its protocol and, where real networks do (equal-cost
paths, per-flow queues, address translators), its 5-tuple (lab/path/headers).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from talkpath.lab.parameters import Setting, Value, text_of
from talkpath.lab.path.link import PacketFilter, Queue
from talkpath.lab.path.nat import Nat

DELAY_MS = Setting("delay_ms", "ms", "each way", 15.0, high=2000)
JITTER_MS = Setting("jitter_ms", "ms", "at most, each way", 1.0, high=500)


@dataclass(frozen=True, slots=True)
class Impairments:
    """The effects of a background in one run. `duplicated` is the share of packets that arrive twice."""

    up: tuple[PacketFilter, ...] = ()
    down: tuple[PacketFilter, ...] = ()
    queue_up: Queue | None = None
    queue_down: Queue | None = None
    nat: Nat | None = None
    duplicated: float = 0.0


@dataclass(frozen=True, slots=True)
class RunSettings:
    """All settings of one run (given, drawn or default), and the random numbers of the run."""

    values: Mapping[str, Value]
    rng: Random

    def number(self, name: str) -> float:
        """A numeric setting."""
        return float(self.values[name])

    def word(self, name: str) -> str:
        """A setting that is a word."""
        return str(self.values[name])

    def random(self, part: str) -> Random:
        """Returns the separate random generator of one part of the network."""
        return Random(f"{part} {self.rng.random()}")


@dataclass(frozen=True, slots=True)
class BackgroundKind:
    """One kind of network without a restriction on calls.

    `unseen` kinds were written after the method was frozen, and the method is never tuned to them: benchmarks omit
    them, and scores report them separately.
    """

    id: str
    meaning: str
    make: Callable[[RunSettings], Impairments]
    parameters: tuple[Setting, ...] = ()
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Background:
    """A kind with settings. `values` are those that were given; `settings_of` completes them from a seed."""

    kind: BackgroundKind = field(repr=False)
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The kind's id."""
        return self.kind.id

    def settings_of(self, seed: int) -> RunSettings:
        """Returns the settings of the run with that seed."""
        rng = Random(f"background {self.id} {seed}")
        values = {}
        for parameter in (*self.kind.parameters, DELAY_MS, JITTER_MS):
            drawn = parameter.draw(rng)
            value = self.values.get(parameter.name, drawn)
            if value is not None:
                values[parameter.name] = value
        return RunSettings(values, rng)

    def __str__(self) -> str:
        return text_of(self.id, self.values)
