"""The readings of one stream's counters, and what happened between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from talkpath.measure.arrays import Floats
from talkpath.measure.call import RecordedDirection
from talkpath.wire.pcap.arrays import Bools, Ints

Medium = Literal["voice", "video"]
OFTEN_S = 2.0
"""From readings further apart nobody knows in which second something was lost."""


@dataclass(slots=True)
class Counters:
    """One stream. All but `direction`, `medium` and `ssrc` have one value a reading: seconds since 1970, and what was
    counted since the reading before it; `jitter_ms` is NaN where it was not told."""

    direction: RecordedDirection
    medium: Medium
    ssrc: int | None
    at_s: Floats
    packets: Floats
    size: Floats
    lost: Floats | None
    jitter_ms: Floats
    frozen_s: Floats | None = None
    freezes: int = 0
    span_s: Floats = field(init=False)
    """How long before each reading the one before it was; for the first as long as for the second."""

    def __post_init__(self) -> None:
        span_s = np.diff(self.at_s, prepend=self.at_s[:1])
        span_s[:1] = span_s[1:2] if len(span_s) > 1 else 1.0
        self.span_s = np.maximum(span_s, 1e-3)

    @property
    def moved(self) -> Bools:
        """Between which readings packets were counted."""
        return self.packets > 0

    @property
    def begin_s(self) -> float:
        """When the first packet can have been counted."""
        first = int(np.argmax(self.moved))
        return float(self.at_s[first] - self.span_s[first])

    @property
    def end_s(self) -> float:
        """When the last packet had been counted."""
        return float(self.at_s[self.moved][-1])

    def still(self) -> Bools:
        """Between which readings nothing was counted though the stream went on."""
        going = (self.at_s > self.begin_s) & (self.at_s <= self.end_s)
        return going & ~self.moved

    def covering(self, times: Floats) -> tuple[Ints, Bools]:
        """Return the reading that covers each time, and whether there is one."""
        place = np.searchsorted(self.at_s, times)
        inside = place < len(self.at_s)
        place = np.minimum(place, len(self.at_s) - 1)
        return place, inside & (self.at_s[place] - self.span_s[place] <= times)


def since_before(values: Floats) -> Floats:
    """Return how much a counter grew since the reading before. A counter that fell began anew; so did one whose first
    value is no larger than what it grows by elsewhere, else its first value was counted before the first reading."""
    grown = np.diff(values, prepend=0.0)
    grown = np.where(grown < 0, values, grown)
    if len(grown) > 1 and grown[0] > 3 * max(float(grown[1:].max()), 1.0):
        grown[0] = 0.0
    return np.maximum(grown, 0.0)
