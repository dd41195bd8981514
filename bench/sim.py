"""Packets per CPU second of `sim`, real engines and a restrictor in it: `python bench/sim.py [--profile]`.

Counted is every packet offered to the network. Twice: with the verdict that chooses the questions (a whole check), and
with the questions fixed (engines, network and restrictor alone). The best of several rounds; wanted are 100 000.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Sequence
from random import Random

from talkpath.apps.contract.shape import Arm
from talkpath.conduct import question_choice
from talkpath.conduct.check import Check
from talkpath.conduct.question_choice import Planner
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Plan
from talkpath.verdict.model import Question
from talkpath.verdict.planner.transports import open_paths

ROUNDS = 5
RULE = "media.drop,p=0.3"
EPOCHS = 12


def run(arms: Sequence[Arm], epochs: int, seed: int) -> tuple[int, float]:
    """(packets, CPU seconds) of one check; `epochs` > 0: of so many, the same whatever the facts say."""
    scenario = Scenario.parse("clean", [RULE], seed)
    began = time.process_time()
    plan = make_plan(arms)
    own = {"planner": _in_turn(plan)} if epochs else {}
    check = Check(plan, Random(seed).randbytes(32), **own)
    sim = Sim(check, scenario.network(), seed)
    if epochs:
        _stop_after(sim, epochs)
    sim.run()
    question_choice.open_paths = open_paths
    return sim.packets, time.process_time() - began


def _in_turn(plan: Plan) -> Planner:
    """A planner that asks each arm in turn, whatever the facts say."""

    def choose(facts: Facts, spent_bytes: int, pending: Sequence[Question]) -> Question | None:
        arm = plan.arms[(len(facts.epochs) + len(pending)) % len(plan.arms)]
        return Question(arm.arm, k=plan.k, packets=plan.packets)

    return choose


def _stop_after(sim: Sim, epochs: int) -> None:
    """Ends the check after so many epochs, without asking which transports work."""
    question_choice.open_paths = lambda facts, pending: []  # type: ignore[assignment]
    check = sim.check

    def progress(word: str, facts: Facts, question: Question | None) -> None:
        if word == "epoch" and len(facts.epochs) >= epochs:
            check.interrupt(sim.now_s)

    check.progress = progress


def best(arms: Sequence[Arm], epochs: int) -> str:
    """The fastest round."""
    rounds = [run(arms, epochs, seed) for seed in range(ROUNDS)]
    packets, seconds = max(rounds, key=lambda each: each[0] / each[1])
    return f"{packets / seconds:10,.0f} packets/s ({packets} packets in {seconds:.2f} s)"


def main() -> None:
    one, every = choose_arms(["webrtc"]), choose_arms()
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(run, one if "one" in sys.argv else every, EPOCHS, 1)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    for name, arms in (("webrtc voice", one), ("all voice arms", every)):
        sys.stdout.write(f"engines alone, {name:15} {best(arms, EPOCHS)}\n")
        sys.stdout.write(f"whole check,   {name:15} {best(arms, 0)}\n")


if __name__ == "__main__":
    main()
