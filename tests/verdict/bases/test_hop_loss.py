"""The extra share of packets that went unanswered: its interval holds the truth, whatever routers do to 5-tuples."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.measure.bitmap import pack_bitmap
from talkpath.measure.facts import Epoch, Observation, Track
from talkpath.verdict.bases.hops import hop_loss
from talkpath.verdict.statistics.answer_loss import LEVEL

PACKETS, K, RUNS = 24, 6, 200
TRACK = Track(tuple(map(float, range(PACKETS))), (100,) * PACKETS, ("media",) * PACKETS)
EVERY = pack_bitmap(range(PACKETS), PACKETS)


def epoch(number: int, flows: list[Observation], missing: str = "") -> Epoch:
    arm = "webrtc", "dtls", "voice"
    return Epoch(number, *arm, K, 0.0, 1.0, 1.0, TRACK, TRACK, tuple(flows), "hops", missing=missing)


def played(rng: np.random.Generator, p: float, answers: np.ndarray, number: int = 0) -> Epoch:
    """`answers` (2K,) is how likely each 5-tuple's packets are answered: the router's doing, which knows no roles."""
    roles = rng.permutation([True] * K + [False] * K)
    flows = []
    for place, (is_call, share) in enumerate(zip(roles, answers, strict=True)):
        exceeded = int(rng.binomial(PACKETS, share * (1 - p) if is_call else share))
        role, kind = ("call", None) if is_call else ("twin", "random")
        flows.append(Observation(place, place, role, "up", EVERY, b"", kind, limited=EVERY, hops=3, exceeded=exceeded,
                                 router="public"))  # fmt: skip
    return epoch(number, flows)


LINES = {
    "every packet": lambda rng: np.ones(2 * K),
    "seven of ten": lambda rng: np.full(2 * K, 0.7),
    "one of twenty": lambda rng: np.full(2 * K, 0.05),
    "some 5-tuples hardly": lambda rng: rng.choice((0.1, 1.0), 2 * K),
    "none": lambda rng: np.zeros(2 * K),
}


@pytest.mark.long
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
def test_the_interval_holds_the_truth(line: str, p: float) -> None:
    rng = np.random.default_rng(20261124)
    missed = 0
    for run in range(RUNS):
        epochs = [played(rng, p, LINES[line](rng), number) for number in range(1 + run % 3)]
        found = hop_loss(epochs, "up", 3, run.to_bytes(4, "big"))
        missed += not found.low <= p <= found.high
    allowed = RUNS * (1 - LEVEL) + 3 * np.sqrt(RUNS * LEVEL * (1 - LEVEL))
    assert missed <= allowed


@pytest.mark.parametrize(("p", "low", "high"), [(1.0, 0.3, 1.0), (0.5, 0.1, 0.9), (0.0, 0.0, 0.4)])
def test_one_epoch_is_enough_where_routers_answer(p: float, low: float, high: float) -> None:
    rng = np.random.default_rng(1)
    found = hop_loss([played(rng, p, np.full(2 * K, 0.95))], "up", 3, b"seed")
    assert (found.low >= low, found.high <= high) == (True, True)
    assert (found.tries, found.router) == (1, "public")
    assert found.answered == pytest.approx(0.95, abs=0.05)


def test_a_router_that_says_nothing_bounds_nothing() -> None:
    rng = np.random.default_rng(2)
    found = hop_loss([played(rng, 1.0, np.zeros(2 * K))], "up", 3, b"")
    assert (found.low, found.high, found.answered) == (0.0, 1.0, 0.0)


def test_other_numbers_of_hops_and_epochs_that_the_far_end_lost_do_not_count() -> None:
    rng = np.random.default_rng(3)
    one = played(rng, 1.0, np.ones(2 * K))
    assert hop_loss([one], "up", 4, b"").tries == 0
    assert hop_loss([one], "down", 3, b"").tries == 0
    assert hop_loss([epoch(1, list(one.flows), missing="responder_lost")], "up", 3, b"").tries == 0


def test_more_answers_than_packets_are_not_believed() -> None:
    rng = np.random.default_rng(4)
    flows = [Observation(f.id, f.flow, f.role, "up", EVERY, b"", f.twin_kind, limited=EVERY, hops=3, exceeded=1000)
             for f in played(rng, 0.0, np.ones(2 * K)).flows]  # fmt: skip
    found = hop_loss([epoch(0, flows)], "up", 3, b"")
    assert found.answered == 1.0
