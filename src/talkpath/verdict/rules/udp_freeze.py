"""`udp.freeze` (M03): every UDP flow is cut off after so many packets, calls and twins alike.

What hosting networks get in Russia (typically 25 packets). A line that fails once silences all flows as well, so one
epoch proves nothing: fresh flows must live again and go silent again at the same count. How often that would happen by
itself is put down generously: an outage that outlasts the epoch in one epoch of ten, from any count on. One that falls
into an epoch's last moments says nothing: such come often, and may come round in time with the epochs.

A router that guards against floods bans whoever sends too much, for some seconds: our own load brings it about, so it
falls on the same count in every epoch that has as many flows, and a call alone would pass. A flow that is cut off ends
at its own count, whatever the others send; so nothing is said before epochs with unlike many flows ended at one count
although all their flows together had then sent unlike much, or flows stayed dead for longer than a ban lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.flows.censored_tail import Tail, by_itself, counted, excluded
from talkpath.verdict.flows.outcomes import Fate, fates, packets_at_silence, round_trip_s
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.model import Number
from talkpath.verdict.rules.media_freeze import ROOM_PACKETS, three_in_four
from talkpath.verdict.rules.rule import Contrast, Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.whole_network import MOST, contrast, own, reported, tcp_through
from talkpath.verdict.statistics.cohort import DIRECTIONS

OUTAGE = 0.1
FLOWS = 6  # fewer in an epoch say nothing
LEAST_SILENT = 0.1  # of an epoch's packets: a moment's outage at its end says nothing
AGREE = 0.5  # at least, of the epochs end at the count
SPARE = 2  # packets by which counts of two epochs may miss each other
SOON_S = 5.0  # sooner than this no tunnel or translator is known to give up on a busy flow
DEAD_S = 15.0  # flows that are dead for longer after a silence are under no ban of some seconds
PACE: Contrast = ("rate", 0.5)


class Silence(NamedTuple):
    """One epoch in which all flows lived and went silent: at what count (packets both ways) and time at the latest.
    What `tails` lost was lost to all flows in the same weather: together they say no more than one."""

    hit: tuple[Direction, ...]
    least: int
    most: int
    sent: int
    flows: int
    from_s: float
    until_s: float
    tails: tuple[Tail, ...]

    @property
    def silent(self) -> int:
        """Packets sent after the count."""
        return max(1, self.sent - self.least)


def explain(view: View) -> Fit | None:
    """All flows of several epochs went silent at one count, and none ever lived beyond it."""
    epochs = reported(view.facts)
    found = [silence for epoch in epochs if (silence := silenced(epoch)) is not None]
    if not found or not any(fate.up.silent or fate.down.silent or fate.dead for fate in own(view)):
        return None
    hit = max(found, key=lambda silence: silence.sent).hit  # short calls hardly go on after the count
    if _came_back(epochs):
        return Fit(0.0, "both" if len(hit) == 2 else hit[0])
    least, most = max(s.least for s in found), three_in_four([s.most for s in found])
    if least > most + SPARE or _outlived(epochs, most + SPARE, hit) or not _arm_shows(view, most + SPARE, hit):
        return None
    window = most + SPARE - least + 1 + SPARE
    agreeing = sum(least <= s.most + SPARE for s in found)
    if agreeing < AGREE * len(found) or all(s.silent <= window for s in found):
        return None
    long = [s for s in found if s.silent >= LEAST_SILENT * s.sent]
    gain = -log(OUTAGE) * len(long) + sum(_alike(s, window) for s in found) - _alike(found[0], window)
    dead_after = _dead_after(view, epochs)
    gain += dead_after
    slow = max(s.until_s for s in found) > SOON_S
    open_question = not dead_after and (not _by_flow(found, least) or (slow and not _paced(found)))
    direction: AffectedDirections = "both" if len(hit) == 2 else hit[0]
    return Fit(
        0.0 if open_question else gain,
        direction,
        lambda: _measure(found, least, most),
        (PACE,) if open_question else (),
    )


def _alike(silence: Silence, window: int) -> float:
    """How much an end at the same count tells. An outage that lasts to the epoch's end may have begun anywhere in the
    silence, and short ones are common: an epoch that fell silent close to its end says little."""
    return max(0.0, log(silence.silent / window))


@per_epoch
def silenced(epoch: Epoch) -> Silence | None:
    """The epoch's silence, if nearly all flows that lived ended in one."""
    alive = [fate for fate in fates(epoch) if not fate.dead]
    if len(alive) < FLOWS:
        return None
    hit = tuple(way for way in DIRECTIONS if sum(f.way(way).silent for f in alive) >= MOST * len(alive))
    if not hit:
        return None
    return _span([fate for fate in alive if all(fate.way(way).silent for way in hit)], hit, round_trip_s(epoch))


