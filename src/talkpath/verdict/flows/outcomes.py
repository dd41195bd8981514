"""Computes the outcome of each flow in both directions: never established, silent (after how many packets), completed.

Contract: facts only. Late packets count as arrived. Text twins and the canary are included, flows over other transports
than UDP are not. An epoch without the far end's report has no outcomes.

A flow that went silent and came back, as after a NAT rebinding, has two lives: a middlebox takes what comes back for a
new flow, and its counts and timers start again. So rules are fitted to what was sent before, of calls and twins alike.
If only packets smaller than all lost ones arrive again (silence suppression under a size limit), the flow did not come
back. Rows are flows, columns are slots of one direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import is_
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Direction
from talkpath.measure.arrays import Bits, Floats
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.verdict.analysis import remember_result
from talkpath.verdict.statistics.cohort import DIRECTIONS, MEDIA_STAGES, direction_track, unpack_bitmaps

UNHEARD_OUTCOME = 3  # packets sent of which none arrived: the flow was never established (set-up alone has three tries)
PACKETS_BEFORE_CUT = 3  # packets of a flow and direction that may pass before a middlebox recognises it and stops it
MIN_SILENT_PACKETS = 6  # packets at its end of which none arrived: the flow went silent
MIN_SET_UP_CUT = 2  # likewise, and half of all its packets: a call that ended in its set-up, if most calls did
CUT_SHORT = 6  # so many flows, of any arm, went silent at the least
LEAST_TRIES = 2  # set-up packets of one kind that were sent
MOST_TOLD_DMS = 32_767  # the longest delay that a report tells, in 0.1 ms
ROUND_TRIP_SLACK_S = 0.3  # one slot's packets up and down pass a middlebox at most so far apart: one round trip


class DirectionOutcome(NamedTuple):
    """One direction of one flow. `last_s` and `next_s`: the scheduled times of the last packet that arrived and of the
    next one sent after it (None: none). `tail`: packets sent after the last arrival. `sent_s`, `arrived_s`: when each
    packet was due, and `sent_bytes`, `arrived_bytes`: its UDP payload. `back`: the flow was silent for a while and came
    back. `media`: media packets that arrived. `setup`: set-up packets that were sent. `lacks_setup`: of one kind of
    these, which was sent again, none arrived."""

    sent: int
    arrived: int
    tail: int
    last_s: float | None
    next_s: float | None
    sent_s: NDArray[np.float64]
    arrived_s: NDArray[np.float64]
    sent_bytes: NDArray[np.float64]
    arrived_bytes: NDArray[np.float64]
    back: bool = False
    media: int = 0
    setup: int = 0
    lacks_setup: bool = False

    @property
    def unheard(self) -> bool:
        """Whether enough was sent and nothing arrived."""
        return self.sent >= UNHEARD_OUTCOME and not self.arrived

    @property
    def silent(self) -> bool:
        """Whether packets arrived at first, and then none."""
        return self.arrived > 0 and self.tail >= MIN_SILENT_PACKETS


class FlowOutcome(NamedTuple):
    """The outcome of one flow. `role` is "call", "random" or "text"."""

    flow: int
    role: str
    port: int
    up: DirectionOutcome
    down: DirectionOutcome

    @property
    def stopped(self) -> bool:
        """Whether no more than its first packets arrived in either direction, no media, and nothing up after these."""
        few = max(self.up.arrived, self.down.arrived) <= PACKETS_BEFORE_CUT and not (self.up.media or self.down.media)
        return self.up.unheard or (few and self.up.tail >= MIN_SILENT_PACKETS)

    @property
    def dead(self) -> bool:
        """Whether it was never established: it was stopped, or nothing ever arrived in one direction."""
        return self.stopped or self.down.unheard

    @property
    def lacks_setup(self) -> bool:
        """Whether a kind of set-up packet never came, in either direction."""
        return self.up.lacks_setup or self.down.lacks_setup

    @property
    def passed(self) -> int:
        """How many packets arrived, both ways together."""
        return self.up.arrived + self.down.arrived

    def of(self, direction: Direction) -> DirectionOutcome:
        """Return the outcome in that direction."""
        return self.up if direction == "up" else self.down


@remember_result
def flow_outcomes(epoch: Epoch) -> tuple[FlowOutcome, ...]:
    """Return the outcome of every UDP flow, in order of flow numbers."""
    if epoch.missing:
        return ()
    flows = {
        direction: {f.flow: f for f in epoch.flows if f.transport == "udp" and f.direction == direction}
        for direction in DIRECTIONS
    }
    numbers = sorted(flows["up"].keys() & flows["down"].keys())
    up, down = (
        _of_direction(epoch, direction, [flows[direction][number] for number in numbers]) for direction in DIRECTIONS
    )
    return tuple(
        FlowOutcome(
            flow=number,
            role="call" if flows["up"][number].role == "call" else flows["up"][number].twin_kind or "random",
            port=flows["up"][number].port,
            up=there,
            down=back,
        )
        for number, there, back in zip(numbers, up, down, strict=True)
    )


def _of_direction(epoch: Epoch, direction: Direction, flows: Sequence[Observation]) -> list[DirectionOutcome]:
    plan = direction_track(epoch, direction)
    at_s, places = np.array(plan.at_ms, np.float64) / 1000.0, np.arange(len(plan.at_ms))
    size = np.array(plan.size, np.float64)
    media = np.array([stage == "media" for stage in plan.stage], np.bool_)
    setup = np.array([stage not in MEDIA_STAGES for stage in plan.stage], np.bool_)
    sent, came, late = (
        unpack_bitmaps(rows, len(places))
        for rows in ([f.sent for f in flows], [f.arrived for f in flows], [f.late for f in flows])
    )
    arrived = came | late
    last = np.where(arrived, places, -1).max(axis=1, initial=-1)
    after = sent & (places > last[:, None])
    first = np.where(after, places, len(places)).min(axis=1, initial=len(places))
    life = first_life(sent, arrived, size)
    sums = [rows.sum(axis=1).tolist() for rows in (sent, arrived, after, arrived & media, sent & setup)]
    lacks = _lacks_setup(plan, sent, arrived)
    clock = [*at_s.tolist(), None]  # index -1 and the last one, "never", read None
    return [
        DirectionOutcome(
            sent=count,
            arrived=heard,
            tail=tail,
            last_s=clock[last_place],
            next_s=clock[next_place],
            sent_s=at_s[sent[row]],
            arrived_s=at_s[arrived[row]],
            sent_bytes=size[sent[row]],
            arrived_bytes=size[arrived[row]],
            back=came_back,
            media=media_count,
            setup=setup_count,
            lacks_setup=lacks[row],
        )
        for row, (last_place, next_place, came_back, count, heard, tail, media_count, setup_count) in enumerate(
            zip(last.tolist(), first.tolist(), (life != sent).any(axis=1).tolist(), *sums, strict=True)
        )
    ]


def _lacks_setup(plan: Track, sent: Bits, arrived: Bits) -> list[bool]:
    """Return for each flow whether all set-up packets of one stage and size were lost, of two or more sent."""
    kinds = [kind if kind[0] not in MEDIA_STAGES else None for kind in zip(plan.stage, plan.size, strict=True)]
    known = list(dict.fromkeys(filter(None, kinds)))
    member = np.array([[kind == each for kind in kinds] for each in known], np.int64).reshape(len(known), len(kinds))
    return [bool(each) for each in ((sent @ member.T >= LEAST_TRIES) & (arrived @ member.T == 0)).any(axis=1)]


@remember_result
def without_failed(epoch: Epoch) -> Epoch:
    """Return the epoch without the flows that failed as a whole: never established, or silent for good. What then is
    lost is lost inside flows that go on."""
    failed = {flow.flow for flow in flow_outcomes(epoch) if flow.dead or flow.up.silent or flow.down.silent}
    return replace(epoch, flows=tuple(flow for flow in epoch.flows if flow.flow not in failed))


@remember_result
def without_ends(epoch: Epoch) -> Epoch:
    """Return the epoch without the packets at the end of each flow of which none arrived."""
    return replace(epoch, flows=tuple(map(_until_last_arrival, epoch.flows)))


@remember_result
def with_late_arrivals(epoch: Epoch) -> Epoch:
    """Return the epoch with what came after its cut among what arrived: it is late, and not lost. In a direction in
    which most flows that were heard waited for longer than the epoch did, a queue may still hold what was sent after a
    flow's last arrival: that is left out."""
    flows, most_dms = epoch.flows, min(10_000.0 * (epoch.cut_s - epoch.ended_s), MOST_TOLD_DMS)
    for direction in DIRECTIONS:
        heard = [flow for flow in epoch.flows if flow.direction == direction and (flow.delay_dms or any(flow.late))]
        queued = [any(flow.late) or flow.delay_dms[-1] >= most_dms for flow in heard]
        if 2 * sum(queued) > len(queued):
            flows = tuple(_until_last_arrival(flow) if flow.direction == direction else flow for flow in flows)
    flows = tuple(
        replace(flow, arrived=_arrivals(flow).to_bytes(len(flow.late), "little"), late=b"") if any(flow.late) else flow
        for flow in flows
    )
    return epoch if all(map(is_, flows, epoch.flows)) else replace(epoch, flows=flows)


