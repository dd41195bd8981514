"""From what both ends counted to the facts of one epoch. Pure.

Contract: slot i of media is the i-th 20 ms after both ends began; before it come TRIES slots each of the set-up stages
`stun` and `dtls`, which a twin passes with its handshake. Whatever the page knows of calls it knows from getStats each
250 ms, as counts; what it knows of twins is brought into the same form and read by the same code (`spread`), so that
nothing but the network tells a call from a twin here. Up, the far end saw single packets of both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from random import Random

import msgspec
from msgspec import Struct

from talkpath.browser.order import ARM, SLOTS, EpochOrder, Opening
from talkpath.browser.voice import TICK_MS
from talkpath.measure.bitmap import pack
from talkpath.measure.facts import Direction, Epoch, Observation, Role, Track

TRIES = 3
STAGES = ("stun", "dtls")
SETUP = TRIES * len(STAGES)
SETUP_BYTES, LEAD_MS = 100, 1000.0
LATE_SLOTS = 50
SEQUENCES = 1 << 16
OFFERED = 0.98  # less of a twin on the wire: it was throttled
HEAVY, HEAVY_SHARE = 0.25, 0.1  # loss of one flow one way, and how many such flows may be, for set-up to count


Media = tuple[set[int], set[int]]
"""The slots sent, and those of them that arrived."""


class Poll(Struct, frozen=True, array_like=True):
    """One reading at the page: ms after its media began, packets sent and received so far."""

    at_ms: float
    sent: int
    received: int


class FlowReport(Struct, frozen=True):
    """What the page saw of one flow. Times in ms from when it began to open it; None: never.

    `began_ms` is when it began to send, in the time of `polls`. `sent` are the slots that a twin wrote.
    """

    flow: int
    stun_ms: float | None = None
    dtls_ms: float | None = None
    began_ms: float = 0.0
    polls: tuple[Poll, ...] = ()
    sent: tuple[int, ...] = ()


class FarFlow(Struct, frozen=True):
    """What the far end saw of one flow. `arrivals` are (slot or sequence number, monotonic s); `said` slots sent.

    `moved`: it went on from another address.
    `requests` and `hellos` are STUN requests and DTLS ClientHellos that came; `lost_packets` of `packets` as in `twin`.
    """

    flow: int
    arrivals: tuple[tuple[int, float], ...] = ()
    said: tuple[int, ...] = ()
    requests: int = 0
    hellos: int = 0
    packets: int = 0
    lost_packets: int = 0
    moved: bool = False


class EpochReport(Struct, frozen=True):
    """The page's report of one epoch. `phased`: its calls spoke at their phases, as its twins did."""

    number: int
    flows: tuple[FlowReport, ...] = ()
    phased: bool = True
    late_ms_p99: float = 0.0
    hidden: bool = False
    network_changed: bool = False
    clock_jump_s: float = 0.0
    pings: int = 0
    pongs: int = 0


class Times(Struct, frozen=True):
    """Seconds of the check: when the epoch's sending began and ended, and when it was known. `go_s`: monotonic."""

    started_s: float
    ended_s: float
    known_s: float
    go_s: float = 0.0


def track(size: int) -> Track:
    """The schedule of either direction; every packet of media is `size` bytes of UDP payload."""
    return Track(
        at_ms=(*(float(index) for index in range(SETUP)), *(LEAD_MS + TICK_MS * index for index in range(SLOTS))),
        size=(*(SETUP_BYTES,) * SETUP, *(size,) * SLOTS),
        stage=(*(stage for stage in STAGES for _ in range(TRIES)), *("media",) * SLOTS),
    )


def epoch(
    order: EpochOrder,
    near: EpochReport,
    seen: Mapping[int, FarFlow],
    times: Times,
    seed: bytes,
    size: int,
    port: int,
    *,
    channels: bool = False,
) -> Epoch:
    """The epoch's facts. `channels`: the twins are data channels, which need all that a call's set-up needs."""
    reports = {report.flow: report for report in near.flows}
    offset_s = _offset(order, seen, times)
    ahead_ms = _soonest(order, reports, seen)
    up: dict[int, Media] = {}
    down: dict[int, Media] = {}
    for opening in order.flows:
        report, heard = reports.get(opening.flow, FlowReport(opening.flow)), seen[opening.flow]
        up[opening.flow] = _up_call(report, heard, offset_s) if opening.kind == "call" else _up_twin(report, heard)
        down[opening.flow] = _down(report, heard, ahead_ms, Random(f"{seed.hex()}/{order.number}/{opening.flow}"))
    media: dict[Direction, dict[int, Media]] = {"up": alike(up), "down": alike(down)}
    flows = [
        _observation(opening, reports.get(opening.flow, FlowReport(opening.flow)), seen[opening.flow], way,
                     media[way][opening.flow], port, order.number)
        for opening in order.flows
        for way in media
    ]  # fmt: skip
    if not comparable(flows):
        flows = [msgspec.structs.replace(flow, answered={}) for flow in flows]
    return Epoch(
        number=order.number,
        app=ARM[0],
        variant=ARM[1],
        medium=ARM[2],
        k=order.calls,
        started_s=times.started_s,
        ended_s=times.ended_s,
        cut_s=times.ended_s,
        up=track(size),
        down=track(size),
        flows=tuple(flows),
        known_s=times.known_s,
        missing=_missing(order, near, seen, channels),
    )


