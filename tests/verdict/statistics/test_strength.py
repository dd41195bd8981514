"""Strength: weights, time, what takes part, and the same number again."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
import pytest
from msgspec.structs import replace

from factories.checks.simulated_epochs import BACKGROUNDS, Restriction, World
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.cohort import GENTLE
from talkpath.verdict.statistics.strength import TEST_PARTS, Strength, arm_strength
from talkpath.wire.control.question import BASELINE, HelloContrast, RateContrast, TcpTwins, TransportPaths

THRESHOLD = log(8 / 1e-4)


def run(restriction: Restriction, count: int = 4, background: str = "bursts 5 %") -> list[Epoch]:
    world = World(BACKGROUNDS[background], 1)
    return [world.epoch(restriction=restriction) for _ in range(count)]


def strongest(found: Strength) -> tuple[str, str | None]:
    part = max(found.parts, key=lambda part: part.log_e)
    return part.name, part.direction


@pytest.mark.parametrize(
    ("restriction", "want"),
    [
        (Restriction(up=0.5), ("loss", "up")),
        (Restriction(down=0.5), ("loss", "down")),
        (Restriction(setup=1.0), ("setup", None)),
        (Restriction(delay_ms=60), ("delay", "up")),
    ],
)
def test_the_part_that_knows(restriction: Restriction, want: tuple[str, str | None]) -> None:
    found = arm_strength(run(restriction), THRESHOLD)
    name, direction = strongest(found)
    assert name == want[0]
    assert name == "delay" or direction == want[1]
    assert found.known_at_s is not None
    assert found.log_e >= THRESHOLD


def test_gentle_epochs_prove_by_themselves_what_noise_before_them_would_drown() -> None:
    """A crowd of calls that fills the line answers by chance; two calls at a time beside two twins tell."""
    world = World(BACKGROUNDS["bursts 5 %"], 3)
    noise = [_with_random_set_up(world.epoch(), at) for at in range(20)]
    stopped = Restriction(setup=1.0)
    gentle = [world.epoch(restriction=stopped, k=2, text=False, canary=False, question=GENTLE) for _ in range(12)]
    assert arm_strength([*noise, *gentle], THRESHOLD).known_at_s is not None
    usual = [replace(epoch, question=BASELINE) for epoch in gentle]
    assert arm_strength([*noise, *usual], THRESHOLD).known_at_s is None


def _with_random_set_up(epoch: Epoch, seed: int) -> Epoch:
    draws = np.random.default_rng(seed)
    answers = {flow: bool(draws.random() < 0.5) for flow in sorted({flow.flow for flow in epoch.flows})}
    return replace(epoch, flows=tuple(replace(each, answered={"stun": answers[each.flow]}) for each in epoch.flows))


def test_is_the_weighted_average_of_its_parts() -> None:
    found = arm_strength(run(Restriction(up=0.05)), THRESHOLD)
    assert sum(part.weight for part in found.parts) == pytest.approx(1.0)
    assert exp(found.log_e) == pytest.approx(sum(part.weight * exp(part.log_e) for part in found.parts))
    assert len(found.parts) == len(TEST_PARTS)


def test_known_when_the_epoch_was_known() -> None:
    epochs = run(Restriction(up=1.0), 5)
    found = arm_strength(epochs, THRESHOLD)
    first = next(n for n in range(1, 6) if arm_strength(epochs[:n], THRESHOLD).log_e >= THRESHOLD)
    assert found.known_at_s == epochs[first - 1].known_s
    assert arm_strength(epochs[: first - 1], THRESHOLD).known_at_s is None


def test_peak_stays_when_the_evidence_wanes() -> None:
    world = World(BACKGROUNDS["iid 5 %"], 1)
    epochs = [world.epoch(restriction=Restriction(up=0.8 if n < 3 else 0.0)) for n in range(12)]
    found = arm_strength(epochs, THRESHOLD)
    assert found.peak_log_e > found.log_e
    assert found.known_at_s is not None


def test_order_is_that_of_becoming_known() -> None:
    epochs = run(Restriction(up=0.1), 6)
    assert arm_strength(epochs[::-1], THRESHOLD) == arm_strength(epochs, THRESHOLD)


def test_only_the_plain_question_over_udp_accuses() -> None:
    epochs = run(Restriction(up=1.0, down=1.0, setup=1.0), 3)
    for question in (RateContrast(0.5), HelloContrast("pion"), TcpTwins(), TransportPaths(("udp/443",))):
        assert arm_strength([replace(epoch, question=question) for epoch in epochs], THRESHOLD).log_e == 0.0
    over_tcp = [replace(epoch, flows=tuple(replace(f, transport="tcp") for f in epoch.flows)) for epoch in epochs]
    assert arm_strength(over_tcp, THRESHOLD).log_e == 0.0


def test_text_twins_take_no_part() -> None:
    world = World(BACKGROUNDS["bursts 5 %"], 1)
    epochs = [world.epoch(text=True, restriction=Restriction(up=0.2)) for _ in range(3)]
    without = [replace(epoch, flows=tuple(f for f in epoch.flows if f.twin_kind != "text")) for epoch in epochs]
    assert arm_strength(epochs, 0.0).log_e == pytest.approx(arm_strength(without, 0.0).log_e, abs=1e-9)


def test_without_facts() -> None:
    nothing = arm_strength([], THRESHOLD)
    assert (nothing.log_e, nothing.known_at_s) == (pytest.approx(0.0), None)
    missing = [replace(epoch, missing="lost") for epoch in run(Restriction(up=1.0))]
    assert arm_strength(missing, THRESHOLD).log_e == pytest.approx(0.0)


def test_same_facts_same_number_wherever_flows_stand() -> None:
    """The facts written, read and shuffled: log10 e within 1e-9, and nothing is remembered wrongly."""
    rng = np.random.default_rng(1)
    for background in BACKGROUNDS:
        epochs = run(Restriction(up=0.1), 4, background)
        want = arm_strength(epochs, inf)
        again = [
            replace(epoch, flows=tuple(epoch.flows[i] for i in rng.permutation(len(epoch.flows)))) for epoch in epochs
        ]
        got = arm_strength(again, inf)
        assert got.log_e == pytest.approx(want.log_e, abs=1e-9)
        assert [p.log_e for p in got.parts] == pytest.approx([p.log_e for p in want.parts], abs=1e-9)