def _arrivals(flow: Observation) -> int:
    return int.from_bytes(flow.arrived, "little") | int.from_bytes(flow.late, "little")


def _until_last_arrival(flow: Observation) -> Observation:
    sent = int.from_bytes(flow.sent, "little") & ((1 << _arrivals(flow).bit_length()) - 1)
    return replace(flow, sent=sent.to_bytes(len(flow.sent), "little"))


def cut_short(epochs: Iterable[Epoch]) -> bool:
    """Whether flows went silent for good and no other flow got further than they did. Then flows that were too short to
    show a silence may have begun one: the packets at their end that did not arrive are no loss inside them."""
    flows = [flow for epoch in epochs for flow in flow_outcomes(epoch) if not flow.dead]
    ended = [flow.passed for flow in flows if flow.up.silent and flow.down.silent]
    furthest = max((flow.passed for flow in flows if not (flow.up.silent and flow.down.silent)), default=0)
    return len(ended) >= CUT_SHORT and furthest - MIN_SILENT_PACKETS <= max(ended)


@remember_result
def media_begins_s(epoch: Epoch) -> float:
    """Return when the first media packet of the epoch was due, in seconds of the check; its start where it sent
    none."""
    due = (plan.at_ms[plan.stage.index("media")] for plan in (epoch.up, epoch.down) if "media" in plan.stage)
    return epoch.started_s + min(due, default=0.0) / 1000.0


