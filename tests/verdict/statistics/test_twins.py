"""Twins against twins and against calls."""

from __future__ import annotations

from math import log

from msgspec.structs import replace

from factories.checks.simulated_epochs import BACKGROUNDS, Restriction, World
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.strength import opaque_log_e, twin_worse_log_e


def only(epoch: Epoch, kind: str) -> Epoch:
    """All twins of this kind lose everything."""
    flows = (replace(f, arrived=b"") if f.twin_kind == kind else f for f in epoch.flows)
    return replace(epoch, flows=tuple(flows))


def test_opaque_bytes_dropped() -> None:
    world = World(BACKGROUNDS["bursts 5 %"], 1)
    run = [only(world.epoch(text=True), "random") for _ in range(4)]
    assert opaque_log_e(run, "up") > log(8e4)
    assert opaque_log_e(run, "up", "text") < 0
    run = [only(world.epoch(text=True), "text") for _ in range(4)]
    assert opaque_log_e(run, "down", "text") > log(8e4)
    assert opaque_log_e(run, "down") < 0


def test_twins_worse_than_calls() -> None:
    world = World(BACKGROUNDS["clean"], 1)
    run = [only(world.epoch(), "random") for _ in range(3)]
    assert twin_worse_log_e(run) > log(1e4)
    assert twin_worse_log_e([world.epoch(restriction=Restriction(up=1.0)) for _ in range(3)]) < 0
