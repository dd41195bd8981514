"""Which shares of wholly blocked calls a check finds: `python bench/whole_flows.py [checks]` prints one table.

`flow.block` blocks a call's 5-tuple with chance p, both ways, set-up included; twins pass. Each check is whole, in
virtual time, on a clean line and on one whose translator forgets flows: one app alone, or six apps at once. "Two
checks" is the chance that at least one of two finds it.
"""

from __future__ import annotations

import sys

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_facts

SHARES = (0.1, 0.2, 0.3, 0.5, 1.0)
LINES = ("clean", "nat_evict")
ONE = (Arm("webrtc", "dtls", "voice"),)


def found(p: float, line: str, arms: tuple[Arm, ...], seed: int) -> list[bool]:
    """Whether each app was found restricted by the rule."""
    facts = run_sim(make_plan(arms), Scenario.parse(line, [f"flow.block,p={p:g}"], seed))
    return [(verdict.state, verdict.rule) == ("restricted", "flow.block") for verdict in judge_facts(facts)]


def main(checks: int) -> None:
    """The table, row by row."""
    sys.stdout.write("| line | apps | p | one check | two checks |\n|---|---|---|---|---|\n")
    for line in LINES:
        for apps, arms in (("one", ONE), ("six", choose_arms())):
            for p in SHARES:
                rows = [found(p, line, arms, seed) for seed in range(1, checks + 1)]
                share = sum(sum(row) for row in rows) / sum(len(row) for row in rows)
                sys.stdout.write(f"| {line} | {apps} | {p:.0%} | {share:.0%} | {1 - (1 - share) ** 2:.0%} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
