"""How soon does a check know, against the soonest that anything could?

    python bench/known.py [--seeds N]

One arm, 8 calls and 8 random twins an epoch, alpha 1e-4, a clean line, media.drop of so many packets. Printed are the
median and the 90 % quantile of `known_at_s`, how many did know, and Wald's bound at the app's own rate
(tests/factories/checks/wald_bound.py: everything about the line and p known beforehand; one direction, so for `both`
half of it).
The wanted: webrtc voice at most 4.5 s for 2 %, at most 2 s from 50 %.
"""

from __future__ import annotations

import argparse
import os
import sys
from math import ceil
from multiprocessing import Pool
from pathlib import Path
from statistics import median

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factories.checks.wald_bound import blocks_needed
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts

K, ALPHA = 8, 1e-4
WEBRTC = Arm("webrtc", "dtls", "voice")
CELLS = [(WEBRTC, way, p) for way in ("up", "down", "both") for p in (0.02, 0.05, 0.1, 0.5, 0.9)]
OTHERS = [(arm, "up", p) for arm in shapes() if arm != WEBRTC for p in (0.05, 0.2)]

Task = tuple[Arm, str, float, int]


def known(task: Task) -> float | None:
    """Seconds from the start of the check, None where it never knew."""
    arm, way, p, seed = task
    scenario = Scenario.parse("clean", [f"media.drop,direction={way},p={p}"], seed)
    (verdict,) = judge_facts(run_sim(make_plan([arm], k=K), scenario))
    return verdict.known_at_s


def bound_s(arm: Arm, way: str, p: float) -> float:
    """Wald's bound in seconds."""
    return blocks_needed(ALPHA, K, K, p) / shapes()[arm].packet_rate / (2 if way == "both" else 1)


def line(arm: Arm, way: str, p: float, found: list[float | None]) -> str:
    """One row."""
    times = sorted(float("inf") if value is None else value for value in found)
    knew = sum(value is not None for value in found)
    bound = bound_s(arm, way, p)
    middle, most = median(times), times[ceil(0.9 * len(times)) - 1]
    return (
        f"| {arm} | {shapes()[arm].packet_rate:g} | {way} | {p:g} | {middle:.2f} | {most:.2f} "
        f"| {knew}/{len(times)} | {bound:.2f} | {middle / bound:.2f} |"
    )


def main() -> None:
    """Print a row for each arm, direction and loss."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=40)
    count = parser.parse_args().seeds
    sys.stdout.write("| arm | packets/s | direction | p | median s | 90 % | knew | Wald s | median / Wald |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|\n")
    with Pool(2, initializer=os.nice, initargs=(10,)) as pool:
        for cell in (*CELLS, *OTHERS):
            found = pool.map(known, [(*cell, seed) for seed in range(count)])
            sys.stdout.write(line(*cell, found) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
