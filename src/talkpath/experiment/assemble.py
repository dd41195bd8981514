"""Two ends' reports of an epoch become its facts (spec/tp-001)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import msgspec

from talkpath.apps.shape import stages
from talkpath.experiment.flight import UNKNOWN_DMS, bits_of, unpack_dms
from talkpath.experiment.layout import Flow, Layout, Side
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Observation, Track
from talkpath.wire.control import FlowReport

EMPTY = FlowReport(b"", b"", b"", b"")


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
    """The epoch. `responder` may be empty (`missing` then says why): what it would have reported counts as unsent."""
    begin, arm = layout.begin, layout.arm
    theirs = responder or [EMPTY] * len(layout.flows)
    observations: list[Observation] = []
    for flow, ours, other in zip(layout.flows, probe, theirs, strict=True):
        answered, setup_ms = _setup(layout, ours)
        for side, sender, receiver in ((layout.up, ours, other), (layout.down, other, ours)):
            number = first_id + len(observations)
            seen = _observe(number, layout, flow, side, sender, receiver)
            observations.append(msgspec.structs.replace(seen, answered=answered, setup_ms=setup_ms))
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
        up=_track(layout, layout.up),
        down=_track(layout, layout.down),
        flows=tuple(observations),
        question=begin.question,
        value=_value(layout),
        missing=missing,
    )


def with_late(epoch: Epoch, up: Sequence[bytes], down: Sequence[bytes]) -> Epoch:
    """The epoch with what came after its cut: bitmaps by flow as each end has them, () for nothing."""
    late = {"up": up, "down": down}
    flows = tuple(
        msgspec.structs.replace(flow, late=late[flow.direction][place // 2]) if late[flow.direction] else flow
        for place, flow in enumerate(epoch.flows)
    )
    return msgspec.structs.replace(epoch, flows=flows)


def _value(layout: Layout) -> float | str | None:
    begin = layout.begin
    values: dict[str, float | str] = {"rate": begin.rate, "hello": begin.hello, "transport": begin.transport}
    return values.get(begin.question)


def _track(layout: Layout, side: Side) -> Track:
    slots = [layout.schedule.slots[slot] for slot in side.slots]
    return Track(
        at_ms=tuple(round(slot.at_ms, 3) for slot in slots),
        size=tuple(slot.size for slot in slots),
        stage=tuple(slot.stage for slot in slots),
    )


def _observe(
    number: int,
    layout: Layout,
    flow: Flow,
    side: Side,
    sender: FlowReport,
    receiver: FlowReport,
) -> Observation:
    withheld = _bitmap(side.withheld, len(side.slots)) if flow.canary else b""
    return Observation(
        id=number,
        flow=flow.number,
        role="call" if flow.role == "call" else "twin",
        direction=side.direction,
        sent=sender.sent,
        arrived=_same_bytes(side, sender.sent, receiver.arrived),
        withheld=withheld,
        twin_kind="random" if flow.twin_kind == "random" else "text" if flow.twin_kind else None,
        canary=flow.canary,
        transport=flow.transport.partition("/")[0],
        port=flow.port,
        delay_dms=_quantiles(side, sender, receiver),
    )


def _same_bytes(side: Side, sent: bytes, arrived: bytes) -> bytes:
    """`arrived`, where retries have one another's bytes: so many of those that were sent, the first ones."""
    left, came = int.from_bytes(sent, "little"), int.from_bytes(arrived, "little")
    for first, others in side.again.items():
        group = (first, *others)
        count = sum(came >> bit & 1 for bit in group)
        for bit in group:
            came &= ~(1 << bit)
        for bit in [b for b in group if left >> b & 1][:count]:
            came |= 1 << bit
    return came.to_bytes(len(arrived), "little")


def _bitmap(bits: frozenset[int], size: int) -> bytes:
    return sum(1 << bit for bit in bits).to_bytes((size + 7) // 8, "little")


def _setup(layout: Layout, probe: FlowReport) -> tuple[dict[str, bool], float | None]:
    """For each set-up stage, did a packet of it come back to the probe; and when the last stage's first one did."""
    slots = layout.schedule.slots
    first_ms: dict[str, float | None] = dict.fromkeys(stages(layout.schedule))
    for bit, came in sorted(_by_bit(probe.arrived, probe.arrived_dms).items()):
        slot = slots[layout.down.slots[bit]]
        if slot.stage in first_ms and came != UNKNOWN_DMS:
            at_ms = slot.at_ms + came / 10.0
            known_ms = first_ms[slot.stage]
            first_ms[slot.stage] = at_ms if known_ms is None else min(known_ms, at_ms)
    times = [at_ms for at_ms in first_ms.values() if at_ms is not None]
    done = times and len(times) == len(first_ms)
    return {stage: at_ms is not None for stage, at_ms in first_ms.items()}, round(max(times), 1) if done else None


def _quantiles(side: Side, sender: FlowReport, receiver: FlowReport) -> tuple[int, ...]:
    sent, arrived = _by_bit(sender.sent, sender.sent_dms), _by_bit(receiver.arrived, receiver.arrived_dms)
    delays = sorted(
        came - left
        for bit in side.media
        if (came := arrived.get(bit, UNKNOWN_DMS)) != UNKNOWN_DMS
        and (left := sent.get(bit, UNKNOWN_DMS)) != UNKNOWN_DMS
    )
    if not delays:
        return ()
    return tuple(delays[round(q * (len(delays) - 1))] for q in DELAY_QUANTILES)


def _by_bit(bitmap: bytes, packed: bytes) -> dict[int, int]:
    size = len(bitmap) * 8
    bits = compress(range(size), bits_of(int.from_bytes(bitmap, "little"), size))
    return dict(zip(bits, unpack_dms(packed), strict=False))
