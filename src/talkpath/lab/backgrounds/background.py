"""What a background is: a `Kind` (one file of this package), a `Background` (a kind with its settings), and the
`Weather` that it makes of a seed.

A background is blind to what packets carry. It may look at their size, their protocol and, where networks do
(equal-cost paths, per-flow queues, translators), at the 5-tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from zlib import crc32

from talkpath.lab.parameters import Parameter, Value, text_of
from talkpath.lab.path.link import Filter, Queue
from talkpath.lab.path.nat import Nat
from talkpath.wire.ip.packets import UDP

DELAY_MS = Parameter("delay_ms", "ms", "each way", 15.0, high=2000)
JITTER_MS = Parameter("jitter_ms", "ms", "at most, each way", 1.0, high=500)


@dataclass(frozen=True, slots=True)
class Weather:
    """What a background does in one run. `twice` is the share of packets that arrive two times."""

    up: tuple[Filter, ...] = ()
    down: tuple[Filter, ...] = ()
    queue_up: Queue | None = None
    queue_down: Queue | None = None
    nat: Nat | None = None
    twice: float = 0.0


@dataclass(frozen=True, slots=True)
class Draws:
    """The settings of one run, all of them: given, drawn or by default; and the run's dice."""

    values: Mapping[str, Value]
    rng: Random

    def number(self, name: str) -> float:
        """A numeric setting."""
        return float(self.values[name])

    def word(self, name: str) -> str:
        """A setting that is a word."""
        return str(self.values[name])

    def random(self, name: str) -> Random:
        """Dice of its own for one part of the weather."""
        return Random(f"{name} {self.rng.random()}")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of network without a restriction on calls. `unseen` ones were written apart from the method, and nobody
    tunes it to them: benchmarks leave them out, scores report them apart."""

    id: str
    meaning: str
    make: Callable[[Draws], Weather]
    parameters: tuple[Parameter, ...] = ()
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Background:
    """A kind set up. `values` holds what was given; `draws` fills in the rest from a seed."""

    kind: Kind = field(repr=False)
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The kind's id."""
        return self.kind.id

    def draws(self, seed: int) -> Draws:
        """The settings of the run with that seed."""
        rng = Random(f"background {self.id} {seed}")
        values = {}
        for parameter in (*self.kind.parameters, DELAY_MS, JITTER_MS):
            drawn = parameter.draw(rng)
            value = self.values.get(parameter.name, drawn)
            if value is not None:
                values[parameter.name] = value
        return Draws(values, rng)

    def __str__(self) -> str:
        return text_of(self.id, self.values)


def is_udp(packet: bytes) -> bool:
    """Is it UDP, of either family?"""
    return (packet[9] if packet[0] >> 4 == 4 else packet[6]) == UDP


def five_tuple(packet: bytes) -> bytes:
    """Addresses and ports as they stand in the packet, and the protocol. An address: never print it."""
    if packet[0] >> 4 == 4:
        return packet[12:24] + packet[9:10]
    return packet[8:44] + packet[6:7]


def flow_of(packet: bytes, up: bool) -> bytes:
    """The same for both directions of a 5-tuple."""
    key = five_tuple(packet)
    if up:
        return key
    size = (len(key) - 5) // 2
    ports = key[2 * size : 2 * size + 4]
    return key[size : 2 * size] + key[:size] + ports[2:] + ports[:2] + key[-1:]


def flow_share(packet: bytes, salt: int) -> float:
    """A number in [0, 1) that a network works out of the 5-tuple (in each direction another)."""
    return crc32(five_tuple(packet), salt) / 2**32
