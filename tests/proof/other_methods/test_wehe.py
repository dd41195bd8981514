"""Wehe's rule, compared with scipy and with its authors' description."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.special import kolmogorov
from scipy.stats import ks_2samp

from proof.other_methods import wehe
from proof.other_methods.virtual_path import MethodPacket, VirtualPath
from talkpath.apps.contract.shape import Arm
from talkpath.lab.scenario import Scenario

SIGNAL = Arm("signal", "ringrtc", "voice")


def accuses(background: str, *rules: str, seed: int = 1) -> tuple[bool, float]:
    line = VirtualPath(Scenario.parse(background, rules, seed).network())
    return wehe.accuses(line, SIGNAL, seed), line.now_s


def samples(seed: int, mean: float, count: int = 100) -> list[float]:
    rng = Random(seed)
    return [abs(rng.gauss(mean, 0.2)) for _ in range(count)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("counts", [(100, 100), (100, 60), (30, 90)])
def test_ks_p_is_kolmogorov_s(seed, counts):
    one, other = samples(seed, 1.0, counts[0]), samples(seed + 50, 1.05, counts[1])
    exact = ks_2samp(one, other)
    scale = (counts[0] * counts[1] / sum(counts)) ** 0.5
    assert wehe.ks_p(one, other) == pytest.approx(kolmogorov(exact.statistic * scale), abs=1e-4)
    assert (wehe.ks_p(one, other) < 0.01) == (exact.pvalue < 0.01)
    assert wehe.ks_p(one, one) == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_the_integral_between_the_quantile_curves(seed):
    at = np.linspace(0, 1, 50_001)
    one, other = samples(seed, 0.5), samples(seed + 9, 1.0, 80)
    curves = [np.interp(at, np.linspace(0, 1, len(each) + 1), [0.0, *sorted(each)]) for each in (one, other)]
    found = trapezoid(curves[1] - curves[0], at)
    assert wehe.quantile_area(one, other) == pytest.approx(found / min(max(one), max(other)), abs=1e-3)
    assert wehe.quantile_area(other, one) == pytest.approx(-wehe.quantile_area(one, other))


@pytest.mark.parametrize(
    ("recorded", "randomised", "found"),
    [
        ([1.0] * 100, [1.0] * 100, "none"),
        ([1.0] * 100, [1.4] * 100, "none"),
        ([1.0] * 100, [2.0] * 100, "throttled"),
        ([2.0] * 100, [1.0] * 100, "favoured"),
        ([11.0] * 100, [15.0] * 100, "throttled"),
        ([1.0] * 2, [2.0] * 2, "unclear"),
        ([], [1.0] * 100, "none"),
    ],
)
def test_the_rule_as_shipped(recorded, randomised, found):
    assert wehe.compare_throughput(recorded, randomised) == found


def test_throughput_is_the_client_s_in_100_samples_and_zeros_are_thrown_away():
    packets = [
        MethodPacket(0, "down", 0, bytes(1000)),
        MethodPacket(0, "down", 0, bytes(500)),
        MethodPacket(0, "up", 0, bytes(99)),
        MethodPacket(0, "down", 0, bytes(7)),
    ]
    assert wehe.throughput_mbps(packets, {0: 0.1, 1: 0.2, 2: 0.1, 3: None}) == pytest.approx([1500 * 8e-6 / 0.22])
    assert np.mean(wehe.throughput_mbps(packets, {0: 21.99, 1: 0.3})) == pytest.approx(750 * 8e-6 / 0.22)


def test_it_sees_heavy_loss_on_the_way_to_the_client_and_asks_twice():
    assert accuses("clean", "media.drop,direction=down,p=0.8") == (True, pytest.approx(96.0))
    assert accuses("clean") == (False, pytest.approx(48.0))


@pytest.mark.parametrize(
    "rule",
    [
        "media.drop,direction=down,p=0.3",
        "media.drop,direction=up,p=0.8",
        "media.freeze,after_packets=600",
        "media.delay,ms=300",
        "stun.drop",
    ],
)
def test_what_it_cannot_see(rule):
    assert accuses("clean", rule)[0] is False


@pytest.mark.parametrize("background", ["ge", "hash", "police_all", "bufferbloat"])
def test_it_accuses_nobody_of_a_bad_line(background):
    assert not any(accuses(background, seed=seed)[0] for seed in range(3))
