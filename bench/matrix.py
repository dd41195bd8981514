"""While the method is worked on: restrictions drawn at random, played through `sim`, held against the truth of the lab.

    python bench/matrix.py [--first SEED] [--runs N] [--rule RULE|two|null] [--background B] [--arms one|two|all]
    python bench/matrix.py --one SEED [...]        one run, told in full

As `python -m proof score` draws and counts (proof/scoring), but narrowed to what is worked on, with other seeds and
without the backgrounds that nobody is to tune to. `--rule null`: nobody restricts anything. Printed are the tables
of rules and backgrounds, then every wrong row. Rows go to build/matrix.jsonl as they come.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path
from random import Random

import msgspec

from proof.scoring.draw import DrawnCheck, Narrow, draw_null, draw_rules
from proof.scoring.metrics import rates
from proof.scoring.page import tables
from proof.scoring.play import play_drawn_check
from proof.scoring.row import CheckRow
from talkpath.lab.restrictor import mechanism_kinds

OUT = Path("build/matrix.jsonl")
QUICK_RUNS, RUNS = 280, 2000

Task = tuple[int, Narrow]


def draw(seed: int, narrow: Narrow) -> DrawnCheck:
    """The run of that seed."""
    rng = Random(f"matrix {seed}")
    if narrow.rule == "null":
        return draw_null(seed, rng, narrow)
    return draw_rules(seed, rng, narrow)


def play_task(task: Task) -> CheckRow:
    """Play one run, in a process of the pool."""
    return play_drawn_check(draw(*task), "bench")


def play_all(tasks: list[Task]) -> Iterator[CheckRow]:
    """On all cores, in order of seeds."""
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("wb") as out, Pool(initializer=os.nice, initargs=(10,)) as pool:
        for row in pool.imap(play_task, tasks, chunksize=2):
            out.write(msgspec.json.encode(row) + b"\n")
            out.flush()
            yield row


def report(rows: list[CheckRow]) -> Iterator[str]:
    """Tables, then what was wrong."""
    null = [row for row in rows if row.study == "null"]
    drawn = [row for row in rows if row.study == "rules"]
    if null:
        yield from tables.null_table(null, lambda row: row.kind)
    if drawn:
        yield from tables.detection_table(drawn, rates.true_rule)
        yield from ("", *tables.detection_table(drawn, lambda row: row.kind))
    yield from ("", *tables.wrong_list(rows))


def main() -> None:
    """Play the runs that the options choose, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs, at most three minutes")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rule", default="", choices=["", "two", "null", *mechanism_kinds()])
    parser.add_argument("--background", default="")
    parser.add_argument("--one", type=int)
    parser.add_argument("--arms", default="", choices=["", "one", "two", "all"])
    chosen = parser.parse_args()
    narrow = Narrow(chosen.rule, chosen.background, chosen.arms, unseen=False)
    if chosen.one is not None:
        sys.stdout.write(json.dumps(msgspec.to_builtins(play_task((chosen.one, narrow))), indent=1) + "\n")
        return
    count = QUICK_RUNS if chosen.quick else chosen.runs
    rows = list(play_all([(seed, narrow) for seed in range(chosen.first, chosen.first + count)]))
    sys.stdout.write("\n".join(report(rows)) + "\n")


if __name__ == "__main__":
    main()
