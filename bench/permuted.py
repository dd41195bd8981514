"""Roles permuted within the epochs of stored facts: `python bench/permuted.py [TIMES]` (default 10 000).

Facts come from `sim`: a restricted check, and checks on lines that harm single 5-tuples. Whatever the network did
stays; which flows were calls is drawn anew. The e-value's mean may not exceed 1, and it may pass 1/alpha in at most a
share alpha of the draws (alpha 1e-4). Printed with four standard errors and exact 95 % bounds.
"""

from __future__ import annotations

import os
import sys
from math import exp, log
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from scipy.stats import beta

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factories.checks.role_assignments import shuffled_roles
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.cohort import may_accuse
from talkpath.verdict.statistics.strength import arm_strength

ALPHA = 1e-4
SETTINGS = [
    ("clean", ["media.drop,p=0.3"]),
    ("clean", ["media.freeze,after_packets=40"]),
    ("ge,loss=0.05", ["stun.drop", "media.drop,direction=up,p=0.1"]),
    ("hash", []),
    ("ecmp", []),
    ("nat_evict", []),
]


def epochs_of(background: str, rules: list[str]) -> list[Epoch]:
    """The accusing epochs of one check of webrtc voice."""
    plan = make_plan(choose_arms(["webrtc"]))
    facts = run_sim(plan, Scenario.parse(background, rules, 1))
    return [epoch for epoch in facts.epochs if may_accuse(epoch)]


def permuted(task: tuple[int, int]) -> tuple[list[float], list[float]]:
    """Final and largest e-value of so many draws of one setting."""
    setting, times = task
    stored, rng = epochs_of(*SETTINGS[setting]), np.random.default_rng(setting)
    runs = [arm_strength([shuffled_roles(epoch, rng) for epoch in stored], 0.0) for _ in range(times)]
    return [exp(run.log_e) for run in runs], [run.peak_log_e for run in runs]


def main() -> None:
    """Permute roles so often, and print how large e-values became without any restriction."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    sys.stdout.write("| background | rules | epochs | draws | mean E ± 4 s.e. | E ≥ 10 000 (95 % bound) | E ≥ 20 |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    with Pool(2, initializer=os.nice, initargs=(10,)) as pool:
        found = pool.imap(permuted, [(setting, times) for setting in range(len(SETTINGS))])
        for (background, rules), (ends, peaks) in zip(SETTINGS, found, strict=True):
            passed = sum(peak >= -log(ALPHA) for peak in peaks)
            bound = beta.ppf(0.95, passed + 1, times - passed)
            sys.stdout.write(
                f"| {background} | {' '.join(rules) or '–'} | {len(epochs_of(background, rules))} | {times} "
                f"| {np.mean(ends):.3f} ± {4 * np.std(ends) / times**0.5:.3f} | {passed} (≤ {bound:.5f}) "
                f"| {sum(peak >= log(20) for peak in peaks)} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
