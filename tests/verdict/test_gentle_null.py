"""No restriction, a line that a check of one app fills by itself: gentle epochs follow, and nobody is accused."""

from __future__ import annotations

import pytest
from scipy.stats import beta

from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts
from talkpath.verdict.judge import judge_arms
from talkpath.verdict.statistics.cohort import is_gentle

APPS = ("webrtc", "signal", "whatsapp", "meet")
LINES_KBPS = range(150, 400, 30)
CHECKS = 24


def check_through_a_full_line(seed: int) -> Facts:
    kbps = LINES_KBPS[seed % len(LINES_KBPS)]
    plan = make_plan(choose_arms([APPS[seed % len(APPS)]], ["voice"]))
    return run_sim(plan, Scenario.parse(f"police_all,kbps={kbps}", [], seed))


def has_gentle_epochs(facts: Facts) -> bool:
    return any(map(is_gentle, facts.epochs))


@pytest.mark.long
def test_gentle_epochs_accuse_nobody():
    played = [check_through_a_full_line(seed) for seed in range(1, CHECKS + 1)]
    assert sum(map(has_gentle_epochs, played)) >= CHECKS // 2
    states = [verdict.state for facts in played for verdict in judge_arms(facts)]
    accused = sum(state in ("restricted", "closed", "unreachable") for state in states)
    assert accused == 0, (
        f"{accused} of {len(states)}, at most {beta.ppf(0.975, accused + 1, len(states) - accused):.3f}"
    )
