"""The canary is found, and only where it is one."""

from __future__ import annotations

from math import log

import pytest
from msgspec.structs import replace

from factories.checks.simulated_epochs import BACKGROUNDS, World
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.canary import canary_log_e


def run(background: str, count: int, packets: int = 25) -> list[Epoch]:
    world = World(BACKGROUNDS[background], 1)
    return [world.epoch(packets=packets) for _ in range(count)]


@pytest.mark.parametrize(
    ("background", "epochs"),
    [("clean", 3), ("bursts 5 %", 5), ("bursts 15 %", 8), ("iid 5 %", 14), ("buckets", 14), ("nat", 14)],
)
def test_found_within(background: str, epochs: int) -> None:
    assert canary_log_e(run(background, epochs)) > log(20)


def test_not_found_where_everything_is_lost() -> None:
    blind = [replace(epoch, flows=tuple(replace(f, arrived=b"") for f in epoch.flows)) for epoch in run("clean", 20)]
    assert canary_log_e(blind) == pytest.approx(0.0)


def test_not_found_where_another_twin_loses_as_much() -> None:
    """The canary's flag on another flow of the same epochs."""
    moved = []
    for epoch in run("clean", 8):
        other = next(f.flow for f in epoch.flows if f.role == "twin" and not f.canary)
        moved.append(replace(epoch, flows=tuple(replace(f, canary=f.flow == other) for f in epoch.flows)))
    assert canary_log_e(moved) < 0


def test_nothing_from_epochs_without_report_or_canary() -> None:
    assert canary_log_e([replace(epoch, missing="lost") for epoch in run("clean", 5)]) == 0.0
    world = World(BACKGROUNDS["clean"], 1)
    assert canary_log_e([world.epoch(canary=False)]) == 0.0
    assert canary_log_e([]) == 0.0
