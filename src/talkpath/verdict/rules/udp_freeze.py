"""`udp.freeze` (M03): every UDP flow is cut off after so many packets, calls and twins alike.

Observed in Russia from hosting networks (typically after 25 packets). An outage of the line silences all flows as well,
so one epoch proves nothing: new flows must pass again and go silent again at the same count. The null hypothesis is
generous: in one epoch of ten an outage that outlasts the epoch, from any count on. An outage in the last moments of an
epoch is no evidence: such outages are frequent, and may coincide with the interval of epochs.

A router with flood protection bans a host that sends too much for some seconds. Our own load triggers it, at the same
count in every epoch that has as many flows, while a single call would pass. A flow that is frozen ends at its own
count, whatever the others send. So the rule is named only after epochs with different numbers of flows ended at one
count although their flows together had sent different amounts, or after flows stayed dead for longer than a ban lasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import NamedTuple

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.censored_tail import Tail, by_itself, counted, excluded
from talkpath.verdict.flows.cut_off_point import ROOM_PACKETS, three_in_four
from talkpath.verdict.flows.outcomes import FlowOutcome, flow_outcomes, packets_at_silence, round_trip_s
from talkpath.verdict.memo import per_epoch
from talkpath.verdict.model import Number
from talkpath.verdict.rules.rule import Contrast, Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.whole_network import MOST, contrast, own, reported, tcp_through
from talkpath.verdict.statistics.cohort import DIRECTIONS

OUTAGE = 0.1
FLOWS = 6  # fewer in an epoch are no evidence
LEAST_SILENT = 0.1  # of an epoch's packets: a short outage at its end is no evidence
AGREE = 0.5  # at least this share of the epochs must end at the count
PASSED = 0.5  # at least this share of a flow's packets passes before it is cut off
SPARE = 2  # packets by which the counts of two epochs may differ
SOON_S = 5.0  # no tunnel or translator is known to drop a busy flow sooner
DEAD_S = 15.0  # flows that stay dead for longer are under no ban of some seconds
PACE: Contrast = ("rate", 0.5)


class FrozenEpoch(NamedTuple):
    """One epoch in which all flows were established and went silent: at which count (packets both ways), and from when
    until when. All `tails` met the same background, so together they are no more evidence than one."""

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


def explain(view: ArmView) -> Fit | None:
    """Fit if all flows of several epochs went silent at one count, and none ever got further."""
    epochs = reported(view.facts)
    found = [silence for epoch in epochs if (silence := silenced(epoch)) is not None]
    if not found or not any(outcome.up.silent or outcome.down.silent or outcome.dead for outcome in own(view)):
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


def _alike(silence: FrozenEpoch, window: int) -> float:
    """Return the evidence of an end at the same count. An outage that lasts to the epoch's end may have begun anywhere
    in the silence, and short ones are frequent: an epoch that went silent close to its end is little evidence."""
    return max(0.0, log(silence.silent / window))


@per_epoch
def silenced(epoch: Epoch) -> FrozenEpoch | None:
    """Return the silence of an epoch, if nearly all established flows went silent."""
    alive = [outcome for outcome in flow_outcomes(epoch) if not outcome.dead]
    if len(alive) < FLOWS:
        return None
    hit = tuple(way for way in DIRECTIONS if sum(f.of(way).silent for f in alive) >= MOST * len(alive))
    silent = [outcome for outcome in alive if all(outcome.of(way).silent for way in hit)]
    if not hit or not all(_passed_before(silent, way) for way in hit):
        return None
    return _span(silent, hit, round_trip_s(epoch))


def _passed_before(silent: Sequence[FlowOutcome], way: Direction) -> bool:
    """Whether flows carried most of their packets until they went silent. Behind a policer, or a line that is far too
    narrow, most are lost all along, and any gap between two that pass looks like an end."""
    flows = [outcome.of(way) for outcome in silent]
    return sum(flow.arrived for flow in flows) >= PASSED * sum(flow.sent - flow.tail for flow in flows)


def _span(flows: list[FlowOutcome], hit: tuple[Direction, ...], slack_s: float) -> FrozenEpoch:
    spans = [packets_at_silence(outcome, hit, slack_s) for outcome in flows]
    least = max(low for low, _ in spans)
    ends = [last_s for outcome in flows for way in hit if (last_s := outcome.of(way).last_s) is not None]
    tails = [
        counted(outcome, hit, high, slack_s, by_itself(outcome, 1.0 / len(flows)))
        for outcome, (_, high) in zip(flows, spans, strict=True)
    ]
    return FrozenEpoch(
        hit=hit,
        least=least,
        most=max(least, three_in_four([high for _, high in spans])),
        sent=max(outcome.up.sent + outcome.down.sent for outcome in flows),
        flows=len(flows),
        from_s=min(ends),
        until_s=max(ends),
        tails=tuple(tails),
    )


def _outlived(epochs: Sequence[Epoch], count: int, hit: tuple[Direction, ...]) -> bool:
    """Whether flows got more packets than that through, in an epoch that was not silenced."""
    flows = [outcome for epoch in epochs if silenced(epoch) is None for outcome in flow_outcomes(epoch)]
    lived = (outcome for outcome in flows if not outcome.dead)
    return any(packets_at_silence(outcome, hit)[0] > count for outcome in lived)


def _arm_shows(view: ArmView, count: int, hit: tuple[Direction, ...]) -> bool:
    """Whether the arm's flows ended so. Flows that are too short to show it do not count."""
    flows = own(view)
    over = sum(outcome.dead or outcome.up.silent or outcome.down.silent for outcome in flows)
    beyond = sum(
        packets_at_silence(outcome, hit)[0] > count
        for outcome in flows
        if not (outcome.dead or outcome.up.silent or outcome.down.silent)
    )
    return over > 0 and over >= MOST * (over + beyond)