def _missing(order: EpochOrder, near: EpochReport, seen: Mapping[int, FarFlow], channels: bool) -> str:
    """Why the epoch compares nothing; "" where it does."""
    if channels and not any(report.dtls_ms is not None for report in near.flows):
        return "no_control"
    if not near.phased:
        return "no_control"
    return "throttled" if throttled(order, near, seen) else ""


def alike(media: dict[int, Media]) -> dict[int, Media]:
    """Only the slots in which every flow spoke. A call begins a few packets after its twins, and a test that fills in
    what a flow did not send would take that for something. A flow that began too late for it says nothing at all."""
    starts = {flow: min(sent) for flow, (sent, _) in media.items() if sent and min(sent) <= LATE_SLOTS}
    ends = [max(media[flow][0]) for flow in starts if max(media[flow][0]) >= SLOTS - LATE_SLOTS]
    window = set(range(max(starts.values(), default=0), min(ends, default=SLOTS - 1) + 1))
    return {
        flow: (sent & window, arrived & window) if flow in starts else (set(), set())
        for flow, (sent, arrived) in media.items()
    }


def throttled(order: EpochOrder, near: EpochReport, seen: Mapping[int, FarFlow]) -> bool:
    """Did the browser hold twins back? Of what was due, less than OFFERED was on the wire, over all twins.

    What came, and what is missing by packet numbers, was on it; of the missing numbers as large a part were
    datagrams as of those that came (the others only acknowledge). Looked at between each twin's first and last
    datagram that came: a flow that dies is not held back.
    """
    reports = {report.flow: report for report in near.flows}
    due = on_wire = 0.0
    for opening in order.flows:
        flow = seen[opening.flow]
        if opening.kind == "call" or len(flow.arrivals) < 2:
            continue
        slots = [slot for slot, _ in flow.arrivals]
        span = [slot for slot in range(min(slots), max(slots) + 1) if slot not in set(opening.withheld)]
        wrote = len(set(reports[opening.flow].sent) & set(span))
        # a data channel has no packet numbers: what it was given is all that is known
        lost = flow.lost_packets * min(1.0, len(slots) / flow.packets) if flow.packets else wrote
        due, on_wire = due + len(span), on_wire + min(wrote, len(slots) + lost)
    return on_wire < OFFERED * due


def together(epochs: Sequence[Epoch]) -> tuple[Epoch, ...]:
    """A check whose twins failed it once compares nothing: to leave out that epoch alone would be to choose."""
    why = next((epoch.missing for epoch in epochs if epoch.missing), "")
    return tuple(msgspec.structs.replace(epoch, missing=why) if why else epoch for epoch in epochs)


def comparable(flows: Sequence[Observation]) -> bool:
    """May set-up be held against set-up? A call's takes more messages than a twin's, so on a line that loses much
    it fails more often without any rule. Asked of the flows that came up, whatever they are."""
    up = [flow for flow in flows if flow.answered["dtls"]]
    bad = sum(_lost(flow) > HEAVY for flow in up)
    return bad <= HEAVY_SHARE * len(up)


def _lost(flow: Observation) -> float:
    sent = int.from_bytes(flow.sent, "little").bit_count()
    return 1.0 - int.from_bytes(flow.arrived, "little").bit_count() / sent if sent else 0.0


def _observation(
    opening: Opening,
    report: FlowReport,
    heard: FarFlow,
    way: Direction,
    media: Media,
    port: int,
    number: int,
) -> Observation:
    slots = SETUP + SLOTS
    role: Role = "call" if opening.kind == "call" else "twin"
    sent, arrived = _setup(report, heard, way)
    kept = set(opening.withheld)
    sent |= {SETUP + slot for slot in media[0] - kept}
    arrived |= {SETUP + slot for slot in media[1] - kept}
    return Observation(
        id=1000 * number + 2 * opening.flow + (way == "down"),
        flow=opening.flow,
        role=role,
        direction=way,
        sent=pack(sorted(sent), slots),
        arrived=pack(sorted(arrived), slots),
        twin_kind=None if opening.kind == "call" else opening.kind,
        canary=opening.canary,
        port=port,
        withheld=pack(sorted(SETUP + slot for slot in kept), slots) if kept else b"",
        answered={"stun": report.stun_ms is not None, "dtls": report.dtls_ms is not None},
        setup_ms=report.dtls_ms,
    )


