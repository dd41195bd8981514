"""Turns the two ends' reports of an epoch into its facts (spec/tp-001)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from talkpath.apps.contract.shape import Slot, setup_stages
from talkpath.experiment.flight import UNKNOWN_DMS
from talkpath.experiment.layout import DirectionPlan, Layout, PlannedFlow
from talkpath.measure.arrays import Bits
from talkpath.measure.bitmap import unpack_bitmap_rows
from talkpath.measure.bounds import MOST_COUNT
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Observation, Track
from talkpath.measure.transport_quality import without_hello
from talkpath.wire.control.messages import FlowReport

Times = NDArray[np.int32]

Setup = tuple[dict[str, bool], float | None]
Seen = tuple[bytes, bytes, tuple[int, ...]]

EMPTY_REPORT = FlowReport(b"", b"", b"", b"")


def epoch_facts(
    layout: Layout,
    probe: Sequence[FlowReport],
    responder: Sequence[FlowReport],
    *,
    started_s: float,
    ended_s: float,
    cut_s: float,
    known_s: float,
    first_id: int,
    missing: str = "",
) -> Epoch:
    """Build the facts of an epoch. If `responder` is empty (`missing` has the reason), its packets count as unsent."""
    begin, arm = layout.begin, layout.arm
    theirs = responder or [EMPTY_REPORT] * len(layout.flows)
    seen_both = _seen_packets(layout.up, probe, theirs), _seen_packets(layout.down, theirs, probe)
    observations: list[Observation] = []
    for flow, setup, *both in zip(layout.flows, _stage_answers(layout, probe), *seen_both, strict=True):
        for side, seen in zip((layout.up, layout.down), both, strict=True):
            observations.append(_observe_flow(first_id + len(observations), flow, side, setup, seen))
    for place, report in enumerate(report for both in zip(theirs, probe, strict=True) for report in both):
        if report.added:
            observations[place] = msgspec.structs.replace(observations[place], added=min(report.added, MOST_COUNT))
    if limit := layout.limit:
        side, senders = (layout.up, probe) if limit.direction == "up" else (layout.down, theirs)
        observations = _with_hops(layout, side, observations, senders)
    return Epoch(
        number=begin.number,
        app=arm.app,
        variant=arm.variant,
        medium=arm.medium,
        k=begin.k,
        started_s=round(started_s, 4),
        ended_s=round(ended_s, 4),
        cut_s=round(cut_s, 4),
        known_s=round(known_s, 4),
        up=_direction_track(layout, layout.up),
        down=_direction_track(layout, layout.down),
        flows=tuple(observations),
        question=begin.question,
        missing=missing,
    )


def with_late(epoch: Epoch, up: Sequence[bytes], down: Sequence[bytes]) -> Epoch:
    """Return the epoch with what arrived after its cut: a bitmap for each flow and direction, () where an end has
    none."""
    late = {"up": up, "down": down}
    flows = tuple(
        msgspec.structs.replace(flow, late=late[flow.direction][place // 2]) if late[flow.direction] else flow
        for place, flow in enumerate(epoch.flows)
    )
    return msgspec.structs.replace(epoch, flows=flows)


def _with_hops(
    layout: Layout, side: DirectionPlan, seen: Sequence[Observation], senders: Sequence[FlowReport]
) -> list[Observation]:
    """Add which packets had a hop limit, and the Time Exceeded messages that their sender got for them."""
    limited = _packed_bits(frozenset(side.limited), len(side.slots))
    return [
        msgspec.structs.replace(
            one,
            limited=limited,
            hops=layout.flows[place // 2].hops,
            exceeded=senders[place // 2].exceeded,
            router=senders[place // 2].router,
        )
        if one.direction == side.direction
        else one
        for place, one in enumerate(seen)
    ]


def _direction_track(layout: Layout, side: DirectionPlan) -> Track:
    slots = [layout.schedule.slots[slot] for slot in side.slots]
    return Track(
        at_ms=tuple(round(slot.at_ms, 3) for slot in slots),
        size=tuple(slot.size for slot in slots),
        stage=tuple(slot.stage for slot in slots),
    )


def _observe_flow(number: int, flow: PlannedFlow, side: DirectionPlan, setup: Setup, seen: Seen) -> Observation:
    sent, arrived, delay_dms = seen
    answered, setup_ms = setup
    return Observation(
        id=number,
        flow=flow.number,
        role="call" if flow.role == "call" else "twin",
        direction=side.direction,
        sent=sent,
        arrived=arrived,
        withheld=_packed_bits(side.withheld, len(side.slots)) if flow.canary else b"",
        twin_kind="random" if flow.twin_kind == "random" else "text" if flow.twin_kind else None,
        canary=flow.canary,
        transport=without_hello(flow.transport).partition("/")[0],
        port=flow.port,
        delay_dms=delay_dms,
        answered=answered,
        setup_ms=setup_ms,
    )


def _packed_bits(bits: frozenset[int], size: int) -> bytes:
    return sum(1 << bit for bit in bits).to_bytes((size + 7) // 8, "little")


def _seen_packets(side: DirectionPlan, senders: Sequence[FlowReport], receivers: Sequence[FlowReport]) -> list[Seen]:
    """Return (sent, arrived, quantiles of the delay) of each flow in one direction."""
    slots = len(side.slots)
    sent, arrived = (
        _unpacked_bits([r.sent for r in senders], slots),
        _unpacked_bits([r.arrived for r in receivers], slots),
    )
    left, came = (
        _times_of_bits(sent, [r.sent_dms for r in senders]),
        _times_of_bits(arrived, [r.arrived_dms for r in receivers]),
    )
    rows = np.packbits(_same_bytes(side, sent, arrived), axis=1, bitorder="little")
    delays = _delay_quantiles(left[:, side.media], came[:, side.media])
    return [
        (sender.sent, row.tobytes()[: len(receiver.arrived)], delay)
        for sender, receiver, row, delay in zip(senders, receivers, rows, delays, strict=True)
    ]


def _unpacked_bits(bitmaps: Sequence[bytes], slots: int) -> Bits:
    """Unpack bitmaps to (flows, slots), padded to whole bytes."""
    return unpack_bitmap_rows(bitmaps, (slots + 7) // 8 * 8)


def _times_of_bits(bits: Bits, packed: Sequence[bytes]) -> Times:
    """Place the times of reports at the bits they belong to, (flows, slots); UNKNOWN_DMS elsewhere."""
    unknown = UNKNOWN_DMS.to_bytes(2, "little", signed=True)
    counts = bits.sum(axis=1).tolist()
    whole = [each[: len(each) // 2 * 2] + unknown * count for each, count in zip(packed, counts, strict=True)]
    times = np.full(bits.shape, UNKNOWN_DMS, np.int32)
    times[bits] = np.frombuffer(b"".join(each[: 2 * count] for each, count in zip(whole, counts, strict=True)), "<i2")
    return times


def _same_bytes(side: DirectionPlan, sent: Bits, arrived: Bits) -> Bits:
    """Return `arrived` for requests whose retries have the same bytes: of the retries sent as many as arrived, the
    first ones."""
    arrived = arrived.copy()
    for first, others in side.again.items():
        group = [first, *others]
        left, count = sent[:, group], arrived[:, group].sum(axis=1, keepdims=True)
        arrived[:, group] = left & (left.cumsum(axis=1) <= count)
    return arrived


def _stage_answers(layout: Layout, probe: Sequence[FlowReport]) -> list[Setup]:
    """Return for each flow whether each set-up stage was answered, and when the last one was first: by all packets of
    the stage that answer one of it (a flight of DTLS), or by any of it where none does."""
    slots = [layout.schedule.slots[slot] for slot in layout.down.slots]
    arrived = _unpacked_bits([r.arrived for r in probe], len(slots))
    came = _times_of_bits(arrived, [r.arrived_dms for r in probe])[:, : len(slots)]
    at_ms = np.where(came != UNKNOWN_DMS, np.array([slot.at_ms for slot in slots]) + came / 10.0, np.inf)
    names = setup_stages(layout.schedule)
    never = np.full(len(probe), np.inf)
    of_stage = [
        np.min([never, *(at_ms[:, flight].max(axis=1) for flight in _answers_of_stage(layout, slots, name))], axis=0)
        for name in names
    ]
    rows = np.array(of_stage).reshape(len(names), len(probe)).T.tolist()
    return [_first_answer(dict(zip(names, row, strict=True))) for row in rows]


def _answers_of_stage(layout: Layout, slots: Sequence[Slot], name: str) -> list[list[int]]:
    """Return the packets that answer together, of each message of the stage that is answered."""
    every, flights = layout.schedule.slots, dict[int, list[int]]()
    for bit, slot in enumerate(slots):
        if slot.stage == name and slot.answers is not None and every[slot.answers].stage == name:
            flights.setdefault(slot.answers, []).append(bit)
    return list(flights.values()) or [[bit] for bit, slot in enumerate(slots) if slot.stage == name]


def _first_answer(first_ms: dict[str, float]) -> Setup:
    answered = {stage: at_ms < np.inf for stage, at_ms in first_ms.items()}
    return answered, round(max(first_ms.values()), 1) if answered and all(answered.values()) else None


def _delay_quantiles(left: Times, came: Times) -> list[tuple[int, ...]]:
    """Return the quantiles of each flow's delays over media (flows, packets); none if no packet's times are known."""
    known = (left != UNKNOWN_DMS) & (came != UNKNOWN_DMS)
    counts = known.sum(axis=1)
    if not counts.any():
        return [()] * len(known)
    delays = np.sort(np.where(known, came - left, np.iinfo(np.int32).max), axis=1)
    ranks = np.rint(np.multiply.outer(np.maximum(counts - 1, 0), DELAY_QUANTILES)).astype(np.intp)
    rows = np.take_along_axis(delays, ranks, axis=1).tolist()
    return [tuple(row) if count else () for row, count in zip(rows, counts, strict=True)]
