"""Packets per CPU second of `sim`, real engines and a restrictor in it: `python bench/sim.py [--profile]`.

Counted is every packet offered to the network, in three runs of each seed: a whole check, whose questions the verdict
chooses; the same questions once more without the verdict, packet for packet (engines, network and restrictor alone);
and EPOCHS of the usual first epochs, which is what the engines do best (wanted are 100 000). A whole check is to do 0.6
times as many as its own questions do. Figures are medians over the seeds; a ratio is taken seed by seed, in runs that
follow each other.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import sys
import time
from collections.abc import Iterator, Sequence
from random import Random
from statistics import median
from typing import NamedTuple
from unittest.mock import patch

from talkpath.apps.contract.shape import Arm
from talkpath.conduct import check as conduct_check
from talkpath.conduct import question_choice
from talkpath.conduct.check import Check
from talkpath.conduct.question_choice import ChosenQuestion, Planner, QuestionChoice
from talkpath.conduct.request import Observer
from talkpath.experiment.layout import epoch_outline, lay_out
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.sim import Sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Plan
from talkpath.verdict.model import PlannedEpoch

ROUNDS = 5
RULE = "media.drop,p=0.3"
EPOCHS = 12

Answers = list[tuple[PlannedEpoch | None, str] | bool]
"""What the verdict answered in a check, in order: (question, shortage), or whether every arm was decided."""


class Run(NamedTuple):
    """What one run took."""

    packets: int
    seconds: float

    @property
    def rate(self) -> float:
        """Packets per CPU second."""
        return self.packets / self.seconds


def run(arms: Sequence[Arm], epochs: int, seed: int) -> Run:
    """One check; `epochs` > 0: of so many, the same whatever the facts say."""
    scenario = Scenario.parse("clean", [RULE], seed)
    gc.collect()  # what earlier runs left
    epoch_outline.cache_clear(), lay_out.cache_clear()  # those of the same check, which may have been played before
    began = time.process_time()
    plan = make_plan(arms)
    own = {"planner": _in_turn(plan)} if epochs else {}
    check = Check(plan, Random(seed).randbytes(32), **own)
    sim = Sim(check, scenario.network(), seed)
    if epochs:
        _stop_after(sim, epochs)
        with patch.object(question_choice, "open_paths", lambda facts, pending: []):
            sim.run()
    else:
        sim.run()
    return Run(sim.packets, time.process_time() - began)


def whole_and_again(arms: Sequence[Arm], seed: int) -> tuple[Run, Run]:
    """A whole check, and its questions without the verdict."""
    answers: Answers = []
    with patch.object(conduct_check, "QuestionChoice", _recording(answers)):
        whole = run(arms, 0, seed)
    with patch.object(conduct_check, "QuestionChoice", _replaying(iter(answers))):
        again = run(arms, 0, seed)
    if again.packets != whole.packets:
        raise AssertionError(f"not the same check: {whole.packets} packets, then {again.packets}")
    return whole, again


def _recording(answers: Answers) -> type[QuestionChoice]:
    """The choice of questions, which keeps what the verdict answered."""

    class Recording(QuestionChoice):
        def choose(self, facts: Facts, now_s: float, last: bool) -> ChosenQuestion:
            chosen = super().choose(facts, now_s, last)
            answers.append((chosen.ask, self.shortage))
            return chosen

        @staticmethod
        def decided(facts: Facts) -> bool:
            answers.append(QuestionChoice.decided(facts))
            return bool(answers[-1])

    return Recording


def _replaying(answers: Iterator[tuple[PlannedEpoch | None, str] | bool]) -> type[QuestionChoice]:
    """The choice of questions, which repeats these answers."""

    class Replaying(QuestionChoice):
        def choose(self, facts: Facts, now_s: float, last: bool) -> ChosenQuestion:
            answer = next(answers)
            assert isinstance(answer, tuple)
            ask, self.shortage = answer
            return ChosenQuestion(facts, ask)

        @staticmethod
        def decided(facts: Facts) -> bool:
            return bool(next(answers))

    return Replaying


def _in_turn(plan: Plan) -> Planner:
    """A planner that asks each arm in turn, whatever the facts say."""

    def choose(facts: Facts, spent_bytes: int, pending: Sequence[PlannedEpoch]) -> PlannedEpoch | None:
        arm = plan.arms[(len(facts.epochs) + len(pending)) % len(plan.arms)]
        return PlannedEpoch(arm.arm, k=plan.k, packets=plan.packets)

    return choose


def _stop_after(sim: Sim, epochs: int) -> None:
    """Ends the check after so many epochs."""
    check = sim.check

    def stop(facts: Facts) -> None:
        if len(facts.epochs) >= epochs:
            check.interrupt(sim.now_s)

    check.observer = Observer(epoch_ended=stop)


def compare(arms: Sequence[Arm]) -> str:
    """Medians over the seeds."""
    run(arms, 0, ROUNDS)  # fills tables that a process makes once
    rounds = [(*whole_and_again(arms, seed), run(arms, EPOCHS, seed)) for seed in range(ROUNDS)]
    whole, again, usual = (median(each.rate for each in runs) for runs in zip(*rounds, strict=True))
    to_again, to_usual = (median(each[0].rate / each[i].rate for each in rounds) for i in (1, 2))
    return (
        f"whole check {whole:8,.0f} packets/s; its questions without the verdict {again:8,.0f} ({to_again:.2f}); "
        f"usual first epochs {usual:8,.0f} ({to_usual:.2f})"
    )


def main() -> None:
    """Print packets a second, or with --profile where the time goes."""
    one, every = choose_arms(["webrtc"]), choose_arms()
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(run, one if "one" in sys.argv else every, 0 if "whole" in sys.argv else EPOCHS, 1)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return
    for name, arms in (("webrtc voice", one), ("all voice arms", every)):
        sys.stdout.write(f"{name:15} {compare(arms)}\n")


if __name__ == "__main__":
    main()
