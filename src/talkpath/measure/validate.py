"""Validates facts that somebody else wrote: whoever signs a bundle may put anything into it.

Contract: each function raises `BundleError` for facts that a judge cannot handle: bitmaps of another length than their
schedule, flows without their other direction, unknown apps and words, text with terminal control characters. The bounds
of single values are in the types of the records (`measure.bounds`). Valid facts may still be false, but they do not
make a reader fail.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from talkpath.apps import apps
from talkpath.apps.contract.shape import Arm
from talkpath.apps.recorded.played import played_shape
from talkpath.errors import BundleError, FileError
from talkpath.measure.call import Control, ControlFlow, ControlSecond, Findings
from talkpath.measure.facts import DELAY_QUANTILES, Epoch, Exchange, Facts, Observation, Track
from talkpath.wire.control.question import COMPARING
from talkpath.wire.control.receipt import ADDRESS_CLASSES, is_hour

TRANSPORT_NAMES: Final = ("udp", "tcp", "tls", "wss", "turn-udp", "turn-tcp", "turn-tls")
ROUTER_KINDS: Final = ("", "home", "provider", "public")
BESIDE_SILENCE: Final = ("online", "domestic")
HELLO_NAMES: Final = ("tls.browser", "tls.openssl", "tls.padded", "tls.name")
EXCHANGE_KINDS: Final = ("", "stun", "stun-tcp", "tcp", "tls", *HELLO_NAMES, "dns.system", "dns.other", *BESIDE_SILENCE)
UNNAMED_APP: Final = "unknown"  # calls of a recording whose app is not known
NAME_PATTERN = re.compile(r"[a-z0-9_.-]{1,40}")
WORD_PATTERN = re.compile(r"[a-z0-9_]{0,40}")
KEY_PATTERN = re.compile(r"([A-Za-z0-9_-]{43})?")
PATH_PATTERN = re.compile(r"(udp|tcp|tls|wss)/\d{1,5}")
RELAY_PATTERN = re.compile(r"turn-(udp|tcp|tls)/\d{1,5}")


def validate_facts(facts: Facts) -> None:
    """Raise `BundleError` if no check can write such facts."""
    if not all(_require_facts(facts)) or not all(map(exchange_fits, facts.exchanges)):
        raise BundleError("The bundle holds facts that no check writes.")
    arms = {arm.arm for arm in facts.plan.arms if arm.arm.is_recorded}
    for epoch in facts.epochs:
        if not all(_require_epoch(epoch, arms)):
            raise BundleError(f"The bundle holds an epoch that no check writes, number {epoch.number}.")


def validate_findings(findings: Findings) -> None:
    """Raise `BundleError` if no recording can give such findings."""
    named = [call.app for call in findings.calls] + [attempt.app for attempt in findings.attempts]
    media = {medium for call in findings.calls for medium in call.media}
    known = all(app == UNNAMED_APP or app in apps() for app in named) and media <= {"voice", "video"}
    sound = all(_require_control(control) for control in findings.controls)
    if not known or not sound or not all(map(str.isprintable, findings.unread)):
        raise BundleError("The bundle holds findings that no recording gives.")


def _require_control(control: Control) -> bool:
    """Whether no more arrived than was sent, in any second or flow, and the seconds are in order."""
    counted: list[ControlSecond | ControlFlow] = [*control.seconds, *control.flows]
    whole = all((one.arrived_up or 0) <= one.sent_up and one.arrived_down <= one.sent_down for one in counted)
    times = [one.at_s for one in control.seconds]
    network = control.network[:2] == "AS" and control.network[2:].isascii() and control.network[2:].isdigit()
    return whole and network and _is_word(control.ended) and times == sorted(set(times))


def _require_facts(facts: Facts) -> Iterator[bool]:
    plan, health, reach = facts.plan, facts.health, facts.reach
    yield len({epoch.number for epoch in facts.epochs}) == len(facts.epochs)
    yield is_hour(facts.started_at) and facts.family in (4, 6)
    recorded = {arm.arm for arm in plan.arms if arm.arm.is_recorded}
    yield not recorded or (bool(plan.shape) and recorded == {_shape_arm(plan.shape)})
    yield all(arm.app in apps() or arm.arm in recorded for arm in plan.arms)
    yield all(_is_name(arm.variant) and _is_word(arm.shape_class) for arm in plan.arms)
    yield facts.responder_class in ADDRESS_CLASSES and KEY_PATTERN.fullmatch(facts.responder_key) is not None
    yield all(PATH_PATTERN.fullmatch(path) for path in facts.paths)
    yield all(map(_is_word, (health.ended, reach.control, reach.lost, reach.again)))
    yield all(_is_word(attempt.outcome) and _is_word(attempt.hello) for attempt in reach.attempts)
    yield facts.schema.isprintable()
    yield all(KEY_PATTERN.fullmatch(tried.key) and _is_word(tried.outcome) for tried in facts.tried)
    yield all(map(RELAY_PATTERN.fullmatch, plan.relays))
    yield all(attempt.relay in plan.relays and _is_word(attempt.outcome) for attempt in facts.relays)


def _shape_arm(text: str) -> Arm | None:
    """Return the arm of the recorded shape with that text; None where it is none."""
    try:
        return played_shape(text.encode()).arm
    except FileError:
        return None


def _is_name(text: str) -> bool:
    return NAME_PATTERN.fullmatch(text) is not None


def _is_word(text: str) -> bool:
    return WORD_PATTERN.fullmatch(text) is not None


def exchange_fits(exchange: Exchange) -> bool:
    """Return whether a run can write such an exchange with a host."""
    known = exchange.app == "" or exchange.app in apps()
    named = exchange.name.isprintable() and bool(exchange.name) is (exchange.kind == "tls.name")
    return (
        known
        and named
        and exchange.host.isprintable()
        and _is_word(exchange.failure)
        and exchange.kind in EXCHANGE_KINDS
    )


def _require_epoch(epoch: Epoch, recorded: Collection[Arm]) -> Iterator[bool]:
    yield epoch.app in apps() or epoch.arm in recorded
    yield _is_name(epoch.variant) and epoch.medium != "text"
    yield _is_word(epoch.missing)
    yield _require_track(epoch.up) and _require_track(epoch.down)
    yield len(epoch.flows) > 0 and len(epoch.flows) % 2 == 0
    yield all(_is_flow_pair(up, down) for up, down in zip(epoch.flows[::2], epoch.flows[1::2], strict=False))
    yield len({flow.flow for flow in epoch.flows}) * 2 == len(epoch.flows)
    yield not isinstance(epoch.question, COMPARING) or _is_within_k(epoch)
    absent = bool(epoch.missing)
    yield all(_fits_schedule(flow, epoch.track(flow.direction), absent) for flow in epoch.flows)


def _is_within_k(epoch: Epoch) -> bool:
    """Whether there are at most k flows of each kind."""
    kinds = Counter(flow.twin_kind for flow in epoch.flows if flow.direction == "up")
    return max(kinds.values(), default=0) <= epoch.k


def _require_track(track: Track) -> bool:
    return len(track.at_ms) == len(track.stage) == len(track.size)


def _is_flow_pair(up: Observation, down: Observation) -> bool:
    """Whether these are the two directions of one flow."""
    same = (up.flow, up.role, up.twin_kind, up.canary, up.transport, up.port)
    return (
        (up.direction, down.direction) == ("up", "down")
        and same == (down.flow, down.role, down.twin_kind, down.canary, down.transport, down.port)
        and (up.twin_kind is None) == (up.role == "call")
    )


def _fits_schedule(flow: Observation, track: Track, absent: bool) -> bool:
    """Whether the observation fits its schedule. `absent`: the responder's half is missing."""
    return (
        all(_fits_slots(bitmap, track, may_be_empty=absent) for bitmap in (flow.sent, flow.arrived))
        and all(_fits_slots(bitmap, track, may_be_empty=True) for bitmap in (flow.late, flow.withheld, flow.limited))
        and flow.transport in TRANSPORT_NAMES
        and flow.router in ROUTER_KINDS
        and flow.exceeded <= len(track.size)
        and len(flow.delay_dms) in (0, len(DELAY_QUANTILES))
        and all(map(_is_word, flow.answered))
    )


def _fits_slots(bitmap: bytes, track: Track, *, may_be_empty: bool) -> bool:
    """Whether the bitmap is as long as the schedule, with no bit beyond it."""
    if not bitmap:
        return may_be_empty or not track.size
    size = (len(track.size) + 7) // 8
    return len(bitmap) == size and int.from_bytes(bitmap, "little") >> len(track.size) == 0
