"""`media.size_drop` (M16): media packets above a size are dropped, so voice lives and video dies."""

from __future__ import annotations

import numpy as np

from talkpath.verdict.model import Number
from talkpath.verdict.rules.rule import PENALTY, SURE, Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.ways import Best, Floats, best, ways
from talkpath.verdict.view import View

SHARES = np.array([0.2, 0.35, 0.5, 0.65, 0.8, 0.9, SURE])  # of the larger packets that are dropped
EDGES = 80


def explain(view: View) -> Fit | None:
    """The best edge between two sizes that calls sent."""
    sizes = _sizes(view, "both")
    if len(sizes) < 2:
        return None
    edges = np.unique(np.quantile(sizes[:-1], np.linspace(0.0, 1.0, EDGES), method="nearest"))
    found = best(
        view, lambda side: (side.terms(SHARES[:, None]) @ (side.media[:, None] & (side.size[:, None] > edges))).ravel()
    )
    if found is None:
        return None
    gain = found.gain - PENALTY * (1 if SHARES[found.point // len(edges)] == SURE else 2)
    if gain <= 0.0:
        return None
    return Fit(gain, found.direction, lambda: _measure(view, float(edges[found.point % len(edges)]), found))


def _sizes(view: View, direction: str) -> Floats:
    """The sizes of media packets that calls sent, ascending."""
    sent = [s.size[s.media & (s.sent > 0)] for s in view.sides if direction in ("both", s.direction)]
    return np.unique(np.concatenate(sent)) if sent else np.zeros(0)


def _measure(view: View, edge: float, found: Best) -> Parameters:
    """Between the largest that pass and the smallest that die."""
    sizes = np.unique(np.concatenate([_sizes(view, way) for way in ways(found.direction)]))
    passed, dropped = sizes[sizes <= edge], sizes[sizes > edge]
    low, high = float(passed.max(initial=0.0)), float(dropped.min(initial=65535.0))
    return {"over": Number((low + high) / 2, low, high)}


RULE = Rule(
    "media.size_drop",
    "restricted",
    ("M16",),
    "Large packets of calls are dropped: voice lives, video dies.",
    "Packets above a size are lost, smaller ones of the same flows pass at the twins' rate, whatever the pace.",
    explain,
    (Parameter("over", "bytes", "of UDP payload: up to here packets pass"),),
    (("rate", 0.5),),
)
