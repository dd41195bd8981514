"""Validates the facts of `talkpath endpoints` that somebody else wrote, as `measure.validate` does those of a check.

Contract: `validate_endpoint_facts` raises `BundleError` for facts that no run writes: unknown apps and words, bitmaps
of another length than their series or schedule, answers to packets that never left, cells without a flow. Valid facts
may still be false, but they do not make a reader fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from talkpath.apps import apps
from talkpath.errors import BundleError
from talkpath.measure.endpoint_facts import (
    EndpointFacts,
    ExpiringEpoch,
    ExpiringFlow,
    GreetingSeries,
    MeasuredPath,
)
from talkpath.measure.validate import NAME_PATTERN, ROUTER_KINDS, SETUP_STAGES, WORD_PATTERN, exchange_fits
from talkpath.wire.control.receipt import is_hour

CARRIES: Final = ("call", "greeting")
STUN_FORMS: Final = ("", "stun", "classic")
SKIP_REASONS: Final = ("", "locate")
LIMITED: Final = ("", "system", "no_server", "no_call")
FLOW_CELL_LIMIT: Final = 4


def validate_endpoint_facts(facts: EndpointFacts) -> None:
    """Raise `BundleError` if no run can write such facts."""
    if not all(_require_run(facts)):
        raise BundleError("The bundle holds answers of servers that no run writes.")


def _require_run(facts: EndpointFacts) -> Iterator[bool]:
    yield all(app in apps() for app in facts.apps) and facts.family in (4, 6)
    yield is_hour(facts.started_at) and facts.schema.isprintable() and facts.limited in LIMITED
    yield all(map(exchange_fits, facts.exchanges))
    yield all(all(_require_series(series)) for series in facts.series)
    yield all(all(_require_path(path)) for path in facts.paths)
    yield len({path.host for path in facts.paths}) == len(facts.paths)
    yield all(all(_require_expiring_epoch(epoch)) for epoch in facts.epochs)
    yield len({epoch.number for epoch in facts.epochs}) == len(facts.epochs)


def _require_owner(app: str, host: str, *, neutral: bool) -> bool:
    return (app == "" if neutral else app in apps()) and host.isprintable()


def _require_series(series: GreetingSeries) -> Iterator[bool]:
    yield _require_owner(series.app, series.host, neutral=series.neutral)
    yield _are_answers(series.sent, series.answered, series.count)
    yield len(series.rtt_ms) <= series.count


def _require_path(path: MeasuredPath) -> Iterator[bool]:
    yield _require_owner(path.app, path.host, neutral=path.neutral)
    yield path.greeting in STUN_FORMS and all(hop.kind in ROUTER_KINDS for hop in path.hops)


def _require_expiring_epoch(epoch: ExpiringEpoch) -> Iterator[bool]:
    yield epoch.app in apps() and NAME_PATTERN.fullmatch(epoch.variant) is not None and epoch.medium == "voice"
    yield epoch.host.isprintable() and epoch.beside.isprintable()
    yield epoch.carries in CARRIES and epoch.why in SKIP_REASONS and epoch.router in ROUTER_KINDS
    yield WORD_PATTERN.fullmatch(epoch.missing) is not None and set(epoch.stage) <= set(SETUP_STAGES)
    yield len(epoch.at_ms) == len(epoch.size) == len(epoch.stage)
    yield all(_require_expiring_flow(flow, len(epoch.size)) for flow in epoch.flows)
    cells = {(flow.role, flow.neutral) for flow in epoch.flows}
    yield bool(epoch.missing) or (len(cells) == FLOW_CELL_LIMIT and len(epoch.size) > 0)


def _require_expiring_flow(flow: ExpiringFlow, slots: int) -> bool:
    return _are_answers(flow.sent, flow.answered, slots)


def _are_answers(sent: bytes, answered: bytes, size: int) -> bool:
    """Whether both bitmaps are as long as they should be, and only what was sent was answered."""
    left, came = (int.from_bytes(bitmap, "little") for bitmap in (sent, answered))
    return len(sent) == len(answered) == (size + 7) // 8 and left >> size == 0 and came & ~left == 0
