"""`udp.freeze` (M03): every UDP flow is cut off after so many packets or IP bytes, calls and twins alike.

Observed in Russia from hosting networks (typically after 25 packets; TCP after 16 to 20 kB). Flows that send packets
of different sizes tell the two counts apart: they end at one of them only. An outage of the line silences all flows
as well, so one epoch proves nothing: new flows must pass again and go silent again at the same count. The null
hypothesis is generous: in one epoch of ten an outage that outlasts the epoch, from any count on. An outage in the
last moments of an epoch is no evidence: such outages are frequent, and may coincide with the interval of epochs.

A router with flood protection bans a host that sends too much for some seconds. Our own load triggers it, at the same
count in every epoch that has as many flows, while a single call would pass. A flow that is frozen ends at its own
count, whatever the others send. So the rule is named only after epochs with different numbers of flows ended at one
count although their flows together had sent different amounts, or after flows stayed dead for longer than a ban lasts.
One epoch alone shows no count: something may have begun in one moment, and if nothing passes since, UDP is blocked.
Where flows to some ports go on, every time, the rule acts on the other ports alone.
Of calls that live through the check one epoch counts, and of the arm's own: they begin at once, and would end at once
in an outage, or where a translator loses its table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import log
from typing import NamedTuple

import numpy as np
from msgspec import structs

from talkpath.apps.contract.shape import AffectedDirections, Direction
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.censored_tail import Tail, first_excluded, tail_by_count, tail_by_itself
from talkpath.verdict.flows.cut_off_point import ROOM_PACKETS, three_in_four_live
from talkpath.verdict.flows.outcomes import (
    FlowOutcome,
    count_at_silence,
    counted_per_packet,
    flow_outcomes,
    round_trip_s,
)
from talkpath.verdict.model import Number
from talkpath.verdict.rules.port_block import PortFate, failing_ports, ports_parameter, prediction_log_e
from talkpath.verdict.rules.rule import Fit, Parameter, Parameters, Rule
from talkpath.verdict.rules.whole_network import (
    NEARLY_ALL_FLOWS,
    flows_of,
    own_outcomes,
    reported_epochs,
    split_contrast,
    tcp_through,
)
from talkpath.verdict.statistics.cohort import DIRECTIONS
from talkpath.wire.control.question import LongCalls, Question, RateContrast

OUTAGE_CHANCE = 0.1
MIN_FREEZE_FLOWS = 6  # fewer in an epoch are no evidence
LONG_FLOWS = 2  # likewise of one that lives through the check: the call and a twin
LEAST_SILENT = 0.1  # of an epoch's packets: a short outage at its end is no evidence
MIN_AGREEING_SHARE = 0.5  # at least this share of the epochs must end at the count
MIN_PASSED_SHARE = 0.5  # at least this share of a flow's packets passes before it is cut off
SPARE_PACKETS = 2  # packets by which the counts of two epochs may differ; for bytes, so many of the usual size
SOON_S = 5.0  # no tunnel or translator is known to drop a busy flow sooner
DEAD_S = 15.0  # flows that stay dead for longer are under no ban of some seconds
COUNT_OR_TIME_NATS = 3.0  # 20 to 1: what counts of packets and of bytes explain must differ by so much to be told apart
MIN_COUNTED_EPOCHS = 2
MIN_PORTS_NATS = 12.0  # that it is the port that tells which flows end
PACE_CONTRAST: Question = RateContrast(0.5)


class FrozenEpoch(NamedTuple):
    """One epoch in which all flows were established and went silent: at which count (packets or bytes, both ways), of
    what the longest `sent`, and from when until when. `spare`: the count of `SPARE_PACKETS` packets. All `tails` met
    the same background, so together they are no more evidence than one."""

    hit: tuple[Direction, ...]
    least: int
    most: int
    sent: int
    spare: int
    flows: int
    from_s: float
    until_s: float
    tails: tuple[Tail, ...]

    @property
    def silent(self) -> int:
        """What was sent after the count."""
        return max(1, self.sent - self.least)


def explain(view: ArmView) -> Fit | None:
    """Fit if all flows of several epochs went silent at one count, and none ever got further; or all flows to some
    ports, where those to others did each time."""
    whole = _explain_flows(view)
    if whole is not None and whole.gain > 0.0:
        return whole
    fates = _port_fates(reported_epochs(view.facts))
    ports, told = failing_ports(fates), prediction_log_e(fates)
    apart = _explain_flows(_only_to(tuple(ports), view)) if told >= MIN_PORTS_NATS else None
    if apart is None:
        return whole
    measure = apart.measure
    return replace(apart, gain=min(apart.gain, told), measure=lambda: {**measure(), **ports_parameter(ports)})


@remember_result
def _port_fates(epochs: tuple[Epoch, ...]) -> list[list[PortFate]]:
    """Return for each epoch the flows that ended, and those that got further than nearly all of these."""
    flows = [[(f, f.up.silent or f.down.silent) for f in flow_outcomes(epoch) if not f.dead] for epoch in epochs]
    ended = sorted(flow.passed for each in flows for flow, silent in each if silent)
    most = ended[int(NEARLY_ALL_FLOWS * len(ended))] if ended else 0
    return [[PortFate(f.port, silent) for f, silent in each if silent or f.passed > most] for each in flows]


def _only_to(ports: tuple[int, ...], view: ArmView) -> ArmView:
    """Return the view with flows to these ports alone."""
    every, own, long, quiet = (
        tuple(_flows_to(epoch, ports) for epoch in epochs)
        for epochs in (view.facts.epochs, view.epochs, view.all_long, view.all_quiet)
    )
    facts = structs.replace(view.facts, epochs=every)
    return replace(view, facts=facts, epochs=own, all_long=long, all_quiet=quiet)


@remember_result
def _flows_to(epoch: Epoch, ports: tuple[int, ...]) -> Epoch:
    return structs.replace(epoch, flows=tuple(flow for flow in epoch.flows if flow.port in ports))


def _explain_flows(view: ArmView) -> Fit | None:
    """Fit the count of packets, of bytes, or of both where flows do not tell them apart."""
    by_packets, by_bytes = (_explain_counted(view, header_bytes) for header_bytes in (None, view.header_bytes))
    if by_packets is None or by_bytes is None:
        return by_packets or by_bytes
    if abs(by_packets.gain - by_bytes.gain) > COUNT_OR_TIME_NATS:
        return max(by_packets, by_bytes, key=lambda fit: fit.gain)
    return replace(by_packets, measure=lambda: {**by_packets.measure(), **by_bytes.measure()})


def _explain_counted(view: ArmView, header_bytes: int | None) -> Fit | None:
    epochs = (*reported_epochs(view.facts), *sorted(view.long, key=lambda epoch: len(epoch.flows))[-1:])
    found = [silence for epoch in epochs if (silence := epoch_silence(epoch, header_bytes)) is not None]
    mine = [*own_outcomes(view), *flows_of(view.long)]
    if not found or not any(outcome.up.silent or outcome.down.silent or outcome.dead for outcome in mine):
        return None
    spare = max(s.spare for s in found)
    hit = max(found, key=lambda silence: silence.sent).hit  # short calls hardly go on after the count
    direction: AffectedDirections = "both" if len(hit) == 2 else hit[0]
    if _came_back(epochs):
        return Fit(0.0, direction)
    least, most = max(s.least for s in found), three_in_four_live([s.most for s in found])
    further = partial(_got_further, count=most + spare, hit=hit, header_bytes=header_bytes)
    if least > most + spare or _was_outlived((*epochs, *view.all_long), further) or not _arm_shows(mine, further):
        return None
    window = most + spare - least + 1 + spare
    agreeing = sum(least <= s.most + spare for s in found)
    if agreeing < MIN_AGREEING_SHARE * len(found) or all(s.silent <= window for s in found):
        return None
    if agreeing < MIN_COUNTED_EPOCHS:
        return Fit(0.0, direction, sharpen=(PACE_CONTRAST,))
    long = [s for s in found if s.silent >= LEAST_SILENT * s.sent]
    gain = (
        -log(OUTAGE_CHANCE) * len(long) + sum(_like_counts(s, window) for s in found) - _like_counts(found[0], window)
    )
    by_flow = _by_flow(found, least)
    dead_after = _dead_after(view, epochs, by_flow=by_flow)
    slow = max(s.until_s for s in found) > SOON_S
    open_question = not dead_after and (not by_flow or (slow and not _paces_differ(found)))
    return Fit(
        0.0 if open_question else gain + dead_after,
        direction,
        lambda: _measure_count("after_packets" if header_bytes is None else "after_bytes", found, least, most),
        (PACE_CONTRAST,) if open_question else (),
    )


def _like_counts(silence: FrozenEpoch, window: int) -> float:
    """Return the evidence of an end at the same count. An outage that lasts to the epoch's end may have begun anywhere
    in the silence, and short ones are frequent: an epoch that went silent close to its end is little evidence."""
    return max(0.0, log(silence.silent / window))


@remember_result
def epoch_silence(epoch: Epoch, header_bytes: int | None = None) -> FrozenEpoch | None:
    """Return the silence of an epoch, if nearly all established flows went silent: in packets, or in IP bytes."""
    alive = [outcome for outcome in flow_outcomes(epoch) if not outcome.dead]
    if len(alive) < (LONG_FLOWS if isinstance(epoch.question, LongCalls) else MIN_FREEZE_FLOWS):
        return None
    hit = tuple(
        direction
        for direction in DIRECTIONS
        if sum(f.of(direction).silent for f in alive) >= NEARLY_ALL_FLOWS * len(alive)
    )
    silent = [outcome for outcome in alive if all(outcome.of(direction).silent for direction in hit)]
    if not hit or not all(_passed_before(silent, direction) for direction in hit):
        return None
    return _silence_span(silent, hit, round_trip_s(epoch), header_bytes)


def _passed_before(silent: Sequence[FlowOutcome], direction: Direction) -> bool:
    """Whether flows carried most of their packets until they went silent. Behind a policer, or a line that is far too
    narrow, most are lost all along, and any gap between two that pass looks like an end."""
    flows = [outcome.of(direction) for outcome in silent]
    return sum(flow.arrived for flow in flows) >= MIN_PASSED_SHARE * sum(flow.sent - flow.tail for flow in flows)


def _silence_span(
    flows: list[FlowOutcome], hit: tuple[Direction, ...], slack_s: float, header_bytes: int | None
) -> FrozenEpoch:
    spans = [count_at_silence(outcome, hit, slack_s, header_bytes) for outcome in flows]
    sent = [
        counted_per_packet(np.concatenate([outcome.up.sent_bytes, outcome.down.sent_bytes]), header_bytes)
        for outcome in flows
    ]
    least = max(low for low, _ in spans)
    ends = [last_s for outcome in flows for direction in hit if (last_s := outcome.of(direction).last_s) is not None]
    tails = [
        tail_by_count(outcome, hit, high, slack_s, tail_by_itself(outcome, 1.0 / len(flows)), header_bytes)
        for outcome, (_, high) in zip(flows, spans, strict=True)
    ]
    return FrozenEpoch(
        hit=hit,
        least=least,
        most=max(least, three_in_four_live([high for _, high in spans])),
        sent=int(max(packets.sum() for packets in sent)),
        spare=round(SPARE_PACKETS * max(packets.mean() for packets in sent)),
        flows=len(flows),
        from_s=min(ends),
        until_s=max(ends),
        tails=tuple(tails),
    )


def _got_further(outcome: FlowOutcome, *, count: int, hit: tuple[Direction, ...], header_bytes: int | None) -> bool:
    """Whether more than the count of a flow passed."""
    return count_at_silence(outcome, hit, header_bytes=header_bytes)[0] > count


def _was_outlived(epochs: Sequence[Epoch], further: Callable[[FlowOutcome], bool]) -> bool:
    """Whether flows got further than the count, in an epoch that was not silenced."""
    flows = [outcome for epoch in epochs if epoch_silence(epoch) is None for outcome in flow_outcomes(epoch)]
    return any(further(outcome) for outcome in flows if not outcome.dead)


def _arm_shows(mine: Sequence[FlowOutcome], further: Callable[[FlowOutcome], bool]) -> bool:
    """Whether the arm's flows ended so. Flows that are too short to show it do not count."""
    ended = [outcome.dead or outcome.up.silent or outcome.down.silent for outcome in mine]
    beyond = sum(not over and further(outcome) for over, outcome in zip(ended, mine, strict=True))
    return sum(ended) > 0 and sum(ended) >= NEARLY_ALL_FLOWS * (sum(ended) + beyond)