def calls_of(epoch: Epoch) -> list[FlowOutcome]:
    """Return the outcomes of calls."""
    return [outcome for outcome in flow_outcomes(epoch) if outcome.role == "call"]


def cut_directions(calls: Iterable[FlowOutcome]) -> list[Direction]:
    """Return the directions in which most calls that the far end received at all were cut off, even if only in their
    set-up."""
    heard = [call for call in calls if call.up.arrived]
    ends = {direction: [call.of(direction) for call in heard] for direction in DIRECTIONS}
    return [
        direction
        for direction, flows in ends.items()
        if 2 * sum(end.tail >= max(MIN_SET_UP_CUT, end.sent / 2.0) for end in flows) > len(heard)
    ]


@remember_result
def quickest_s(epoch: Epoch) -> float:
    """Return the shortest set-up time, which is at least one round trip; 0 if no set-up completed."""
    times_ms = (flow.setup_ms for flow in epoch.flows if flow.setup_ms is not None and flow.transport == "udp")
    return min(times_ms, default=0.0) / 1000.0


@remember_result
def round_trip_s(epoch: Epoch) -> float:
    """Return an upper bound of one round trip, from the quickest set-up: one end's packets pass a middlebox at most so
    much later than the other end's packets of the same scheduled time."""
    return min(ROUND_TRIP_SLACK_S, quickest_s(epoch) or ROUND_TRIP_SLACK_S)


def counted_per_packet(payload_bytes: NDArray[np.float64], header_bytes: int | None) -> NDArray[np.float64]:
    """Return what each packet adds to a middlebox's count of a flow: one packet, or, given the bytes of IP and UDP
    headers, its IP bytes."""
    return np.ones(len(payload_bytes)) if header_bytes is None else payload_bytes + header_bytes


def count_at_silence(
    flow: FlowOutcome,
    hit: tuple[Direction, ...],
    slack_s: float = ROUND_TRIP_SLACK_S,
    header_bytes: int | None = None,
) -> tuple[int, int]:
    """Return (least, most): the count, both ways, that a middlebox lets pass, as one flow shows it that went silent in
    the directions `hit`. In packets, or with `header_bytes` in IP bytes.

    Every packet that arrived had passed, and the next one had not. In addition, the middlebox may have counted packets
    that were lost elsewhere, and, in a direction that was not silenced, all packets sent before the next one of the
    silenced direction. The far end starts when it receives the flow, so its packets pass the middlebox later than ours
    of the same time, by up to `slack_s`.
    """
    least = most = after = 0.0
    ends = [flow.of(direction) for direction in hit]
    last_s = max(end.last_s or 0.0 for end in ends)
    next_s = min((end.next_s for end in ends if end.next_s is not None), default=last_s)
    for direction in DIRECTIONS:
        outcome = flow.of(direction)
        sent, arrived = (
            counted_per_packet(outcome.sent_bytes, header_bytes),
            counted_per_packet(outcome.arrived_bytes, header_bytes),
        )
        if direction in hit:
            before = len(sent) - outcome.tail
            least, most = least + arrived.sum(), most + sent[:before].sum()
            after = max(after, sent[before] if outcome.tail else 0.0)
        else:
            least += arrived[outcome.arrived_s <= last_s - slack_s * (direction == "down")].sum()
            most += sent[outcome.sent_s <= next_s + slack_s * (direction == "up")].sum()
    return int(least), int(most + max(0.0, after - 1.0))


LIVED, SILENT, ALIVE = 3, 8, 8  # packets that arrived before, were lost in a row, and then arrived in a row


def first_life(sent: Bits, arrived: Bits, size: Floats) -> Bits:
    """Return what each flow sent before it first came back; everything if it never did. `size` (slots,) in bytes."""
    kept = sent.copy()
    for flow in np.flatnonzero((sent & ~arrived).sum(axis=1) >= SILENT):
        slots = np.flatnonzero(sent[flow])
        back = _first_back(arrived[flow, slots], size[slots])
        if back is not None:
            kept[flow, slots[back:]] = False
    return kept


def _first_back(came: Bits, size: Floats) -> int | None:
    """Return the number of the first packet after the flow came back; None if it did not."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], came, [False])).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]  # of runs of arrivals
    for last, begin, end in zip(ends, begins[1:], ends[1:], strict=False):
        long = begin - last >= SILENT and end - begin >= ALIVE and came[:last].sum() >= LIVED
        if long and size[begin:end].max() >= size[last:begin].min():
            return int(begin)
    return None
