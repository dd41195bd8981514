"""Facts and findings made up value by value: one plain check, and random ones anywhere within the bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from hypothesis import strategies as st
from msgspec import structs

from talkpath.apps import apps
from talkpath.apps.contract.shape import Direction
from talkpath.measure import bounds
from talkpath.measure.call import Attempt, Call, Findings, Flow, Moment, Second, Stream
from talkpath.measure.facts import (
    ArmPlan,
    Epoch,
    Exchange,
    Facts,
    Health,
    Observation,
    Plan,
    Reach,
    Track,
)
from talkpath.measure.validate import EXCHANGE_KINDS, ROUTER_KINDS, TRANSPORT_NAMES
from talkpath.wire.control.question import (
    BASELINE,
    COMPARING,
    HelloContrast,
    HopLimits,
    LongCalls,
    PacketStage,
    Question,
    QuietCalls,
    RateContrast,
    RelayPaths,
    TcpTwins,
    TransportPaths,
    WatchedCalls,
)
from talkpath.wire.control.receipt import ADDRESS_CLASSES

PACKET_STAGES = get_args(PacketStage)

ARMS = (("webrtc", "dtls", "voice"), ("telegram", "tgcalls", "voice"), ("webrtc", "dtls", "video"))


def plain_track(slots: int = 10) -> Track:
    """Set-up, then media each 20 ms."""
    stages = ("stun", *["media"] * (slots - 1))
    return Track(tuple(20.0 * slot for slot in range(slots)), (160,) * slots, stages)


def flow_pair(number: int, kind: str | None, slots: int = 10, **changes: Any) -> tuple[Observation, Observation]:
    """Both directions of a flow whose packets all arrived. `kind` None is a call."""
    whole = ((1 << slots) - 1).to_bytes((slots + 7) // 8, "little")
    both = {
        "flow": number, "role": "twin" if kind else "call", "twin_kind": kind, "sent": whole, "arrived": whole,
        "port": 3478, "delay_dms": (300, 301, 302, 303, 304), "answered": {"stun": True}, "setup_ms": 40.0, **changes,
    }  # fmt: skip
    up = Observation(id=2 * number, direction="up", **both)
    return up, Observation(id=2 * number + 1, direction="down", **both)


def plain_epoch(number: int = 0, k: int = 2, slots: int = 10, **changes: Any) -> Epoch:
    """k calls, k random twins, k/2 text twins."""
    kinds = [None] * k + ["random"] * k + ["text"] * (k // 2)
    flows = tuple(flow for place, kind in enumerate(kinds) for flow in flow_pair(place, kind, slots))
    whole = {
        "number": number,
        "app": "webrtc",
        "variant": "dtls",
        "medium": "voice",
        "k": k,
        "started_s": float(number),
        "ended_s": number + 0.5,
        "cut_s": number + 0.8,
        "known_s": number + 0.9,
        "up": plain_track(slots),
        "down": plain_track(slots),
        "flows": flows,
        **changes,
    }
    return Epoch(**whole)


def plain_facts(*epochs: Epoch, **changes: Any) -> Facts:
    """A check of one arm."""
    plan = Plan((ArmPlan("webrtc", "dtls", "voice"),))
    return Facts(**{"plan": plan, "epochs": epochs, "seed": bytes(32), "started_at": "2026-11-24T20:00:00Z", **changes})


# -- random ones -------------------------------------------------------------------------------------------------


def floats_between(low: float, high: float) -> st.SearchStrategy[float]:
    """Floats within bounds: the bounds themselves, and usual ones as often as any."""
    usual = [value for value in (0.0, 0.02, 1.0, 5.0, 60.0) if low <= value <= high]
    return st.sampled_from([low, high, *usual]) | st.floats(low, high)


COUNTS = st.sampled_from([0, 1, 2, 50, 1000, bounds.MOST_COUNT])
SECONDS = floats_between(0.0, bounds.MOST_SPAN_S)
MILLISECONDS = floats_between(0.0, 1000.0 * bounds.MOST_SPAN_S)
LATENESS = floats_between(-1e7, 1e7)
DELAYS = st.sampled_from([-(1 << 17), -1, 0, 300, 1 << 17])


def or_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def any_tracks(draw: st.DrawFn) -> Track:
    slots = draw(st.integers(0, 24))
    ordered = draw(st.booleans())
    at_ms = tuple(20.0 * slot for slot in range(slots)) if ordered else _row_of(draw, MILLISECONDS, slots)
    sizes = _row_of(draw, st.sampled_from([0, 1, 160, 1200, 65_535]), slots)
    return Track(at_ms, sizes, _row_of(draw, st.sampled_from(["media", "media", "media", *PACKET_STAGES]), slots))


def _row_of(draw: st.DrawFn, values: st.SearchStrategy[Any], count: int) -> tuple[Any, ...]:
    return tuple(draw(st.lists(values, min_size=count, max_size=count)))


@st.composite
def any_bitmaps(draw: st.DrawFn, slots: int, *, empty: bool = False) -> bytes:
    if empty and draw(st.booleans()):
        return b""
    every = (1 << slots) - 1
    value = draw(st.sampled_from([0, every, every >> 1]) | st.integers(0, every))
    return value.to_bytes((slots + 7) // 8, "little")


def _any_flow_pair(
    draw: st.DrawFn, number: int, kind: str | None, plans: dict[Direction, Track], absent: bool
) -> list[Observation]:
    """The two directions of one flow."""
    shared = {
        "flow": number, "role": "twin" if kind else "call", "twin_kind": kind, "canary": draw(st.booleans()),
        "transport": draw(st.sampled_from(["udp", "udp", "udp", *TRANSPORT_NAMES])),
        "port": draw(st.sampled_from([0, 443])),
    }  # fmt: skip
    return [
        Observation(
            id=2 * number + place,
            direction=direction,
            sent=draw(any_bitmaps(len(plan.size), empty=absent)),
            arrived=draw(any_bitmaps(len(plan.size), empty=absent)),
            late=draw(any_bitmaps(len(plan.size), empty=True)),
            withheld=draw(any_bitmaps(len(plan.size), empty=True)),
            limited=draw(any_bitmaps(len(plan.size), empty=True)),
            delay_dms=_row_of(draw, DELAYS, draw(st.sampled_from([0, 5]))),
            answered=draw(st.dictionaries(st.sampled_from(PACKET_STAGES), st.booleans(), max_size=2)),
            setup_ms=draw(or_none(LATENESS)),
            hops=draw(st.sampled_from([0, 1, 3, 64])),
            exceeded=draw(st.integers(0, len(plan.size))),
            router=draw(st.sampled_from(ROUTER_KINDS)),
            **shared,
        )
        for place, (direction, plan) in enumerate(plans.items())
    ]


QUESTIONS: tuple[Question, ...] = (
    BASELINE,
    BASELINE,
    WatchedCalls(),
    WatchedCalls(3),
    RateContrast(0.5),
    HelloContrast("pion"),
    LongCalls(1),
    QuietCalls(0.02),
    TcpTwins(),
    TransportPaths(("udp/443", "tls/443")),
    RelayPaths(("udp/443", "turn-tls/443")),
    HopLimits("media", "up", (2, 3)),
    HopLimits("media", "down"),
)


@st.composite
def any_epochs(draw: st.DrawFn, number: int) -> Epoch:
    """An epoch as nobody would measure it."""
    app, variant, medium = draw(st.sampled_from(ARMS))
    k, question = draw(st.integers(1, 3)), draw(st.sampled_from(QUESTIONS))
    kinds = [None] * k + ["random"] * k + ["text"] * draw(st.integers(0, k))
    if not isinstance(question, COMPARING):
        kinds += draw(st.lists(st.sampled_from([None, "random", "text"]), max_size=4))
    missing = draw(st.sampled_from(["", "", "", "responder_lost", "untried"]))
    plans: dict[Direction, Track] = {"up": draw(any_tracks()), "down": draw(any_tracks())}
    order = draw(st.permutations(range(len(kinds))))
    flows = [flow for place in order for flow in _any_flow_pair(draw, place, kinds[place], plans, bool(missing))]
    return Epoch(
        number=number,
        app=app,
        variant=variant,
        medium=medium,
        k=k,
        started_s=draw(SECONDS),
        ended_s=draw(SECONDS),
        cut_s=draw(SECONDS),
        known_s=draw(SECONDS),
        flows=tuple(flows),
        question=question,
        missing=missing,
        path=draw(COUNTS),
        **plans,
    )


EXCHANGES = st.builds(
    Exchange,
    app=st.sampled_from(["", "telegram", "webrtc"]),
    host=st.sampled_from(["a", "b"]),
    neutral=st.booleans(),
    at_s=SECONDS,
    ok=st.booleans(),
    failure=st.sampled_from(["", "generic_timeout_error", "connection_refused", "dns_nxdomain_error"]),
    rtt_ms=or_none(MILLISECONDS),
    took_s=SECONDS,
    kind=st.sampled_from(EXCHANGE_KINDS),
    round=COUNTS,
    confidence=st.sampled_from(["high", "low"]),
    named=st.booleans(),
    name=st.sampled_from(["", "a", "b"]),
).map(lambda one: structs.replace(one, name=(one.name or "b") if one.kind == "tls.name" else ""))
HEALTH = st.builds(
    Health,
    late_ms_p99=or_none(st.sampled_from([0.0, 10.0, 1e7])),
    lab_late_ms_p99=or_none(LATENESS),
    router_drops=st.sampled_from([0, 0, 3]),
    clock_jump_s=st.sampled_from([0.0, 0.0, -1e12, 1e12]),
    network_changed=st.sampled_from([False, False, True]),
    vpn=st.sampled_from([None, False, True]),
    ended=st.sampled_from(["done", "done", "budget", "responder_lost", "interrupted"]),
)
REACH = st.builds(
    Reach,
    control=st.sampled_from(["connected", "connected", "refused", "timeout", "offline"]),
    listed_s=or_none(st.sampled_from([0.0, 86_400.0])),
    tcp_ok=COUNTS,
    tcp_tries=COUNTS,
)
PLANS = st.builds(
    Plan,
    arms=st.lists(st.sampled_from(ARMS), min_size=1, max_size=3, unique=True).map(
        lambda arms: tuple(ArmPlan(*arm, packet_rate=rate) for arm, rate in zip(arms, (50.0, 0.01, 1e4), strict=False))
    ),
    alpha=st.sampled_from([1e-12, 1e-4, 0.99]),
    k=st.integers(1, bounds.MOST_K),
    packets=st.sampled_from([1, 25, bounds.MOST_SLOTS]),
    budget_bytes=st.sampled_from([0, 4_000_000, 1 << 40]),
    budget_s=SECONDS,
    watch_s=SECONDS,
    transports=st.booleans(),
    path_s=SECONDS,
    locate=st.booleans(),
    basis=st.sampled_from(["shape", "webrtc"]),
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Facts within bounds, however unlikely."""
    return Facts(
        plan=draw(PLANS),
        epochs=tuple(draw(any_epochs(number)) for number in range(draw(st.integers(0, 4)))),
        health=draw(HEALTH),
        reach=draw(REACH),
        exchanges=tuple(draw(st.lists(EXCHANGES, max_size=8))),
        paths=draw(st.sampled_from([(), ("udp/443", "tls/443")])),
        seed=draw(st.binary(max_size=64)),
        started_at=draw(st.sampled_from(["", "2026-11-24T20:00:00Z"])),
        duration_s=draw(SECONDS),
        responder_class=draw(st.sampled_from(ADDRESS_CLASSES)),
        family=draw(st.sampled_from([4, 6])),
    )


