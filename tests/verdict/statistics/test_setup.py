"""Set-up: scenario table."""

from __future__ import annotations

from math import log

import pytest
from msgspec.structs import replace

from factories.checks.e_values import setup_log_e
from factories.checks.simulated_epochs import BACKGROUNDS, NOTHING, Restriction, World
from talkpath.measure.facts import Epoch


def run(background: str, restriction: Restriction, stages: tuple[str, ...], count: int = 3) -> list[Epoch]:
    world = World(BACKGROUNDS[background], 1)
    return [world.epoch(restriction=restriction, stages=stages) for _ in range(count)]


@pytest.mark.parametrize("stages", [("stun",), ("stun", "dtls"), ("allocate",)])
@pytest.mark.parametrize(("background", "epochs"), [("clean", 3), ("ecmp", 3), ("nat", 3), ("bursts 15 %", 5)])
def test_blocked_setup_is_seen(background: str, epochs: int, stages: tuple[str, ...]) -> None:
    assert setup_log_e(run(background, Restriction(setup=1.0), stages, epochs)) > log(8 / 1e-4 / 0.2)


def test_two_epochs_do_where_nothing_else_fails() -> None:
    assert setup_log_e(run("clean", Restriction(setup=1.0), ("stun",), 2)) > log(8 / 1e-4 / 0.2) + 1


@pytest.mark.parametrize("background", ["clean", "bursts 15 %", "buckets", "nat", "police all"])
def test_open_setup_is_not_accused(background: str) -> None:
    assert setup_log_e(run(background, NOTHING, ("stun", "dtls"))) < 3


def test_counts_even_where_the_far_end_never_reported() -> None:
    epochs = run("clean", Restriction(setup=1.0), ("stun",), 2)
    assert setup_log_e([replace(e, missing="responder_lost") for e in epochs]) == setup_log_e(epochs)


def test_no_stages_no_evidence() -> None:
    assert setup_log_e(run("iid 5 %", NOTHING, ())) == pytest.approx(0.0)
