"""Rates, sizes and gaps of media, ours against the captures'.

The captures' spread is what their own windows show: each stretch of as many packets as one of our flows has is looked
at by itself, and a quantile of ours must lie between the least and the greatest of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

from talkpath.apps.contract.shape import Shape

Track = Sequence[tuple[float, int]]  # (ms, bytes), one direction
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def drawn_tracks(shape: Shape, packets: int, seeds: int) -> list[Track]:
    """The media of both directions of so many schedules."""
    tracks: list[Track] = []
    for seed in range(seeds):
        slots = shape.schedule(Random(seed), packets).slots
        for way in ("up", "down"):
            tracks.append([(s.at_ms, s.size) for s in slots if s.direction == way and s.stage == "media"])
    return tracks


def cadence_differences(name: str, real: Sequence[Track], ours: Sequence[Track]) -> list[str]:
    """A line a quantity, printed; those that lie outside are returned."""
    window = len(ours[0])
    stretches = [track[at : at + window] for track in real for at in range(len(track) - window + 1)]
    rates = [packets_a_second(track) for track in ours]
    rows = [("rate", sorted(rates)[len(rates) // 2], [packets_a_second(stretch) for stretch in stretches])]
    for quantity in (payload_sizes, gaps_ms):
        pooled = [value for track in ours for value in quantity(track)]
        for q in QUANTILES:
            theirs = [quantile(quantity(stretch), q) for stretch in stretches]
            rows.append((f"{quantity.__name__} {q:.2f}", quantile(pooled, q), theirs))
    outside = []
    for label, value, theirs in rows:
        low, high = min(theirs), max(theirs)
        line = f"{name:28} {label:12} ours {value:8.1f}   captures {low:8.1f} to {high:8.1f}"
        print(line)  # noqa: T201 - the comparison is for reading
        if not low <= value <= high:
            outside.append(line)
    return outside


def packets_a_second(track: Track) -> float:
    """Packets a second."""
    return 1000 * (len(track) - 1) / max(track[-1][0] - track[0][0], 1e-9)


def payload_sizes(track: Track) -> list[float]:
    """Bytes of UDP payload."""
    return [float(size) for _, size in track]


def gaps_ms(track: Track) -> list[float]:
    """ms between one packet and the next."""
    return [after[0] - before[0] for before, after in pairwise(track)]


def quantile(values: Sequence[float], q: float) -> float:
    """The value below which a share `q` lies."""
    return sorted(values)[round(q * (len(values) - 1))]