def _dead_after(view: ArmView, epochs: Sequence[Epoch], *, by_flow: bool) -> float:
    """Return the contrast between flows that were never established after such a silence and TCP that was: a server may
    stay blocked for a while. If flows ended at their own counts, others may have passed before."""
    last_s = max(epoch.ended_s for epoch in epochs if epoch_silence(epoch) is not None)
    others = [epoch for epoch in epochs if epoch_silence(epoch) is None and flow_outcomes(epoch)]
    others = [epoch for epoch in others if not by_flow or epoch.started_s > last_s]
    flows = [outcome for epoch in others for outcome in flow_outcomes(epoch)]
    long = any(epoch.started_s > last_s + DEAD_S for epoch in others)
    return (
        split_contrast(len(flows), tcp_through(view.facts)) if long and all(outcome.dead for outcome in flows) else 0.0
    )


def _came_back(epochs: Sequence[Epoch]) -> bool:
    """Whether all flows were dead for a whole epoch and later ones were not. Flows under this rule pass at first."""
    flows = [
        (epoch.started_s, flow_outcomes(epoch)) for epoch in epochs if len(flow_outcomes(epoch)) >= MIN_FREEZE_FLOWS
    ]
    dark_s = [at_s for at_s, each in flows if all(outcome.dead for outcome in each)]
    return any(at_s > min(dark_s, default=at_s) and not all(outcome.dead for outcome in each) for at_s, each in flows)


