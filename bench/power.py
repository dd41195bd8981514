"""How many epochs the accusing test needs, against Wald's bound; how often it accuses nobody's fault; how wide the
intervals are: `python bench/power.py [runs]` prints three tables in markdown.

The network is tests/factories/checks/simulated_epochs.py: 8 calls and 8 random twins an epoch (one of them the
canary), one direction restricted, one arm, alpha 1e-4, so `restricted` needs an e-value of 10 000.
"""

from __future__ import annotations

import sys
from math import isfinite, log
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from factories.checks.simulated_epochs import BACKGROUNDS, NOTHING, Restriction, World
from factories.checks.wald_bound import blocks_needed
from talkpath.measure.facts import Epoch
from talkpath.verdict.statistics.interval import extra_loss
from talkpath.verdict.statistics.strength import arm_strength

ALPHA, K, MOST = 1e-4, 8, 40
LINES = {
    "clean": {},
    "iid 5 %": {"calm": 0.05},
    "bursts 5 %": {"share": 0.05 / 0.8, "bad": 0.8},
    "bursts 15 %": {"share": 0.15 / 0.8, "bad": 0.8},
}
EFFECTS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
RATES = ((8, 16.7), (25, 50.0), (100, 200.0))


def say(line: str) -> None:
    """One line now: the tables take a while."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def epochs_needed(background: str, extra: float, seed: int, packets: int, rate: float) -> float:
    """Until the e-value passes; inf where it did not within MOST epochs."""
    world, run = World(BACKGROUNDS[background], seed), list[Epoch]()
    for number in range(1, MOST + 1):
        run.append(world.epoch(k=K, packets=packets, rate=rate, restriction=Restriction(up=extra)))
        if arm_strength(run, log(1 / ALPHA)).known_at_s is not None:
            return number
    return float("inf")


def power(runs: int) -> None:
    """Table 1."""
    say("| background | packets/s | p | median | 90 % | known within 40 | Wald | mean / Wald |")
    say("|---|---|---|---|---|---|---|---|")
    for background in BACKGROUNDS:
        for packets, rate in RATES if background in ("clean", "bursts 5 %") else RATES[1:2]:
            for extra in EFFECTS:
                say(power_row(background, extra, packets, rate, runs))


def power_row(background: str, extra: float, packets: int, rate: float, runs: int) -> str:
    """A row of the table: epochs until it was known (median, 90 %), beside the bound of Wald."""
    needed = np.array([epochs_needed(background, extra, seed, packets, rate) for seed in range(runs)])
    known = np.isfinite(needed).mean()
    middle, most = (np.quantile(needed, q, method="inverted_cdf") for q in (0.5, 0.9))
    wald = blocks_needed(ALPHA, K, K, extra, **LINES[background]) / packets if background in LINES else float("inf")
    ratio = f"{needed.mean() / wald:.2f}" if isfinite(wald) and known == 1.0 and wald >= 1 else "–"
    bound = f"{wald:.2f}" if isfinite(wald) else "–"
    return f"| {background} | {rate:g} | {extra:g} | {middle:g} | {most:g} | {known:.0%} | {bound} | {ratio} |"


def null(runs: int) -> None:
    """Table 2."""
    say("\n| background | runs of 20 epochs | ever >= 20 (<= 5 %) | >= 1 000 (<= 0.1 %) | >= 10 000 (<= 0.01 %) |")
    say("|---|---|---|---|---|")
    for background in BACKGROUNDS:
        peaks = []
        for seed in range(runs):
            world = World(BACKGROUNDS[background], 50_000 + seed)
            peaks.append(arm_strength([world.epoch(k=K) for _ in range(20)], log(1 / ALPHA)).peak_log_e)
        crossed = [sum(peak >= log(limit) for peak in peaks) / runs for limit in (20, 1000, 10_000)]
        say(f"| {background} | {runs} | " + " | ".join(f"{share:.2%}" for share in crossed) + " |")


def widths(runs: int) -> None:
    """Table 3."""
    say("\n| background | p | width of the 95 % interval after 2 | 6 | 20 | 40 epochs |")
    say("|---|---|---|---|---|---|")
    for background in BACKGROUNDS:
        for extra in (0.0, 0.05, 0.3):
            rows = []
            for seed in range(runs):
                world = World(BACKGROUNDS[background], 90_000 + seed)
                restriction = Restriction(up=extra) if extra else NOTHING
                run = [world.epoch(k=K, restriction=restriction) for _ in range(40)]
                found = [extra_loss(run[:n], "up", seed=b"bench") for n in (2, 6, 20, 40)]
                rows.append([(i.high or 0.0) - (i.low or 0.0) for i in found])
            means = " | ".join(f"{width:.3f}" for width in np.mean(rows, axis=0))
            say(f"| {background} | {extra:g} | {means} |")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    power(count)
    null(4 * count)
    widths(max(2, count // 5))