# -- recordings --------------------------------------------------------------------------------------------------

AT_S = st.sampled_from([-bounds.MOST_RECORDING_S, 0.0, 1.5, 20.0, bounds.MOST_RECORDING_S]) | floats_between(0.0, 60.0)
SPANS = floats_between(0.0, bounds.MOST_RECORDING_S)
MS = floats_between(-1000.0 * bounds.MOST_RECORDING_S, 1000.0 * bounds.MOST_RECORDING_S)
MOS = or_none(st.sampled_from([1.0, 3.0, 4.4, 5.0]))
KBPS = floats_between(0.0, 1e9)
MOMENTS = st.builds(
    Moment,
    at_s=st.integers(-(10**9), 10**9) | st.integers(0, 60),
    sent=st.builds(Second, packets=COUNTS, lost=or_none(COUNTS), kbps=KBPS, frozen_ms=MS, mos=MOS),
    received=st.builds(Second, packets=COUNTS, lost=or_none(COUNTS), kbps=KBPS, frozen_ms=MS, mos=MOS),
    other_packets=COUNTS,
)
STREAMS = st.builds(
    Stream,
    direction=st.sampled_from(["sent", "received"]),
    ssrc=or_none(st.sampled_from([0, (1 << 32) - 1])),
    payload_type=or_none(st.sampled_from([0, 111])),
    medium=st.sampled_from([None, "voice", "video"]),
    packets=COUNTS,
    lost=or_none(COUNTS),
    loss_pct=or_none(floats_between(0.0, 100.0)),
    loss_basis=st.sampled_from([None, "sequence", "cadence"]),
    duplicates=COUNTS,
    reordered=COUNTS,
    jitter_ms=or_none(MS),
    late_ms=or_none(MS),
    freezes=COUNTS,
    frozen_s=SPANS,
    longest_gap_ms=MS,
    mos=MOS,
    start_s=AT_S,
    duration_s=SPANS,
    kbps=KBPS,
    clock_hz=or_none(COUNTS),
    packet_ms=or_none(MS),
    mean_burst=or_none(st.sampled_from([1e-3, 1.0, 3.5, float(bounds.MOST_COUNT)])),
    flows=st.just((1,)),
)
FLOWS = st.builds(
    Flow,
    number=COUNTS,
    kind=st.sampled_from(["relay", "peer", "local"]),
    protocol=st.sampled_from(["udp", "tcp"]),
    packets_sent=COUNTS,
    packets_received=COUNTS,
    media_sent=COUNTS,
    media_received=COUNTS,
    start_s=AT_S,
    end_s=AT_S,
    last_received_s=or_none(AT_S),
    requests=COUNTS,
    answers=COUNTS,
)
CALLS = st.builds(
    Call,
    app=st.sampled_from(["unknown", *apps()]),
    app_confidence=floats_between(0.0, 1.0),
    media=st.sampled_from([(), ("voice",), ("video",), ("voice", "video")]),
    start_s=AT_S,
    duration_s=SPANS,
    setup_s=AT_S,
    transport=st.sampled_from(["p2p", "relay", "unknown"]),
    protocol=st.sampled_from(["udp", "tcp"]),
    encrypted=st.sampled_from([None, True, False]),
    flows=st.lists(FLOWS, max_size=3).map(tuple),
    streams=st.lists(STREAMS, max_size=5).map(tuple),
    seconds=st.lists(MOMENTS, max_size=20).map(tuple),
    control_end_s=AT_S,
    file_end_s=AT_S,
    closed=st.booleans(),
)
ATTEMPTS = st.builds(
    Attempt,
    app=st.sampled_from([*apps()]),
    app_confidence=floats_between(0.0, 1.0),
    start_s=AT_S,
    end_s=AT_S,
    answered=st.booleans(),
    requests=COUNTS,
    answers=COUNTS,
    other_packets=COUNTS,
    others_answered=st.booleans(),
)


def any_findings() -> st.SearchStrategy[Findings]:
    """Findings within bounds, however unlikely."""
    return st.builds(
        Findings,
        packets=COUNTS,
        duration_s=AT_S,
        unread=st.dictionaries(st.sampled_from(["not IP: ethertype 0x0806", "cut"]), COUNTS),
        calls=st.lists(CALLS, max_size=3).map(tuple),
        attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
    )


def changed_record(record: Any, path: Sequence[str | int], value: Any) -> Any:
    """The record as plain values, with one of them replaced: `path` are names and places."""
    import msgspec

    plain = msgspec.to_builtins(record, builtin_types=(bytes,))
    inner = plain
    for step in path[:-1]:
        inner[step] = list(inner[step]) if isinstance(inner[step], tuple) else inner[step]
        inner = inner[step]
    inner[path[-1]] = value
    return plain
