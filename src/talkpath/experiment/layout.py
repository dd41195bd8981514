"""Lays out one epoch: which 5-tuple is a call or a twin, what each packet is, when it is sent.

`lay_out` is a pure function of the session key and a `Begin`; both ends compute it and never exchange it. Roles are a
random order of the epoch's 5-tuples, so whatever the network does to a 5-tuple does not depend on its role. All flows
follow one schedule; the packets of one slot form a block and are sent in a random order, SPACING_MS apart.

Selects the packets of an epoch whose hop count is limited (`wire.control.question.HopLimits`).

Contract: pure; both ends compute it from the `Begin`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, product

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from talkpath.apps import shapes
from talkpath.apps.contract.shape import KEY_BYTES, Arm, Direction, Schedule, Shape, Slot
from talkpath.apps.recorded.app_call import AppCall
from talkpath.apps.recorded.played import PlayedShape
from talkpath.experiment.five_tuples import five_tuples
from talkpath.experiment.seeds import derive_bytes, random_order, random_orders, seeded_generator
from talkpath.experiment.twin import random_twin, text_twin
from talkpath.grouping import grouped_by_key
from talkpath.measure.facts import LADDER
from talkpath.measure.transport_quality import without_hello
from talkpath.wire.control.messages import Begin
from talkpath.wire.control.question import (
    LIVING,
    ComparedPaths,
    HelloContrast,
    HopLimits,
    LongCalls,
    Question,
    QuietCalls,
    RateContrast,
    RelayPaths,
    TcpTwins,
    WatchedCalls,
)
from talkpath.wire.rtc.dtls import CLIENT_HELLOS


def limited_bits(schedule: Schedule, slots: tuple[int, ...], limit: HopLimits) -> tuple[int, ...]:
    """Return the limited bits of one direction, whose bits are the schedule's `slots`."""
    bits = [bit for bit, slot in enumerate(slots) if schedule.slots[slot].stage == limit.stage]
    if limit.stage != "media":
        return tuple(bits)
    late = bits[len(bits) // 2 :]
    return tuple(bit for place, bit in enumerate(late) if place % 3)


SPACING_MS = 0.5  # at 0.1 ms packets share an aggregated Wi-Fi frame, at 2.5 ms the test loses power
CANARY_SHARE = 0.05
SETUP_MS = 200.0
PATH_LOCALS = 16  # local ports kept for asking which transports carry a call

PacketPlace = tuple[int, int]  # (flow index, bit)
FlowRole = tuple[str, str | None, str]  # (role, twin kind, transport)


class PlannedFlow(Struct, frozen=True):
    """One 5-tuple. `canary`: the text twin that withholds packets of its own. `hops`: how far limited packets go."""

    number: int
    local: int
    port: int
    role: str
    twin_kind: str | None
    canary: bool
    transport: str
    datagrams: tuple[bytes, ...]
    hops: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class DirectionPlan:
    """One direction of an epoch. Bit i of every bitmap is the slot `slots[i]` of the schedule; `media` are the bits of
    its media packets.

    `due_ms` has a row per flow. `again[bit]` are the bits of its retries (same bytes), `replies[bit]` those of the
    other direction that reply to `bit`. `limited` bits have a hop limit.
    """

    direction: Direction
    slots: tuple[int, ...]
    media: tuple[int, ...]
    due_ms: NDArray[np.float64]
    again: dict[int, tuple[int, ...]]
    replies: dict[int, tuple[int, ...]]
    first_try: dict[int, int]
    withheld: frozenset[int]
    limited: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """An epoch without its bytes: the schedule that all flows follow, and how many flows use each transport. This is
    enough to compute its cost."""

    begin: Begin
    arm: Arm
    shape: Shape
    schedule: Schedule
    transports: Counter[str]

    @property
    def beside(self) -> bool:
        """Whether it runs beside all other epochs, which follow one another."""
        return isinstance(self.begin.question, LIVING)

    @property
    def span_ms(self) -> float:
        """Return the time from the first packet to the last."""
        return self.schedule.duration_ms


@dataclass(frozen=True, slots=True, eq=False)
class Layout(Outline):
    """Everything that both ends know of an epoch before its first packet."""

    flows: tuple[PlannedFlow, ...]
    up: DirectionPlan
    down: DirectionPlan

    @property
    def limit(self) -> HopLimits | None:
        """Return the hop limit, if the epoch's question is about hops."""
        return hop_limit(self.begin)

    def hops(self, plan: DirectionPlan) -> tuple[dict[int, int], ...]:
        """Return for each flow how many hops each limited bit's packet may go. Empty for epochs of other questions."""
        if not plan.limited:
            return ()
        ladder = {bit: 1 + place % LADDER for place, bit in enumerate(plan.limited)}
        return tuple(dict.fromkeys(plan.limited, flow.hops) if flow.hops else ladder for flow in self.flows)

    def plan_of(self, direction: Direction) -> DirectionPlan:
        """Return the plan of that direction."""
        return self.up if direction == "up" else self.down


@lru_cache(maxsize=32)
def epoch_outline(key: bytes, begin: Begin) -> Outline:
    """Return an epoch's schedule as `lay_out` has it, in a small part of its time. Memoised."""
    return make_outline(key, begin)


def make_outline(key: bytes, begin: Begin, shape: Shape | None = None) -> Outline:
    """Compute the outline without memoising it; of calls that look like `shape`, where the arm is none of ours."""
    arm = Arm.parse(begin.arm)
    shape = shape or shapes()[arm]
    draws = seeded_generator(derive_bytes(key, "epoch", begin.number), "schedule")
    schedule = shape.schedule(
        draws,
        begin.packets,
        rate=begin.question.times if isinstance(begin.question, RateContrast | QuietCalls) else 1.0,
        hello=_hello(begin.question, shape),
    )
    transports = Counter(transport for _, _, transport in flow_roles(begin))
    return Outline(begin=begin, arm=arm, shape=shape, schedule=schedule, transports=transports)


@lru_cache(maxsize=32)
def lay_out(key: bytes, begin: Begin, ports: tuple[int, ...]) -> Layout:
    """Lay out the epoch. Memoised: in one process (the lab) both ends ask for the same."""
    return lay_out_anew(epoch_outline(key, begin), key, ports)


def lay_out_anew(plan: Outline, key: bytes, ports: tuple[int, ...]) -> Layout:
    """Lay out the epoch of that outline without memoising it: for a responder, whose memory others could fill."""
    begin, arm, schedule = plan.begin, plan.arm, plan.schedule
    seed = derive_bytes(key, "epoch", begin.number)
    limit = hop_limit(begin)
    flows = _planned_flows(seed, begin, plan.shape, schedule, ports, limit)
    bit_of = _slot_bits(schedule)
    plans = {direction: _direction_plan(direction, seed, schedule, len(flows), bit_of) for direction in ("up", "down")}
    if limit:
        bits = limited_bits(schedule, plans[limit.direction].slots, limit)
        plans[limit.direction] = replace(plans[limit.direction], limited=bits)
    return Layout(
        begin=begin,
        arm=arm,
        shape=plan.shape,
        schedule=schedule,
        transports=plan.transports,
        flows=flows,
        up=plans["up"],
        down=plans["down"],
    )


def as_asked(layout: Layout, question: Question) -> Layout:
    """Return a layout as the probe carries it out, where its question names more than the responder is told.

    Of calls over one path, each is relayed by the TURN server ("turn-udp/3478": its transport and port) whose turn it
    is among the question's codes, the first of which is that path itself. Calls over several transports have the
    ClientHello that each code names (measure.transport_quality); the responder answers any."""
    if question == layout.begin.question or not isinstance(question, ComparedPaths):
        return layout
    codes, begin = question.codes, msgspec.structs.replace(layout.begin, question=question)
    if isinstance(question, RelayPaths):
        flows = tuple(_over_path(flow, codes[place % len(codes)]) for place, flow in enumerate(layout.flows))
    else:
        as_sent = {without_hello(code): code for code in codes}
        flows = tuple(_over_path(flow, as_sent[flow.transport]) for flow in layout.flows)
    return replace(layout, begin=begin, flows=flows, transports=Counter(flow.transport for flow in flows))


def _over_path(flow: PlannedFlow, code: str) -> PlannedFlow:
    return msgspec.structs.replace(flow, transport=code, port=int(code.partition("/")[2]))


def flow_roles(begin: Begin) -> list[FlowRole]:
    """Return (role, twin kind, transport) of an epoch's flows, before they are shuffled over the 5-tuples."""
    k = begin.k
    call: FlowRole = ("call", None, "udp")
    twin: FlowRole = ("twin", "random", "udp")
    text: FlowRole = ("twin", "text", "udp")
    match begin.question:
        case HopLimits(hops=hops):
            return ([call] * k + [twin] * k) * max(1, len(hops))
        case TcpTwins():
            return [twin] * k + [("twin", "random", "tcp")] * k
        case ComparedPaths(codes=codes):
            paths: list[FlowRole] = [("call", None, path) for path in codes]
            return paths * k
        case WatchedCalls(twins=int(twins)) | LongCalls(twins=int(twins)):
            return [call] * k + [twin] * twins
        case QuietCalls():
            return [call] * k
    return [call] * k + [twin] * k + [text] * (k // 2)


def hop_limit(begin: Begin) -> HopLimits | None:
    """Return the hop limit of an epoch whose question is about hops."""
    return begin.question if isinstance(begin.question, HopLimits) else None


def _hello(question: Question, shape: Shape) -> str:
    """Return whose ClientHello a shape is to send: of those written by hand each sends the ones that the wire has."""
    hello = question.hello if isinstance(question, HelloContrast) else "browser"
    return hello if isinstance(shape, PlayedShape | AppCall) or hello in CLIENT_HELLOS else "browser"


def _planned_flows(
    seed: bytes, begin: Begin, shape: Shape, schedule: Schedule, ports: tuple[int, ...], limit: HopLimits | None
) -> tuple[PlannedFlow, ...]:
    parts = flow_roles(begin)
    order = random_order(derive_bytes(seed, "roles"), len(parts))
    chosen = [parts[index] for index in order]
    texts = [i for i, part in enumerate(chosen) if part[1] == "text"]
    drawn = random_order(
        derive_bytes(seed, "canary"), len(texts)
    )  # not the first of them: its place would reveal others
    canary = texts[drawn[0]] if texts else -1
    flows = []
    tuples = five_tuples(begin.locals, ports)
    paths: Counter[str] = Counter()
    for index, (role, kind, transport) in enumerate(chosen):
        number = begin.first_tuple + index
        local, port = tuples[number % len(tuples)]
        if "/" in transport:  # its own port, and a local port that no other flow to it had
            port = int(transport.partition("/")[2])
            local = begin.locals + (begin.number * begin.k + paths[transport]) % PATH_LOCALS
            paths[transport] += 1
        key = derive_bytes(seed, "flow", index)
        make = shape.datagrams if role == "call" else (text_twin if kind == "text" else random_twin)
        datagrams = tuple(make(schedule, key))
        hops = limit.hops[order[index] // (2 * begin.k)] if limit and limit.hops else 0
        flow = PlannedFlow(
            number=number,
            local=local,
            port=port,
            role=role,
            twin_kind=kind,
            canary=index == canary,
            transport=transport,
            datagrams=datagrams,
            hops=hops,
        )
        flows.append(flow)
    return tuple(flows)


def _slot_bits(schedule: Schedule) -> list[int]:
    """Return which bit of its direction each slot is."""
    counts = {"up": count(), "down": count()}
    return [next(counts[slot.direction]) for slot in schedule.slots]


def _direction_plan(
    direction: Direction, seed: bytes, schedule: Schedule, flows: int, bit_of: Sequence[int]
) -> DirectionPlan:
    slots = tuple(number for number, slot in enumerate(schedule.slots) if slot.direction == direction)
    own = [schedule.slots[slot] for slot in slots]
    media = tuple(bit for bit, slot in enumerate(own) if slot.stage == "media")
    replies = grouped_by_key(
        (bit_of[slot.answers], bit_of[number])
        for number, slot in enumerate(schedule.slots)
        if slot.answers is not None and schedule.slots[slot.answers].direction == direction != slot.direction
    )
    return DirectionPlan(
        direction=direction,
        slots=slots,
        media=media,
        due_ms=_due_times(derive_bytes(seed, direction, "order"), own, flows),
        again=_retry_bits(schedule, slots, bit_of),
        replies={bit: tuple(found) for bit, found in replies.items()},
        first_try={bit: bit_of[slot.retry_of] for bit, slot in enumerate(own) if slot.retry_of is not None},
        withheld=_withheld_slots(derive_bytes(seed, direction, "canary"), media),
    )


def _due_times(key: bytes, slots: Sequence[Slot], flows: int) -> NDArray[np.float64]:
    block_ms = np.array([slot.at_ms for slot in slots])[:, None] + np.arange(flows) * SPACING_MS
    due_ms = np.empty((flows, len(slots)))
    due_ms[random_orders(key, len(slots), flows), np.arange(len(slots))[:, None]] = block_ms
    return due_ms


def sending_order(schedule: Schedule, out: DirectionPlan) -> tuple[list[int], list[float]]:
    """Return the packets of a direction but its replies, in order of time, and when each is due. A packet is a cell of
    `due_ms`: flow index * len(slots) + bit. (Lists of numbers, which the garbage collector need not traverse.)"""
    flows, width = out.due_ms.shape
    bits = np.flatnonzero([schedule.slots[slot].answers is None for slot in out.slots])
    cells = (np.arange(flows)[:, None] * width + bits).ravel()
    at_ms = out.due_ms[:, bits].ravel()
    first = np.argsort(at_ms, kind="stable")
    return cells[first].tolist(), at_ms[first].tolist()


def packet_keys(layout: Layout, into: DirectionPlan) -> dict[bytes, PacketPlace]:
    """Return where each packet of a direction belongs, by the bytes that tell it from others. Each flow begins with its
    last bit, so that of retries with the same bytes the first one counts."""
    slots = into.slots[::-1]
    cuts = [slice(at := layout.schedule.slots[slot].key_at, at + KEY_BYTES) for slot in slots]
    packets = (zip(map(flow.datagrams.__getitem__, slots), cuts, strict=True) for flow in layout.flows)
    keys = [datagram[cut] for row in packets for datagram, cut in row]
    return dict(zip(keys, product(range(len(layout.flows)), reversed(range(len(slots)))), strict=True))


def _retry_bits(schedule: Schedule, slots: tuple[int, ...], bit_of: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Return for a request the bits of its retries, for a reply those of the replies to the retries."""
    again: dict[int, list[int]] = {}
    first_reply: dict[tuple[int, int], int] = {}
    for bit, slot in enumerate(slots):
        now = schedule.slots[slot]
        if now.retry_of is not None:
            again.setdefault(bit_of[now.retry_of], []).append(bit)
        elif now.answers is not None:
            request = schedule.slots[now.answers].retry_of
            root = now.answers if request is None else request
            first = first_reply.setdefault((root, now.size), bit)
            if first != bit:
                again.setdefault(first, []).append(bit)
    return {bit: tuple(bits) for bit, bits in again.items()}


def _withheld_slots(key: bytes, media: tuple[int, ...]) -> frozenset[int]:
    count = max(1, round(CANARY_SHARE * len(media))) if media else 0
    order = random_order(key, len(media))
    return frozenset(media[index] for index in order[:count])
