"""Plans a check before the first packet: which arms, how many epochs and flows, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec.structs import replace

from talkpath.apps import app_id, apps, shapes
from talkpath.apps.contract.shape import Arm
from talkpath.apps.recorded.played import PlayedShape
from talkpath.errors import UsageError
from talkpath.experiment.budget import ALLOCATION_BYTES, STREAM_BYTES, flow_bytes
from talkpath.measure.facts import ALPHA, OK_WATCHED_S, ArmPlan, Plan
from talkpath.measure.relay_results import relay_arms

VOICE_BUDGET_BYTES = 10_000_000
VIDEO_BUDGET_BYTES = 45_000_000
LIGHT_VOICE_BYTES, LIGHT_VIDEO_BYTES = 4_000_000, 20_000_000
LONG_CALL_BYTES, LONG_CALLS_OF_ALL = 500_000, 8  # of voice: one that lives through a check; so many live in each
LONG_S = 25.0  # one call of each arm lives so long, beside everything else
DEEP_S = 60.0
PATH_S, PATHS_AROUND_S = 3.0, 3.0  # a call over each transport of one arm; the answers to all of them
PATH_TRANSPORTS = ("udp", "udp", "udp", "tcp", "tls", "wss")
RELAY_AROUND_S = 10.0  # allocations, which are awaited for six seconds, and what surrounds an epoch
PATHS_MARGIN = 1.3  # packet sizes are drawn again in each check, and each end sends its reports
LOCATE_BYTES, LOCATE_S = 8_000_000, 60.0
DEEP_BYTES_S = 600_000  # three cohorts of ten flows of voice at 50 packets/s, both ways


def choose_arms(
    names: Sequence[str] = (), media: Sequence[str] = ("voice",), *, every: bool = False
) -> tuple[Arm, ...]:
    """Return the arms of these apps (all if empty), each an app or `app/variant`; `UsageError` for an unknown one.

    App names may be written as people write them: "WhatsApp" is "whatsapp". Variants that an app reserves for explicit
    requests are left out unless named or `every`. A recorded shape's calls are of its own medium.
    """
    known = {app.id: app for app in apps().values() if app.shapes}
    variants = {f"{arm.app}/{arm.variant}" for arm in shapes()}
    for name in names:
        if app_id(name) not in known and app_id(name) not in variants:
            raise UsageError(f"No app is called {name!r}; the ones that can be imitated are {', '.join(known)}.")
    names = [*map(app_id, names)]
    wanted = [
        arm
        for arm in shapes()
        if (arm.medium in media or arm.is_recorded)
        and (
            f"{arm.app}/{arm.variant}" in names
            or ((not names or arm.app in names) and (every or arm.variant not in known[arm.app].on_request))
        )
    ]
    if not wanted:
        raise UsageError(f"None of these apps has a call of that medium: {', '.join(media)}.")
    return tuple(sorted(wanted, key=lambda arm: (arm.medium != "voice", arm)))


def make_plan(
    arms: Sequence[Arm],
    *,
    alpha: float = ALPHA,
    k: int | None = None,
    budget_bytes: int | None = None,
    budget_s: float = 60.0,
    watch_s: float = 0.0,
    transports: bool = False,
    light: bool = False,
    relays: Sequence[str] = (),
) -> Plan:
    """Plan a check: few arms get more flows per epoch; many share the budget, each flow then lasting 60 packets (both
    ways).

    One call of each arm lives through the whole check; without that (`light`), which costs fewer bytes, no arm can be
    `ok`. Calls that are watched for `watch_s` cost extra time and bytes, and so do the `transports` of every arm, and
    calls by way of TURN servers (`relays`, as in the plan).
    """
    few = len(arms) <= 4
    video = any(arm.medium == "video" for arm in arms)
    usual = (
        (LIGHT_VIDEO_BYTES if video else LIGHT_VOICE_BYTES)
        if light
        else VIDEO_BUDGET_BYTES
        if video
        else VOICE_BUDGET_BYTES
    )
    more_bytes = int(DEEP_BYTES_S * watch_s * len(arms)) + (sum(map(_paths_bytes, arms)) if transports else 0)
    more_s = 3.3 * watch_s * len(arms) + (PATH_S * len(arms) + PATHS_AROUND_S if transports else 0.0)
    if few and not light:
        usual += LONG_CALL_BYTES * (LONG_CALLS_OF_ALL - len(arms))  # which each check has, of however few arms
    plan = Plan(
        arms=tuple(_arm_plan(arm) for arm in arms),
        alpha=alpha,
        k=k if k is not None else 8,
        packets=25 if few else 20,
        budget_bytes=(usual if budget_bytes is None else budget_bytes) + more_bytes,
        budget_s=budget_s + more_s,
        watch_s=watch_s,
        transports=transports,
        path_s=PATH_S,
        long_s=0.0 if light else LONG_S,
        ok_s=OK_WATCHED_S,
        shape=_recorded_text(arms),
    )
    return with_relays(plan, relays)


def with_relays(plan: Plan, relays: Sequence[str]) -> Plan:
    """Return the plan of the same check that also has calls relayed by these TURN servers at its end."""
    if not relays:
        return plan
    plan = replace(plan, relays=tuple(relays))
    more_bytes, more_s = relays_cost(plan)
    return replace(plan, budget_bytes=plan.budget_bytes + more_bytes, budget_s=plan.budget_s + more_s)


def without_relays(plan: Plan) -> Plan:
    """Return the plan of the same check without them."""
    more_bytes, more_s = relays_cost(plan)
    return replace(plan, relays=(), budget_bytes=plan.budget_bytes - more_bytes, budget_s=plan.budget_s - more_s)


def relays_cost(plan: Plan) -> tuple[int, float]:
    """Return the bytes and seconds that calls relayed by the plan's TURN servers take, at the most."""
    arms = relay_arms(plan)
    total_bytes = sum(_relay_bytes(planned.arm, plan.relays) for planned in arms)
    return total_bytes, len(arms) * (plan.path_s + RELAY_AROUND_S)


