"""Facts within all bounds that were made to be slow to judge, as a stranger may sign them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Epoch, Facts, Observation, Track

PLAN = make_plan(choose_arms(["whatsapp/relay60"]))
FLOWS = 16


def slow_epoch(draws: Random, number: int, slots: int, stage: str, size: Callable[[int], int], *, cut: bool) -> Epoch:
    """Calls lose everything from some packet on (`cut`), or a quarter of all packets; all flows lose some."""
    whole, size_bytes = (1 << slots) - 1, (slots + 7) // 8
    stages = ("stun", *[stage if place % 4 else "media" for place in range(1, slots)])
    tracks = {
        way: Track(
            tuple(sorted(draws.uniform(0, 20.0 * slots) for _ in stages)), tuple(map(size, range(slots))), stages
        )
        for way in ("up", "down")
    }
    flows = []
    for flow in range(FLOWS):
        kind = "random" if flow % 2 else None
        passed = whole & ~(draws.getrandbits(slots) & draws.getrandbits(slots) & draws.getrandbits(slots))
        if kind is None:
            kept = (1 << int(slots * draws.uniform(0.3, 0.5))) - 1 if cut else ~draws.getrandbits(slots)
            passed &= kept | ~draws.getrandbits(slots) if not cut else kept
        for way in ("up", "down"):
            observation = Observation(
                id=len(flows),
                flow=flow,
                role="twin" if kind else "call",
                direction=way,
                sent=whole.to_bytes(size_bytes, "little"),
                arrived=passed.to_bytes(size_bytes, "little"),
                twin_kind=kind,
                delay_dms=(100, 110, 120, 130, draws.randrange(140, 200)),
                answered={"stun": True},
                setup_ms=20.0,
            )
            flows.append(observation)
    arm = PLAN.arms[0]
    return Epoch(
        number=number,
        app=arm.app,
        variant=arm.variant,
        medium=arm.medium,
        k=FLOWS // 2,
        started_s=2.0 * number,
        ended_s=2.0 * number + 1.0,
        cut_s=2.0 * number + 1.5,
        known_s=2.0 * number + 1.8,
        flows=tuple(flows),
        **tracks,
    )


def slow_facts_of(epochs: int, slots: int, stage: str, size: Callable[[int], int], *, cut: bool) -> Facts:
    draws = Random(f"{epochs}, {slots}, {stage}")
    made = tuple(slow_epoch(draws, number, slots, stage, size, cut=cut) for number in range(epochs))
    return Facts(plan=replace(PLAN, packets=slots), epochs=made, seed=bytes(32), started_at="2026-11-24T20:00:00Z")
