"""`media.size_drop` (M16): media packets above a size are dropped, so voice lives and video dies."""

from __future__ import annotations

import numpy as np

from talkpath.verdict.flows.arm_view import Side, View
from talkpath.verdict.model import Number
from talkpath.verdict.rules.directions import Best, Floats, best, ways
from talkpath.verdict.rules.rule import ONSETS, PENALTY, SURE, Fit, Parameter, Parameters, Rule

CHANCES = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, SURE])
ROUGH_ONSETS = np.array([0, 10, 20, 40])  # tried with every edge; then all ONSETS with the best
PARTIAL_NATS = 12.0  # a policer drops some of the large packets as well, and is no rarer
LIKELY_NATS = 3.0  # for 95 %, and some for what a packet lost elsewhere may hide


def explain(view: View) -> Fit | None:
    """The best edge between two sizes that calls sent."""
    sizes = _sizes(view, "both")
    if len(sizes) < 2:
        return None
    edges = sizes[:-1]
    onsets = _onsets(view, edges)
    found = _best(view, edges, onsets)
    if found is None or found.gain <= PENALTY:
        return None
    return Fit(found.gain - PENALTY, found.direction, lambda: _measure(view, edges, onsets, found))


def _onsets(view: View, edges: Floats) -> Floats:
    """None, and the one after which the box knew calls, if the best edge is right."""
    rough = _best(view, edges, ROUGH_ONSETS)
    edge = edges[[rough.point % len(edges)]] if rough else edges[:1]
    fine = _best(view, edge, ONSETS)
    return np.unique([0, ONSETS[fine.point % len(ONSETS)] if fine else 0])


def _best(view: View, edges: Floats, onsets: Floats) -> Best | None:
    return best(view, lambda side: _gains(side, edges, onsets), price=_price(edges, onsets))


def lent(view: View, over: Number) -> Fit | None:
    """How an edge that other calls showed explains this arm, of which every packet may lie above it."""
    edge = np.array([over.estimate or 0.0])
    found = _best(view, edge, ONSETS)
    return Fit(found.gain, found.direction, lambda: {"over": over}) if found is not None else None


def _gains(side: Side, edges: Floats, onsets: Floats) -> Floats:
    """(chances x onsets x edges,). A box may need some packets to know a call, and drop some of the large ones only.

    Each kind of keepalive or report is treated like media, or spared.
    """
    terms = side.terms(CHANCES[:, None])
    large, known = side.size[:, None, None] > edges, side.before[:, None, None] > onsets[:, None]
    hit = (large & known).reshape(len(side.size), -1)
    gains = terms @ (side.media[:, None] & hit)
    for kind in side.control_kinds():
        gains += np.maximum(0.0, terms @ (kind[:, None] & hit))
    return np.asarray(gains).ravel()


def _price(edges: Floats, onsets: Floats) -> Floats:
    """(chances x onsets x edges,): of a chance, and of an onset."""
    return np.asarray(
        np.add.outer(PARTIAL_NATS * (CHANCES < SURE), PENALTY * np.repeat(onsets > 0, len(edges)))
    ).ravel()


def _sizes(view: View, direction: str) -> Floats:
    """The sizes of media packets that calls sent, ascending."""
    sent = [s.size[s.media & (s.sent > 0)] for s in view.sides if direction in ("both", s.direction)]
    return np.unique(np.concatenate(sent)) if sent else np.zeros(0)


def _measure(view: View, edges: Floats, onsets: Floats, found: Best) -> Parameters:
    """Between the largest that pass and the smallest that die, for every edge that explains nearly as well."""
    hit = ways(found.direction)
    every = np.sum([_gains(side, edges, onsets) for side in view.sides if side.direction in hit], axis=0)
    gains = (every - _price(edges, onsets)).reshape(-1, len(edges)).max(axis=0)
    likely = edges[gains >= found.gain - LIKELY_NATS]
    sizes = np.unique(np.concatenate([_sizes(view, way) for way in hit]))
    passed, dropped = sizes[sizes <= likely.min()], sizes[sizes > likely.max()]
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
    loses_media=True,
)
