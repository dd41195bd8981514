"""Declares how `proof score` draws the settings of a mechanism at random.

Contract: a function of the random numbers and of the call alone. `settings` returns None where the numbers drawn cannot
act on the call within a check (a limit above what the call sends): such a draw is discarded and repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

DrawnSettings = dict[str, float | str]

DEFAULT_WATCH_S = 2.5  # how long a default check watches a call
BASELINE_PACKETS = 25


class DrawnCall(Protocol):
    """The properties of the call on which a mechanism's settings may depend."""

    @property
    def packet_rate(self) -> float:
        """Packets a second, each way."""

    @property
    def ports(self) -> Sequence[int]:
        """UDP ports of the far end."""

    def media_sizes(self) -> tuple[list[int], list[int]]:
        """Bytes of each media packet, up and down."""

    def offered_kbps(self) -> float:
        """IP bit rate of the slower direction."""


def direction_alone(rng: Random, call: DrawnCall) -> DrawnSettings | None:
    """Draws the settings of a mechanism that has only direction, app and medium."""
    return {}


@dataclass(frozen=True, slots=True)
class Drawing:
    """Describes how a mechanism is drawn.

    `order` is its place in the list that `proof score` draws from: a new mechanism takes the next number, so that the
    list does not depend on file names. `weight` is how often it stands in that list, 0 for never: then `why_never`
    gives the reason.
    """

    order: int
    weight: int = 1
    settings: Callable[[Random, DrawnCall], DrawnSettings | None] = direction_alone
    why_never: str = ""


def never_drawn(reason: str) -> Drawing:
    """Declares a mechanism that no check of `proof score` could detect."""
    return Drawing(order=0, weight=0, why_never=reason)


def log_uniform(rng: Random, low: float, high: float) -> float:
    """Draws a number whose logarithm is uniform, rounded to three digits after the point."""
    return round(float(low * (high / low) ** rng.random()), 3)
