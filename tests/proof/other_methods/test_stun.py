"""The STUN method makes one exchange with retries."""

from __future__ import annotations

import pytest

from proof.other_methods import stun
from proof.other_methods.virtual_path import VirtualPath
from talkpath.apps.contract.shape import Arm
from talkpath.lab.scenario import Scenario

ANY = Arm("webrtc", "dtls", "voice")
LAST_S = 0.3 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8)


def accuses(background: str, *rules: str, seed: int = 1, family: int = 4) -> tuple[bool, float]:
    line = VirtualPath(Scenario.parse(background, rules, seed, family).network(), family)
    return stun.accuses(line, ANY, seed), line.now_s


@pytest.mark.parametrize("family", [4, 6])
def test_it_sees_that_nothing_answers_after_eight_tries(family):
    for how in (("clean", "stun.drop"), ("clean", "udp.block"), ("corporate",)):
        assert accuses(*how, family=family) == (True, pytest.approx(LAST_S))


@pytest.mark.parametrize("rule", ["media.drop,p=1", "media.freeze,after_packets=20", "media.police,kbps=5"])
def test_it_sees_nothing_of_what_happens_to_the_call(rule):
    assert accuses("clean", rule) == (False, pytest.approx(0.3))


def test_retries_hide_loss():
    """Each try fails with 0.7; eight of them with 0.06: within 4 standard deviations over 300 seeds."""
    failed = sum(accuses("transit_loss,direction=up,p=0.7", seed=seed)[0] for seed in range(300))
    assert abs(failed - 300 * 0.7**8) < 4 * (300 * 0.7**8) ** 0.5
