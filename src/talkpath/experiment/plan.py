"""The plan of a check: which arms, how strong, at what cost. Fixed before the first packet."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.apps import apps, shapes
from talkpath.apps.shape import Arm
from talkpath.errors import UsageError
from talkpath.measure.facts import ArmPlan, Plan

VOICE_BYTES = 4_000_000
VIDEO_BYTES = 20_000_000
DEEP_S = 60.0
DEEP_BYTES_S = 600_000  # three cohorts of ten flows of voice at 50 packets/s, both ways


def choose_arms(
    names: Sequence[str] = (), media: Sequence[str] = ("voice",), *, every: bool = False
) -> tuple[Arm, ...]:
    """The arms of these apps (all when empty), each an app or `app/variant`; `UsageError` for an unknown one.

    Variants that an app keeps for requests are left out unless named or `every`.
    """
    known = {app.id: app for app in apps().values() if app.shapes}
    variants = {f"{arm.app}/{arm.variant}" for arm in shapes()}
    for name in names:
        if name not in known and name not in variants:
            raise UsageError(f"No app is called {name!r}; the ones that can be imitated are {', '.join(known)}.")
    wanted = [
        arm
        for arm in shapes()
        if arm.medium in media
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
    alpha: float = 1e-4,
    k: int | None = None,
    budget_bytes: int | None = None,
    budget_s: float = 60.0,
    watch_s: float = 0.0,
    transports: bool = False,
) -> Plan:
    """Few arms get more flows an epoch; many share the budget, each flow then living 60 packets (both ways).

    Calls that are watched for `watch_s` cost time and bytes of their own.
    """
    few = len(arms) <= 4
    video = any(arm.medium == "video" for arm in arms)
    usual = VIDEO_BYTES if video else VOICE_BYTES
    return Plan(
        arms=tuple(_arm_plan(arm) for arm in arms),
        alpha=alpha,
        k=k if k is not None else 8,
        packets=25 if few else 20,
        budget_bytes=budget_bytes if budget_bytes is not None else usual + int(DEEP_BYTES_S * watch_s * len(arms)),
        budget_s=budget_s + 3.3 * watch_s * len(arms),
        watch_s=watch_s,
        transports=transports,
    )


def _arm_plan(arm: Arm) -> ArmPlan:
    shape = shapes()[arm]
    return ArmPlan(arm.app, arm.variant, arm.medium, shape.confidence, shape.shape_class, shape.packet_rate)
