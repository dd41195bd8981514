"""The calls of an app that a file of the product's describes. What reads and plays the file is imported once a call is
drawn: naming a recording's calls needs none of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING

from talkpath.apps.contract.shape import Arm, Confidence, Schedule

if TYPE_CHECKING:
    from talkpath.apps.recorded.played import PlayedShape


@dataclass(frozen=True)
class AppCall:
    """A `Shape`: the calls of an app as one of the product's own files (`data/`) has them.

    `file` is its name without the ending, read when the first call is drawn. `mirrored`: this end does what the other
    end did in the recording, so that the end which begins the handshake is this one. `assumed`: the file is of another
    app's calls.
    """

    arm: Arm
    file: str
    shape_class: str
    mirrored: bool = False
    assumed: bool = False

    @cached_property
    def played(self) -> PlayedShape:
        """The shape that the file has."""
        from talkpath.apps.recorded.played import PlayedShape, product_record

        return PlayedShape(product_record(self.file, self.mirrored))

    @property
    def confidence(self) -> Confidence:
        """See `Shape`."""
        return "low" if self.assumed else self.played.confidence

    @property
    def packet_rate(self) -> float:
        """See `Shape`."""
        return self.played.packet_rate

    def schedule(self, rng: Random, packets: int, *, rate: float = 1.0, hello: str = "browser") -> Schedule:
        """See `Shape`."""
        return self.played.schedule(rng, packets, rate=rate, hello=hello)

    def datagrams(self, schedule: Schedule, key: bytes) -> list[bytes]:
        """See `Shape`."""
        return self.played.datagrams(schedule, key)
