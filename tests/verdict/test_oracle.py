"""Every e-value over all assignments of roles in small runs: mean 1 where the test is exact, never above."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from msgspec.structs import replace

from factories.checks.e_values import delay_log_e, setup_log_e, survival_log_e
from factories.checks.role_assignments import all_assignments, mean_e, with_calls
from factories.checks.simulated_epochs import BACKGROUNDS, NOTHING, Restriction, World
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics import loss
from talkpath.verdict.statistics.canary import canary_log_e
from talkpath.verdict.statistics.strength import arm_strength, opaque_log_e, twin_worse_log_e

Test = Callable[[list[Epoch]], float]

EXACT: dict[str, Test] = {
    "loss up": lambda epochs: loss.loss_log_e(epochs, "up"),
    "loss down": lambda epochs: loss.loss_log_e(epochs, "down"),
    "setup": setup_log_e,
    "kill": survival_log_e,
}
AT_MOST: dict[str, Test] = {
    "delay up": lambda epochs: delay_log_e(epochs, "up"),
    "delay down, no floor": lambda epochs: delay_log_e(epochs, "down", 0.0),
    "strength": lambda epochs: arm_strength(epochs, inf).log_e,
    "twin worse": twin_worse_log_e,
}


def epochs(background: str, restriction: Restriction, seed: int, count: int = 2) -> list[Epoch]:
    world = World(BACKGROUNDS[background], seed)
    return [world.epoch(k=3, packets=20, restriction=restriction, text=True) for _ in range(count)]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_mean_is_one_where_exact(background: str) -> None:
    for seed, restriction in enumerate((NOTHING, Restriction(up=0.5, setup=0.5, kill_after=12))):
        run = epochs(background, restriction, seed)
        for name, log_e in EXACT.items():
            assert mean_e(log_e, run) == pytest.approx(1.0, rel=1e-9), name


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_mean_is_at_most_one(background: str) -> None:
    for seed, restriction in enumerate((NOTHING, Restriction(delay_ms=4.0))):
        run = epochs(background, restriction, seed, count=1)
        for name, log_e in AT_MOST.items():
            assert mean_e(log_e, run) <= 1.0 + 1e-9, name


def test_mean_of_the_whole_is_at_most_one_over_two_epochs() -> None:
    run = epochs("buckets", NOTHING, 5)
    assert mean_e(AT_MOST["strength"], run) <= 1.0 + 1e-9
    assert mean_e(AT_MOST["twin worse"], run) <= 1.0 + 1e-9


def test_delay_without_ties_and_floor_is_exact() -> None:
    (epoch,) = epochs("clean", NOTHING, 1, count=1)
    spread = replace(epoch, flows=tuple(replace(f, delay_dms=(0, 0, 7 * f.flow, 0, 0)) for f in epoch.flows))
    assert mean_e(AT_MOST["delay down, no floor"], [spread]) == pytest.approx(1.0, rel=1e-9)
    same = replace(epoch, flows=tuple(replace(f, delay_dms=(0, 0, 5, 0, 0)) for f in epoch.flows))
    assert mean_e(AT_MOST["delay down, no floor"], [same]) <= 1.0


@pytest.mark.parametrize("hole", ["unsent", "starved"])
def test_flows_that_sent_less_keep_it_exact(hole: str) -> None:
    """A responder that was not sure of an address sends nothing or starts late: a matter of the 5-tuple."""
    run = []
    for epoch in epochs("iid 5 %", Restriction(up=0.2), 3):
        short = {1: b"", 4: b"\xf0\x0f"} if hole == "unsent" else {0: b"\x00\xff", 3: b"\xff", 5: b"\x01"}
        flows = [
            replace(f, sent=short[f.flow], arrived=bytes(a & b for a, b in zip(short[f.flow], f.arrived, strict=False)))
            if f.flow in short
            else f
            for f in epoch.flows
        ]
        run.append(replace(epoch, flows=tuple(flows)))
    for name, log_e in EXACT.items():
        assert mean_e(log_e, run) == pytest.approx(1.0, rel=1e-9), name


def test_canary_among_its_twins() -> None:
    """Each twin in turn as the canary of the same facts, nothing withheld."""
    for seed, background in enumerate(BACKGROUNDS.values()):
        world = World(background, seed)
        run = [world.epoch(k=5, canary=False) for _ in range(2)]
        values = [canary_log_e([marked(run[0], a), marked(run[1], b)]) for a in twins(run[0]) for b in twins(run[1])]
        assert np.exp(values).mean() == pytest.approx(1.0, rel=1e-9)


def twins(epoch: Epoch) -> list[int]:
    return sorted({flow.flow for flow in epoch.flows if flow.role == "twin"})


def marked(epoch: Epoch, canary: int) -> Epoch:
    return replace(epoch, flows=tuple(replace(f, canary=f.flow == canary) for f in epoch.flows))


def test_kinds_of_twins() -> None:
    """Calls of other assignments become text twins: random and text change places."""
    world = World(BACKGROUNDS["buckets"], 2)
    epoch = world.epoch(k=4, text=False, restriction=Restriction(up=0.3))
    kinds = [as_text(other) for other in all_assignments(epoch)]
    for worse in ("random", "text"):
        values = [opaque_log_e([one], "up", worse) for one in kinds]
        assert np.exp(values).mean() == pytest.approx(1.0, rel=1e-9)


def as_text(epoch: Epoch) -> Epoch:
    flows = (replace(f, role="twin", twin_kind="text") if f.role == "call" else f for f in epoch.flows)
    return replace(epoch, flows=tuple(flows))


def test_relabel_moves_roles_and_nothing_else() -> None:
    (epoch,) = epochs("iid 5 %", NOTHING, 1, count=1)
    (calls,) = ([f.flow for f in epoch.flows if f.role == "call" and f.direction == "up"],)
    assert with_calls(epoch, calls) == epoch
    assert len(list(all_assignments(epoch))) == 20
