"""`media.freeze` (M03, M04): a recognised call runs, then everything of it is dropped for good.

After so many packets (both ways together), so many seconds, or right after the handshake. At one pace counts and
seconds say the same: the same call at another pace tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from statistics import median_high

import numpy as np

from talkpath.apps.contract.shape import Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import Bits, Side, View, before_each
from talkpath.verdict.flows.censored_tail import Tail, by_twins, counted, excluded, tail_s
from talkpath.verdict.flows.outcomes import (
    SILENT,
    SLACK_S,
    Fate,
    Way,
    fates,
    packets_at_silence,
    quickest_s,
    round_trip_s,
)
from talkpath.verdict.model import Category, Number
from talkpath.verdict.rules.cut_offs import ends
from talkpath.verdict.rules.directions import BOTH_NATS, Best, Floats, also, best, total, ways
from talkpath.verdict.rules.rule import PENALTY, SURE, Contrast, Fit, Parameter, Parameters, Rule
from talkpath.verdict.statistics.cohort import DIRECTIONS

NEAR = 0.7  # the extra loss so near to the edge that a packet may fall on either side
LEAST_SETUP_NATS = 12.0  # a few lost set-up packets beside lost media may be the line's
PACKETS_NEAR, SECONDS_NEAR = 3.0, 0.08
HANDSHAKE_PACKETS, HANDSHAKE_MEDIA = 8, 3  # that may still pass of a direction (net4people/bbs 422: "a few bytes")
HANDSHAKE_LEAD = 1.015  # a count that ends with the handshake is no coincidence: it is preferred by so much
APART_PACKETS = 6  # a flow that had so many more through than one in four had sent began anew
SPARE_S, ROOM_PACKETS = 0.05, 1  # ends of two ways, and of flows, are told apart no better
LATER_S = (0.0, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2)  # up to a round trip
LATER = (0.25, 0.5, 0.75, 1.0)  # likewise of each epoch's own, where queues make that long
KNOWN_PACKETS = 24  # by then a box knows a call (TSPU manual chapter 8: 30 packets of a session are looked at)
POINTS = 600  # thresholds tried at once; beyond, first every so many, then all about the best
BLUR = 1e-3  # counts are means over calls, of which one may have tried again


def explain(view: View) -> Fit | None:
    """The best of four: after packets, after seconds, after the handshake, or each call at an end of its own."""
    fits = {"packets": _after_packets(view),
            "seconds": _after(view, lambda side: side.at_s, SECONDS_NEAR, 0.0),
            "handshake": best(view, _handshake, apart=True),
            "each": _each(view)}  # fmt: skip
    gains = {kind: fit.gain - PENALTY * (kind != "handshake") for kind, fit in fits.items() if fit is not None}
    if not gains:
        return None
    kind = max(gains, key=lambda name: gains[name] * (HANDSHAKE_LEAD if name == "handshake" else 1.0))
    fit, gain = fits[kind], max(gains.values())
    if fit is None or gain <= 0.0 or not _ran(view, ways(fit.direction)):
        return None
    return Fit(gain, fit.direction, lambda: _measure(view, kind, ways(fit.direction)), _sharpen(view, kind))


def _ran(view: View, hit: tuple[Direction, ...]) -> bool:
    """Did anything of calls pass that way after set-up, or did set-up end as well, once it had begun? A call that was
    set up and never heard did not freeze: its media are dropped."""
    chosen = [side for side in view.sides if side.direction in hit]
    passed = (side.on("media", "control") & (side.sent > side.lost) for side in chosen)
    if any(slots.any() for slots in passed):
        return True
    begun = "up" not in hit or any(map(_begun, chosen))
    return begun and sum(map(_setup_ended, chosen)) >= LEAST_SETUP_NATS


def _in_setup(side: Side) -> Bits:
    return ~side.on("media", "control") & (side.sent > 0)


def _begun(side: Side) -> bool:
    """Did any of set-up pass up? A count lets the first packet pass, a rule about set-up does not."""
    return side.direction == "up" and bool((_in_setup(side) & (side.sent > side.lost)).any())


def _setup_ended(side: Side) -> float:
    """What is gained if from some packet of the set-up on all of it is lost; nothing where most that is lost there is
    lost in some other way."""
    terms = side.terms(np.array(SURE))[_in_setup(side)]
    gain, most = terms[::-1].cumsum().max(initial=0.0), np.maximum(terms, 0.0).sum()
    return float(gain) if 2.0 * gain > most else 0.0


def _after_packets(view: View) -> Best | None:
    """The same for each time by which the far end's packets may pass the box later."""
    later: list[Callable[[Epoch], float]] = [lambda epoch, s=s: s for s in LATER_S]  # type: ignore[misc]
    if any(quickest_s(epoch) > LATER_S[-1] for epoch in view.explained):
        later += [lambda epoch, part=part: part * quickest_s(epoch) for part in LATER]  # type: ignore[misc]
    fits = [
        _after(view, lambda side, of=of: before_each(side.epoch, of(side.epoch))[side.direction], PACKETS_NEAR, 1.0)  # type: ignore[misc]
        for of in later
    ]
    return max((fit for fit in fits if fit is not None), key=lambda fit: fit.gain, default=None)