def _relay_bytes(arm: Arm, relays: Sequence[str]) -> int:
    """Return the cost of one question about relayed calls of that arm: two by each server and two directly, all the
    allocations, and both ends' reports."""
    shape = shapes()[arm]
    schedule = shape.schedule(Random(str(arm)), round(shape.packet_rate * PATH_S))
    calls = sum(2 * sum(flow_bytes(schedule, transport, 6)) for transport in ("udp", *relays))
    opening = sum(
        2 * sum(ALLOCATION_BYTES) + 2 * sum(STREAM_BYTES[relay.removeprefix("turn-").partition("/")[0]])
        for relay in relays
    )
    return int(PATHS_MARGIN * calls) + opening


def _paths_bytes(arm: Arm) -> int:
    """Return the cost of measuring which transports carry one arm: two calls over each, and both ends' reports of
    them."""
    shape = shapes()[arm]
    schedule = shape.schedule(Random(str(arm)), round(shape.packet_rate * PATH_S))
    calls = sum(2 * sum(flow_bytes(schedule, transport, 6)) for transport in PATH_TRANSPORTS)
    return int(PATHS_MARGIN * calls) + sum(2 * sum(STREAM_BYTES[transport]) for transport in PATH_TRANSPORTS)


def locating_plan(plan: Plan) -> Plan:
    """Return the plan of the same check that also measures where on the path calls are lost: some ten more
    questions."""
    return replace(plan, locate=True, budget_bytes=plan.budget_bytes + LOCATE_BYTES, budget_s=plan.budget_s + LOCATE_S)


def _recorded_text(arms: Sequence[Arm]) -> str:
    """Return the text of the recorded shape among these arms, "" without one; `UsageError` for more."""
    texts = [shape.text for shape in map(shapes().get, arms) if isinstance(shape, PlayedShape)]
    if len(texts) > 1:
        raise UsageError("A check places calls like those of one shape only; give --like once.")
    return texts[0].decode() if texts else ""


def _arm_plan(arm: Arm) -> ArmPlan:
    shape = shapes()[arm]
    return ArmPlan(
        app=arm.app,
        variant=arm.variant,
        medium=arm.medium,
        confidence=shape.confidence,
        shape_class=shape.shape_class,
        packet_rate=shape.packet_rate,
    )
