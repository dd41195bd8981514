"""Deaths: when a flow counts as dead, in which direction, and the log-rank test."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
import pytest
from msgspec.structs import replace

from factories.checks.e_values import survival_log_e
from factories.checks.simulated_epochs import BACKGROUNDS, NOTHING, Restriction, World, independent_loss
from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.verdict.statistics import survival
from talkpath.verdict.statistics.survival import Death
from talkpath.wire.control.question import WatchedCalls


def flow(up: Sequence[int], down: Sequence[int], slots: int, spacing_ms: float = 20.0) -> Epoch:
    """One call flow of `slots` packets each way of which these arrived."""
    track = Track(
        at_ms=tuple(200.0 + spacing_ms * i for i in range(slots)), size=(160,) * slots, stage=("media",) * slots
    )
    sent = pack_bitmap(range(slots), slots)
    flows = (
        Observation(0, 0, "call", "up", sent, pack_bitmap(up, slots)),
        Observation(1, 0, "call", "down", sent, pack_bitmap(down, slots)),
    )
    return Epoch(1, "a", "b", "voice", 1, 0.0, 9.0, 9.5, track, track, flows)


def deaths(epoch: Epoch) -> list[Death]:
    """All flows of the epoch that died, in order of numbers."""
    return [life.death for life in survival.flow_lives(epoch) if life.death is not None]


E200 = range(200)

CASES = [
    ("alive", E200, E200, 200, None),
    ("dead both ways after 60 of each", range(60), range(60), 200, ("both", 120)),
    ("dead up only", range(60), E200, 200, ("up", 120)),
    ("dead down only", E200, range(40), 200, ("down", 80)),
    ("up first, down much later", range(40), range(100), 200, ("up", 80)),
    ("never lived", range(3), range(3), 200, None),
    ("nothing ever came", (), (), 200, None),
    ("one way silent from the start, the other lives", (), E200, 200, None),
    ("seven lost at the end", range(193), E200, 200, None),
    ("1.2 s of silence at the end", range(140), E200, 200, None),
    ("every second lost, then silence", range(0, 60, 2), E200, 200, ("up", 89)),
    ("19 in 20 lost all along", range(0, 121, 20), E200, 200, None),
    ("frozen after 25 packets both ways in half a second", range(13), range(12), 25, ("both", 24)),
    ("the last 100 ms of half a second lost", range(20), range(20), 25, None),
]  # fmt: skip


@pytest.mark.parametrize(("up", "down", "slots", "want"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_when_a_flow_is_dead(up: Sequence[int], down: Sequence[int], slots: int, want: tuple[str, int] | None) -> None:
    found = deaths(flow(up, down, slots))
    assert [(d.direction, d.packets) for d in found] == ([] if want is None else [want])


def test_late_packets_are_signs_of_life() -> None:
    epoch = flow(range(60), range(200), 200)
    up, down = epoch.flows
    assert deaths(epoch)
    assert not deaths(replace(epoch, flows=(replace(up, late=pack_bitmap([190], 200)), down)))


@pytest.mark.parametrize("loss", [0.05, 0.3, 0.6, 0.9])
def test_no_death_from_ordinary_loss(loss: float) -> None:
    world = World(independent_loss(loss), 1)
    assert not [d for _ in range(40) for d in deaths(world.epoch(packets=60))]


def test_calls_killed_after_a_while_are_seen() -> None:
    """Three cohorts: 8 arms, alpha 1e-4."""
    for name in ("clean", "bursts 5 %", "iid 5 %"):
        world = World(BACKGROUNDS[name], 2)
        run = [
            world.epoch(packets=150, question=WatchedCalls(), restriction=Restriction(kill_after=60)) for _ in range(3)
        ]
        assert survival_log_e(run) > log(8 / 1e-4 / 0.2)
        dead = [d for d in deaths(run[0]) if d.role == "call"]
        assert len(dead) == 8
        assert {d.direction for d in dead} == {"both"}
        assert all(abs(d.at_s - 1.38) < 0.25 for d in dead)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_calls_that_die_no_sooner_are_not(name: str) -> None:
    world = World(BACKGROUNDS[name], 3)
    assert (
        survival_log_e([world.epoch(packets=150, question=WatchedCalls(), restriction=NOTHING) for _ in range(4)]) < 3
    )


def test_deaths_pool_within_a_tie() -> None:
    rng = np.random.default_rng(1)
    dead = [(float(t), bool(rng.random() < 0.5)) for t in (1.0, 1.29, 1.31, 5.0)]
    assert [count for count, _ in survival._pooled_deaths(dead)] == [2, 1, 1]


def test_calls_that_are_never_established_die_at_their_start() -> None:
    """Blocked as a whole, by their 5-tuples: seen by the survival test as well as calls that are cut off later."""
    blocked = [_stopped(World(BACKGROUNDS["clean"], seed).epoch(k=8), calls=5) for seed in (1, 2, 3)]
    assert survival_log_e(blocked) > 3 * log(20)
    alike = [_stopped(World(BACKGROUNDS["clean"], seed).epoch(k=8), calls=5, twins=5) for seed in (1, 2, 3)]
    assert survival_log_e(alike) < log(5)


def _stopped(epoch: Epoch, calls: int, twins: int = 0) -> Epoch:
    """So many calls and random twins of which nothing arrived."""
    of = {"call": calls, "random": twins}
    numbers = {
        number
        for kind, count in of.items()
        for number in [f.flow for f in epoch.flows if f.direction == "up" and (f.twin_kind or f.role) == kind][:count]
    }
    flows = (replace(f, arrived=b"", delay_dms=()) if f.flow in numbers else f for f in epoch.flows)
    return replace(epoch, flows=tuple(flows))