def _span(flows: list[Fate], hit: tuple[Direction, ...], slack_s: float) -> Silence:
    spans = [packets_at_silence(fate, hit, slack_s) for fate in flows]
    least = max(low for low, _ in spans)
    ends = [last_s for fate in flows for way in hit if (last_s := fate.way(way).last_s) is not None]
    return Silence(
        hit,
        least,
        max(least, three_in_four([high for _, high in spans])),
        max(fate.up.sent + fate.down.sent for fate in flows),
        len(flows),
        min(ends),
        max(ends),
        tuple(
            counted(fate, hit, high, slack_s, by_itself(fate, 1.0 / len(flows)))
            for fate, (_, high) in zip(flows, spans, strict=True)
        ),
    )


def _outlived(epochs: Sequence[Epoch], count: int, hit: tuple[Direction, ...]) -> bool:
    """Did flows get more than that through, in an epoch that was not silenced, and something still came?"""
    lived = (fate for epoch in epochs if silenced(epoch) is None for fate in fates(epoch) if not fate.dead)
    return any(packets_at_silence(fate, hit)[0] > count for fate in lived)


def _arm_shows(view: View, count: int, hit: tuple[Direction, ...]) -> bool:
    """Did the arm's flows end so? Those too short to tell do not count."""
    flows = own(view)
    over = sum(fate.dead or fate.up.silent or fate.down.silent for fate in flows)
    beyond = sum(
        packets_at_silence(fate, hit)[0] > count
        for fate in flows
        if not (fate.dead or fate.up.silent or fate.down.silent)
    )
    return over > 0 and over >= MOST * (over + beyond)


def _dead_after(view: View, epochs: Sequence[Epoch]) -> float:
    """After such a silence a server may be dead for a while: flows that never lived any more, beside TCP that did."""
    last_s = max(epoch.ended_s for epoch in epochs if silenced(epoch) is not None)
    others = [epoch for epoch in epochs if silenced(epoch) is None and fates(epoch)]
    flows = [fate for epoch in others for fate in fates(epoch)]
    long = any(epoch.started_s > last_s + DEAD_S for epoch in others)
    return contrast(len(flows), tcp_through(view.facts)) if long and all(fate.dead for fate in flows) else 0.0


def _came_back(epochs: Sequence[Epoch]) -> bool:
    """Was everything dead for a whole epoch, and lived later? Flows that are cut off at their count are born alive."""
    flows = [(epoch.started_s, fates(epoch)) for epoch in epochs if len(fates(epoch)) >= FLOWS]
    dark_s = [at_s for at_s, each in flows if all(fate.dead for fate in each)]
    return any(at_s > min(dark_s, default=at_s) and not all(fate.dead for fate in each) for at_s, each in flows)


def _by_flow(found: Sequence[Silence], least: int) -> bool:
    """Did flows end at their own count? Epochs that end at that of all, but with no sum over all flows in common."""
    sums = [(s.flows * s.least, s.flows * (s.most + SPARE)) for s in found if least <= s.most + SPARE]
    return max((low for low, _ in sums), default=0) > min((high for _, high in sums), default=0)


def _paced(found: Sequence[Silence]) -> bool:
    """Did flows of unlike pace end at one count and at unlike times?"""
    return max(s.from_s for s in found) > 1.3 * min(s.until_s for s in found)


def _measure(found: Sequence[Silence], least: int, most: int) -> Parameters:
    """A count between `least` and `most`, or as far beyond as the line may have lost what passed."""
    beyond = excluded(most, [tail for silence in found for tail in silence.tails])
    low = float(min(least, most) - ROOM_PACKETS)
    high = max(least, most, (beyond or 0.0) - 1.0) + ROOM_PACKETS
    return {"after_packets": Number((low + high) / 2, low, high)}


RULE = Rule(
    "udp.freeze",
    "closed",
    ("M03",),
    "Every UDP flow is cut off after so many packets, whatever it carries.",
    "Calls and twins of every kind go silent at the same count of packets, in every epoch, and fresh flows live again.",
    explain,
    (Parameter("after_packets", "packets", "of a flow, both ways together, that pass"),),
    (PACE,),
    voids=True,
)