def _after(view: View, of: Callable[[Side], Floats], near: float, least: float) -> Best | None:
    """Everything is dropped whose count or time lies beyond a threshold."""
    values = np.unique(np.concatenate([of(side) for side in view.sides])) if view.sides else np.zeros(0)
    values = values[values >= least]
    if not len(values):
        return None
    step = ceil(len(values) / POINTS)
    coarse = values[::step]
    found = _best(view, lambda side: _edge(side, of(side)[:, None] - coarse, near))
    if found is None or step == 1:
        return found
    middle = found.point % len(coarse) * step
    fine = values[max(0, middle - step) : middle + step + 1]
    return _best(view, lambda side: _edge(side, of(side)[:, None] - fine, near))


def _best(view: View, gains: Callable[[Side], Floats]) -> Best | None:
    return also(view, best(view, gains), gains)


def _edge(side: Side, beyond: Floats, near: float) -> Floats:
    """(2 points,): beyond the edge all is lost; first with a sharp edge, then with one near which most is lost."""
    sure, some = side.terms(np.array(SURE)), side.terms(np.array(NEAR))
    soft = sure @ (beyond > near) + some @ (np.abs(beyond) <= near)
    return np.concatenate([sure @ (beyond > BLUR), soft])


def _handshake(side: Side) -> Floats:
    """(2 x how many packets after set-up still pass,): then everything is lost, and few of them were media."""
    after_setup = side.on("media", "control")
    order = np.where(after_setup, after_setup.cumsum(), after_setup.cumsum() + 0.5)[:, None]
    passing = np.arange(HANDSHAKE_PACKETS + 1)
    few = (side.media[:, None] & (order <= passing)).sum(axis=0) <= HANDSHAKE_MEDIA
    gains = _edge(side, np.where(order >= 1.0, order - passing - 0.25, -np.inf), 1.0)
    return np.where(np.tile(few, 2), gains, -np.inf)


def _each(view: View) -> Best | None:
    """Each way by itself: where calls end one by one, or after the handshake; the other way may show one of these only
    as it shows the other here."""
    kinds = _handshake, ends(view)
    gains = {way: [float(g.max()) for kind in kinds if (g := total(view, way, kind)) is not None] for way in DIRECTIONS}
    tried = [Best(max(found), 0, way) for way, found in gains.items() if found]
    one = max(tried, key=lambda found: found.gain, default=None)
    both = sum(found.gain for found in tried)
    return one if one is None or len(tried) < 2 or both < one.gain + BOTH_NATS else Best(both, 0, "both")


def _sharpen(view: View, kind: str) -> tuple[Contrast, ...]:
    """Counts and times say the same at one pace, whichever happens to fit its grid better."""
    return () if kind in ("handshake", "each") or view.asked("rate", 0.5) else (("rate", 0.5),)