def _by_flow(found: Sequence[FrozenEpoch], least: int) -> bool:
    """Whether each flow ended at its own count: epochs agree on that count, but not on the sum over all flows."""
    sums = [(s.flows * s.least, s.flows * (s.most + s.spare)) for s in found if least <= s.most + s.spare]
    return max((low for low, _ in sums), default=0) > min((high for _, high in sums), default=0)


def _paces_differ(found: Sequence[FrozenEpoch]) -> bool:
    """Whether flows of different packet rates ended at one count and at different times."""
    return max(s.from_s for s in found) > 1.3 * min(s.until_s for s in found)


def _measure_count(name: str, found: Sequence[FrozenEpoch], least: int, most: int) -> Parameters:
    """Estimate a count between `least` and `most`, or as far beyond as the line may have lost packets that passed."""
    beyond = first_excluded(most, [tail for silence in found for tail in silence.tails])
    room = max(s.spare for s in found) * ROOM_PACKETS / SPARE_PACKETS
    low = max(0.0, min(least, most) - room)
    high = max(least, most, (beyond or 0.0) - 1.0) + room
    return {name: Number((low + high) / 2, low, high)}


RULE = Rule(
    id="udp.freeze",
    state="closed",
    mechanisms=("M03",),
    means="Every UDP flow is cut off after so many packets or bytes, whatever it carries.",
    shown_by=(
        "Calls and twins of every kind go silent at the same count of packets or bytes, in every epoch, and fresh "
        "flows live again; all flows, or all to some ports while those to others go on."
    ),
    explain=explain,
    parameters=(
        Parameter("after_packets", "packets", "of a flow, both ways together, that pass"),
        Parameter("after_bytes", "bytes", "the same in IP bytes"),
        Parameter(
            "port", "UDP port", "of the far end whose flows are cut off, a list where there are several; absent if all"
        ),
    ),
    contrasts=(PACE_CONTRAST,),
    voids=True,
)
