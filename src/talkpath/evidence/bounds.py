"""Bounds of facts and findings: whoever signs a bundle may write anything into it.

Contract: each function raises `BundleError` for records that no check or recording gives: bitmaps of another length
than their schedule, flows without their other direction, numbers that are not finite or out of all proportion, text
that a terminal would act on. What passes may be a lie, but not one that makes the reader fail.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from talkpath.errors import BundleError
from talkpath.experiment.hop_limits import MOST_HOPS, ROUTERS
from talkpath.measure.call import Findings
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Exchange, Facts, Observation, Track

MOST_S, MOST_BYTES, MOST_EPOCHS, MOST_FLOWS, MOST_SLOTS, MOST_ARMS = 86_400.0, 1 << 40, 2000, 256, 20_000, 64
MOST_EXCHANGES, MOST_SIZE, MOST_COUNT = 1000, 65_535, 1 << 31
MEDIA = "voice", "video"
NAME = re.compile(r"[a-z0-9_.-]{1,40}")
TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:00:00Z)?")


def check_facts(facts: Facts) -> None:
    """Check the facts of a check; `BundleError` where a value is out of its bounds."""
    if not all(_whole(facts)) or not all(all(_exchange(one)) for one in facts.exchanges):
        raise BundleError("The bundle holds facts that no check writes.")
    for epoch in facts.epochs:
        if not all(_epoch(epoch)):
            raise BundleError(f"The bundle holds an epoch that no check writes, number {epoch.number}.")


def check_findings(findings: Findings) -> None:
    """Check the findings of a recording; `BundleError` where a value is out of its bounds."""
    calls = findings.calls
    names = [call.app for call in calls] + [attempt.app for attempt in findings.attempts]
    if not all(map(_name, names)) or any(set(call.media) - set(MEDIA) for call in calls) or not _plain(findings.unread):
        raise BundleError("The bundle holds findings that no recording gives.")


def _plain(value: object) -> bool:
    """Whether all text in a JSON value is printable."""
    if isinstance(value, str):
        return value.isprintable()
    if isinstance(value, dict):
        return all(_plain(key) and _plain(inner) for key, inner in value.items())
    return all(map(_plain, value)) if isinstance(value, list | tuple) else True


def _number(value: float | None, low: float, high: float) -> bool:
    return value is None or (math.isfinite(value) and low <= value <= high)


def _whole(facts: Facts) -> Iterator[bool]:
    plan, health = facts.plan, facts.health
    texts = (facts.responder_key, facts.responder_class, health.ended, facts.reach.control, facts.reach.reference)
    yield _plain((*texts, *facts.paths))
    yield 0 < len(plan.arms) <= MOST_ARMS and len(facts.epochs) <= MOST_EPOCHS
    yield len(facts.exchanges) <= MOST_EXCHANGES and len(facts.paths) <= MOST_ARMS and len(facts.seed) <= 64
    yield len({epoch.number for epoch in facts.epochs}) == len(facts.epochs)
    yield TIME.fullmatch(facts.started_at) is not None and facts.family in (4, 6)
    yield 0 < plan.alpha < 1 and 1 <= plan.k <= MOST_FLOWS and 1 <= plan.packets <= MOST_SLOTS
    yield _number(plan.budget_bytes, 0, MOST_BYTES) and _number(plan.budget_s, 0, MOST_S)
    yield _number(plan.watch_s, 0, MOST_S) and _number(plan.path_s, 0, MOST_S)
    yield all(map(_name, (plan_arm.app for plan_arm in plan.arms)))
    yield all(_number(plan_arm.packet_rate, 0.01, 10_000) for plan_arm in plan.arms)
    yield _number(facts.duration_s, 0, MOST_S)
    yield _number(facts.bytes_sent, 0, MOST_BYTES) and _number(facts.bytes_received, 0, MOST_BYTES)
    yield _number(health.late_ms_p99, -1e7, 1e7) and _number(health.lab_late_ms_p99, -1e7, 1e7)
    yield _number(health.clock_jump_s, -1e12, 1e12) and _number(health.router_drops, 0, MOST_COUNT)
    yield _number(facts.reach.tcp_ok, 0, MOST_COUNT) and _number(facts.reach.tcp_tries, 0, MOST_COUNT)


def _name(text: str) -> bool:
    return NAME.fullmatch(text) is not None


def _exchange(one: Exchange) -> Iterator[bool]:
    yield (_name(one.app) or one.app == "") and _plain((one.host, one.failure))
    yield _number(one.at_s, 0, MOST_S) and _number(one.took_s, 0, MOST_S) and _number(one.rtt_ms, 0, MOST_S * 1000)


def _epoch(epoch: Epoch) -> Iterator[bool]:
    yield all(map(_name, (epoch.app, epoch.variant, epoch.question))) and epoch.medium in MEDIA
    yield _plain((epoch.missing, str(epoch.value)))
    yield 0 <= epoch.number < MOST_COUNT and 1 <= epoch.k <= MOST_FLOWS and epoch.path >= 0
    yield all(_number(at_s, 0, MOST_S) for at_s in (epoch.started_s, epoch.ended_s, epoch.cut_s, epoch.known_s))
    yield epoch.value is None or isinstance(epoch.value, str) or _number(epoch.value, 0, MOST_S)
    yield all(_track(epoch.up)) and all(_track(epoch.down))
    yield 0 < len(epoch.flows) <= 2 * MOST_FLOWS and len(epoch.flows) % 2 == 0
    pairs = zip(epoch.flows[::2], epoch.flows[1::2], strict=False)
    yield all(_pair(up, down) for up, down in pairs)
    absent = bool(epoch.missing)
    yield all(_flow(flow, epoch.up if flow.direction == "up" else epoch.down, absent) for flow in epoch.flows)


def _track(track: Track) -> Iterator[bool]:
    count = len(track.size)
    yield len(track.at_ms) == len(track.stage) == count <= MOST_SLOTS
    yield all(0 <= size <= MOST_SIZE for size in track.size) and all(map(_name, track.stage))
    yield all(_number(at_ms, 0, MOST_S * 1000) for at_ms in track.at_ms)


def _pair(up: Observation, down: Observation) -> bool:
    """Whether two observations are the two directions of one flow."""
    same = (up.flow, up.role, up.twin_kind, up.canary, up.transport, up.port)
    return (
        (up.direction, down.direction) == ("up", "down")
        and same == (down.flow, down.role, down.twin_kind, down.canary, down.transport, down.port)
        and (up.twin_kind is None) == (up.role == "call")
        and 0 <= up.flow < MOST_COUNT
        and 0 <= up.port <= MOST_SIZE
    )


def _flow(flow: Observation, track: Track, absent: bool) -> bool:
    """`absent`: the responder's report is missing."""
    whole = all(_bitmap(bitmap, track, absent) for bitmap in (flow.sent, flow.arrived))
    return (
        whole
        and all(_bitmap(bitmap, track, True) for bitmap in (flow.late, flow.withheld, flow.limited))
        and 0 <= flow.hops <= MOST_HOPS
        and 0 <= flow.exceeded <= len(track.size)
        and flow.router in ROUTERS
        and len(flow.delay_dms) in (0, len(DELAY_QUANTILES))
        and all(_number(delay, -(1 << 17), 1 << 17) for delay in flow.delay_dms)
        and _number(flow.setup_ms, -1e7, 1e7)
        and 0 <= flow.id < MOST_COUNT
        and len(flow.answered) <= MOST_ARMS
    )


def _bitmap(bitmap: bytes, track: Track, may_be_empty: bool) -> bool:
    """Whether a bitmap is as long as the schedule and has no bit beyond it."""
    if not bitmap:
        return may_be_empty or not track.size
    size = (len(track.size) + 7) // 8
    return len(bitmap) == size and int.from_bytes(bitmap, "little") >> len(track.size) == 0