def _measure(view: View, kind: str, hit: tuple[Direction, ...]) -> Parameters:
    if kind == "handshake":
        return {"after": Category("handshake")}
    if kind == "each":  # no count or time that all calls share
        return {}
    calls = [(epoch, fate) for epoch in view.explained for fate in fates(epoch) if fate.role == "call"]
    ended = [(epoch, fate) for epoch, fate in calls if all(_ended(fate.way(way)) for way in hit)]
    flows = [(epoch, fate) for epoch, fate in ended if all(fate.way(way).arrived for way in hit)] or ended
    if kind == "packets":
        spans = [packets_at_silence(fate, hit, round_trip_s(epoch)) for epoch, fate in flows]
        tails = [
            counted(fate, hit, most, round_trip_s(epoch), by_twins(epoch, fate))
            for (epoch, fate), (_, most) in zip(flows, spans, strict=True)
        ]
        return {"after_packets": packets_of(spans, tails)}
    return {"after_s": seconds_of(flows, hit)}


def _ended(way: Way) -> bool:
    """Did it go silent for good, if only before its first packet? Where others lived, such flows were dead anyhow."""
    return way.tail >= SILENT and not way.back


def packets_of(spans: list[tuple[int, int]], tails: Sequence[Tail] = ()) -> Number:
    """The count after which flows with these (least, most) went silent: no less than any of them had through, and no
    more than three in four of them had been sent, or than what the line may have lost of their `tails` allows. Where
    flows contradict one another, some had begun anew in the box's eyes: the count is between them."""
    if not spans:
        return Number(None, None, None)
    low, high = max(least for least, _ in spans), three_in_four([most for _, most in spans])
    high = max(high, round(excluded(high, tails) or high + 1.0) - 1)
    if low > sorted(most for _, most in spans)[len(spans) // 4] + APART_PACKETS:
        low, high = min(least for least, _ in spans), max(low, high)
    if high <= KNOWN_PACKETS:  # a box that knows a call only after the count lets more of it pass
        low = min(low, *(most for _, most in spans))
    return _number(float(low - ROOM_PACKETS), float(max(low, high) + ROOM_PACKETS))


def three_in_four(counts: Sequence[int]) -> int:
    """The count that three in four do not exceed."""
    return sorted(counts)[3 * len(counts) // 4]


def seconds_of(flows: list[tuple[Epoch, Fate]], hit: tuple[Direction, ...]) -> Number:
    """The time after a flow's first packet, between its last arrival and the next packet sent that the line would not
    have lost."""
    way: Direction = "up" if "up" in hit else "down"
    ends = [fate.way(way) for _, fate in flows]
    last, later = [end.last_s for end in ends if end.last_s], [end.next_s for end in ends if end.next_s]
    if not last or not later:
        return Number(None, None, None)
    spare = SPARE_S if way == "up" else SLACK_S
    tails = [Tail(tail_s(fate.way(way)), by_twins(epoch, fate)[way == "down"]) for epoch, fate in flows]
    usual = median_high(later)
    low, high = max(last), max(usual, excluded(float(np.nextafter(usual, 0.0)), tails) or 0.0) + spare
    if low > high:
        low, high = min(last), low + spare
    return _number(max(0.0, low - SPARE_S), max(high, low + spare))


def _number(low: float, high: float) -> Number:
    return Number((low + high) / 2, low, high)


RULE = Rule(
    "media.freeze",
    "restricted",
    ("M03", "M04"),
    "Calls run for a while, then everything of them is dropped.",
    "From some packet on nothing of a call arrives, keepalives and what is left of its set-up included, while its "
    "twins go on; at half the pace the same count (or the same time) ends it.",
    explain,
    (
        Parameter("after_packets", "packets", "of the flow, both ways together, that pass"),
        Parameter("after_s", "s", "from the flow's first packet"),
        Parameter("after", "", '"handshake": set-up and a few packets pass'),
    ),
    (("rate", 0.5), ("watch", None)),
    loses_media=True,
)
