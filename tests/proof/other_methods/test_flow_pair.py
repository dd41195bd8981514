"""The plain pair of flows is right where nothing depends on 5-tuples, and wrong where something does."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from proof.other_methods import flow_pair
from proof.other_methods.virtual_path import VirtualPath
from talkpath.apps.contract.shape import Arm
from talkpath.lab.scenario import Scenario

WEBRTC = Arm("webrtc", "dtls", "voice")


def accuses(background: str, *rules: str, seed: int = 1) -> bool:
    return flow_pair.accuses(VirtualPath(Scenario.parse(background, rules, seed).network()), WEBRTC, seed)


@pytest.mark.parametrize(("calls", "twins"), [(0, 0), (5, 0), (0, 5), (12, 3), (200, 150), (1500, 900)])
def test_p_is_the_exact_sign_test_s(calls, twins):
    want = binomtest(calls, calls + twins, alternative="greater").pvalue if calls + twins else 1.0
    assert flow_pair.mcnemar_p(calls, twins) == pytest.approx(want, rel=1e-9)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_it_sees_extra_loss_either_way(direction):
    assert accuses("clean", f"media.drop,direction={direction},p=0.1")


def test_it_is_blind_to_delay():
    assert not accuses("clean", "media.delay,ms=300")


@pytest.mark.parametrize("background", ["clean", "ge", "police_all", "reorder"])
def test_weather_that_hits_both_accuses_nobody(background):
    assert not any(accuses(background, seed=seed) for seed in range(4))


@pytest.mark.long
def test_networks_that_look_at_5_tuples_make_it_accuse():
    """Two paths, one of them bad: in each direction a quarter of the runs have the call on the bad one alone."""
    found = sum(accuses("ecmp,paths=2,loss=0.2", seed=seed) for seed in range(12))
    assert found >= 2