def _dead_after(view: ArmView, epochs: Sequence[Epoch]) -> float:
    """Return the contrast between flows that were never established after such a silence and TCP that was: a server may
    stay blocked for a while."""
    last_s = max(epoch.ended_s for epoch in epochs if silenced(epoch) is not None)
    others = [epoch for epoch in epochs if silenced(epoch) is None and flow_outcomes(epoch)]
    flows = [outcome for epoch in others for outcome in flow_outcomes(epoch)]
    long = any(epoch.started_s > last_s + DEAD_S for epoch in others)
    return contrast(len(flows), tcp_through(view.facts)) if long and all(outcome.dead for outcome in flows) else 0.0


def _came_back(epochs: Sequence[Epoch]) -> bool:
    """Whether all flows were dead for a whole epoch and later ones were not. Flows under this rule pass at first."""
    flows = [(epoch.started_s, flow_outcomes(epoch)) for epoch in epochs if len(flow_outcomes(epoch)) >= FLOWS]
    dark_s = [at_s for at_s, each in flows if all(outcome.dead for outcome in each)]
    return any(at_s > min(dark_s, default=at_s) and not all(outcome.dead for outcome in each) for at_s, each in flows)


def _by_flow(found: Sequence[FrozenEpoch], least: int) -> bool:
    """Whether each flow ended at its own count: epochs agree on that count, but not on the sum over all flows."""
    sums = [(s.flows * s.least, s.flows * (s.most + SPARE)) for s in found if least <= s.most + SPARE]
    return max((low for low, _ in sums), default=0) > min((high for _, high in sums), default=0)


def _paced(found: Sequence[FrozenEpoch]) -> bool:
    """Whether flows of different packet rates ended at one count and at different times."""
    return max(s.from_s for s in found) > 1.3 * min(s.until_s for s in found)


def _measure(found: Sequence[FrozenEpoch], least: int, most: int) -> Parameters:
    """Estimate a count between `least` and `most`, or as far beyond as the line may have lost packets that passed."""
    beyond = excluded(most, [tail for silence in found for tail in silence.tails])
    low = float(min(least, most) - ROOM_PACKETS)
    high = max(least, most, (beyond or 0.0) - 1.0) + ROOM_PACKETS
    return {"after_packets": Number((low + high) / 2, low, high)}


RULE = Rule(
    id="udp.freeze",
    state="closed",
    mechanisms=("M03",),
    means="Every UDP flow is cut off after so many packets, whatever it carries.",
    shown_by=(
        "Calls and twins of every kind go silent at the same count of packets, in every epoch, and fresh "
        "flows live again."
    ),
    explain=explain,
    parameters=(Parameter("after_packets", "packets", "of a flow, both ways together, that pass"),),
    contrasts=(PACE,),
    voids=True,
)