def _setup(report: FlowReport, heard: FarFlow, way: Direction) -> tuple[set[int], set[int]]:
    """(sent, arrived) of the set-up slots. A stage is tried until it is answered; it starts once the last one was."""
    stun, dtls = report.stun_ms is not None, report.dtls_ms is not None
    reached = stun or heard.requests > 0, dtls or heard.hellos > 0
    tried = (True, stun) if way == "up" else reached
    came = reached if way == "up" else (stun, dtls)
    sent = {TRIES * stage + each for stage in range(len(STAGES)) if tried[stage] for each in range(TRIES)}
    arrived = {index for index in sent if came[index // TRIES]}
    return sent, arrived


# -- up: the far end saw packets --------------------------------------------------------------------------------


def _up_twin(report: FlowReport, heard: FarFlow) -> Media:
    sent = {slot for slot in report.sent if slot < SLOTS}
    return sent, sent & {slot for slot, _ in heard.arrivals}


def _up_call(report: FlowReport, heard: FarFlow, offset_s: float) -> Media:
    """Of a call the page knows how many packets it sent, the far end which sequence numbers came and when."""
    total = report.polls[-1].sent if report.polls else 0
    first = max(0, round(report.began_ms / TICK_MS))
    sent = {slot for slot in range(first, first + total) if slot < SLOTS}
    if not heard.arrivals:
        return sent, set()
    numbers = _unwrapped([number for number, _ in heard.arrivals])
    least, most = min(numbers), max(numbers)
    spare = max(0, total - (most - least + 1))  # lost before the first that came, or after the last
    soonest_s = min(
        at_s - TICK_MS / 1000 * (number - least) for number, (_, at_s) in zip(numbers, heard.arrivals, strict=True)
    )
    before = min(spare, max(0, round(1000 * (soonest_s - offset_s) / TICK_MS) - first)) if spare else 0
    return sent, sent & {first + before + number - least for number in numbers}


def _unwrapped(numbers: Sequence[int]) -> list[int]:
    """Sequence numbers of 16 bits without their wrap (RFC 3550 appendix A.1)."""
    found, last = [], numbers[0]
    for number in numbers:
        last += (number - last + SEQUENCES // 2) % SEQUENCES - SEQUENCES // 2
        found.append(last)
    return found


def _offset(order: EpochOrder, seen: Mapping[int, FarFlow], times: Times) -> float:
    """When slot 0 of the page would arrive soonest, on the far end's clock: as the quickest twin's packets say."""
    twins = [seen[opening.flow] for opening in order.flows if opening.kind != "call"]
    return min((at_s - TICK_MS / 1000 * slot for twin in twins for slot, at_s in twin.arrivals), default=times.go_s)


# -- down: the page counted ---------------------------------------------------------------------------------------


def _soonest(order: EpochOrder, reports: dict[int, FlowReport], seen: Mapping[int, FarFlow]) -> float:
    """How much ahead of its own schedule the page was ever served, at most, over all flows: ms that a packet takes
    at least, less the clocks' difference. Blind to what a flow is."""
    ahead = []
    for opening in order.flows:
        report, said = reports.get(opening.flow), seen[opening.flow].said
        if report is None or not said:
            continue
        ahead += [
            poll.at_ms - TICK_MS * said[min(poll.received, len(said)) - 1] for poll in report.polls if poll.received
        ]
    return min(ahead, default=0.0)


def _down(report: FlowReport, heard: FarFlow, ahead_ms: float, dice: Random) -> Media:
    said = list(heard.said)
    counts = [(poll.at_ms - ahead_ms, poll.received) for poll in report.polls]
    return set(said), spread(said, counts, dice)


def spread(said: Sequence[int], counts: Sequence[tuple[float, int]], dice: Random) -> set[int]:
    """Which slots arrived, from (ms, packets received by then): the losses of each interval are put on slots of that
    interval that the dice choose. `said` are the slots sent, in order; ms are such that a slot's packet is due at its
    own time."""
    if not counts:
        return set()
    due = [bisect_right(said, at_ms / TICK_MS) for at_ms, _ in counts]
    due[-1] = len(said)
    missing = [max(0, one - count) for one, (_, count) in zip(due, counts, strict=True)]
    for index in range(len(missing) - 2, -1, -1):  # what came late after all was not lost
        missing[index] = min(missing[index], missing[index + 1])
    arrived, done, gone = set(said), 0, 0
    for by, lost in zip(due, missing, strict=True):
        among = said[done:by]
        arrived -= set(dice.sample(list(among), min(len(among), lost - gone)))
        gone += min(len(among), lost - gone)
        done = by
    return arrived
