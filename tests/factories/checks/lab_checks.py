"""Small lab runs and their bundles."""

from __future__ import annotations

from functools import cache

from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import probe_signer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts
from talkpath.report.check_json import judge_check


@cache
def lab_check(seed: int = 3, background: str = "clean", *rules: str, apps: tuple[str, ...] = ("webrtc",)) -> Facts:
    """A check in virtual time."""
    return run_sim(make_plan(choose_arms(apps), k=4), Scenario.parse(background, rules, seed))


def lab_bundle(facts: Facts) -> bytes:
    """As `lab run -o` writes it."""
    return write_check(facts, judge_check(facts, [])[1], probe_signer())
