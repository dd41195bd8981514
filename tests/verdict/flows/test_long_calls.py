"""How unlike 5-tuples fare, of which a call that lasts may be an unlucky one."""

from __future__ import annotations

import pytest
from world import BACKGROUNDS, NOTHING, Restriction, World

from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.long_calls import flow_spread


def run(background: str, restriction: Restriction = NOTHING, count: int = 12) -> tuple[Epoch, ...]:
    world = World(BACKGROUNDS[background], 5)
    return tuple(world.epoch(packets=40, restriction=restriction) for _ in range(count))


@pytest.mark.parametrize("background", ["clean", "iid 5 %", "bursts 15 %", "police flow"])
def test_where_all_flows_fare_alike_they_do_not_differ(background: str) -> None:
    assert flow_spread(run(background), "up") < 0.03


@pytest.mark.parametrize("background", ["ecmp", "buckets", "nat"])
def test_paths_queues_and_translators_make_flows_differ(background: str) -> None:
    assert flow_spread(run(background), "up") > 0.03


def test_what_only_calls_lose_makes_no_twins_differ() -> None:
    assert flow_spread(run("clean", Restriction(up=0.5)), "up") == 0.0
    assert flow_spread((), "up") == 0.0
