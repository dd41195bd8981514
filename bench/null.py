"""Nobody restricts anything: how often does a check say that somebody does?

    python bench/null.py [--runs N] [--minutes M] [--again]

Default batteries (all voice arms, 4 MB) through `sim` over every background in turn, its parameters drawn from their
ranges. A row a run goes to build/null.jsonl; called again, it goes on where it stopped, as long as the code that
decides is the same (else it starts anew, as with --again). Shares have exact 95 % intervals (Clopper and Pearson).
`corporate` is truly closed; nothing else is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from scipy.stats import beta

import talkpath
from talkpath.errors import TalkpathError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.backgrounds import kinds
from talkpath.lab.drive import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.verdict.judge import judge_arms

OUT = Path("build/null.jsonl")
RUNS = 2010
SETTINGS = [*(name for name in kinds() if name != "transit_loss"), "transit_loss", "transit_loss,direction=up"]
STATES = ("ok", "insufficient", "impaired", "closed", "unreachable", "restricted", "failed")
CLOSED = ("corporate",)
DECIDES = ("apps", "experiment", "verdict", "conduct", "probe", "responder", "measure", "lab")


def play(seed: int) -> dict[str, Any]:
    """One battery."""
    background = SETTINGS[seed % len(SETTINGS)]
    scenario = Scenario.parse(background, (), seed, 6 if seed % 3 == 0 else 4)
    row = {
        "seed": seed,
        "background": background.partition(",")[0],
        "family": scenario.family,
        "settings": dict(scenario.network().settings),
    }
    try:
        facts = run_sim(make_plan(choose_arms()), scenario)
    except TalkpathError as error:  # a bug: told, and the others go on
        return {**row, "states": ["failed"], "said": [str(error)], "log10_e": 0.0, "bytes": 0, "seconds": 0.0}
    verdicts = judge_arms(facts)
    return {
        **row,
        "states": [verdict.state for verdict in verdicts],
        "said": [f"{v.app}/{v.variant} {v.state} {v.rule}" for v in verdicts if v.rule],
        "log10_e": max((v.log10_e or 0.0) for v in verdicts),
        "bytes": facts.bytes_sent + facts.bytes_received,
        "seconds": facts.duration_s,
    }


def fingerprint() -> str:
    """Of the code that decides."""
    root = Path(talkpath.__file__).parent
    files = sorted(path for part in DECIDES for path in (root / part).rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def upper(count: int, total: int) -> float:
    """The exact one-sided 97.5 % bound of a share."""
    return 1.0 if count == total else float(beta.ppf(0.975, count + 1, total - count))


def table(records: list[dict[str, Any]]) -> Iterator[str]:
    """One line a background."""
    yield ("| background | runs | arms | " + " | ".join(STATES) + " | false: upper bound over arms "
           "| MB median, p90 | s median, p90 | largest log10 e |")  # fmt: skip
    yield "|---" * (len(STATES) + 7) + "|"
    for background in [*dict.fromkeys(record["background"] for record in records), "all"]:
        chosen = [r for r in records if background in ("all", r["background"])]
        counts = Counter(state for record in chosen for state in record["states"])
        total = counts.total()
        false = sum(_false(record) for record in chosen)
        shares = " | ".join(f"{counts[state] / total:.3f}" for state in STATES)
        mb, seconds = [r["bytes"] / 1e6 for r in chosen], [r["seconds"] for r in chosen]
        yield (f"| {background} | {len(chosen)} | {total} | {shares} | {false} (≤ {upper(false, total):.4f}) "
               f"| {_spread(mb)} | {_spread(seconds)} | {max(r['log10_e'] for r in chosen):.2f} |")  # fmt: skip


def _false(record: dict[str, Any]) -> int:
    """Arms of which something untrue was said."""
    named = Counter(said.split()[1] for said in record["said"])
    false = named["restricted"] + named["unreachable"] + record["states"].count("failed")
    return false + (named["closed"] if record["background"] not in CLOSED else 0)


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f}, {quantiles(values, n=10)[-1] if len(values) > 1 else values[0]:.2f}"


def stored(code: str) -> list[dict[str, Any]]:
    """Rows of the same code from earlier calls."""
    if not OUT.exists():
        return []
    rows = [json.loads(line) for line in OUT.read_text().splitlines() if line.endswith("}")]
    return [row for row in rows if row["code"] == code]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--again", action="store_true")
    chosen = parser.parse_args()
    code, until_s = fingerprint(), time.monotonic() + 60 * chosen.minutes
    OUT.parent.mkdir(exist_ok=True)
    records = [] if chosen.again else stored(code)
    done = {record["seed"] for record in records}
    todo = [seed for seed in range(chosen.runs) if seed not in done]
    with OUT.open("w") as out, Pool(2, initializer=os.nice, initargs=(10,)) as pool:
        out.writelines(json.dumps(record) + "\n" for record in records)
        for record in pool.imap_unordered(play, todo):
            records.append({**record, "code": code})
            out.write(json.dumps(records[-1]) + "\n")
            out.flush()
            if time.monotonic() > until_s:
                pool.terminate()
                break
    records.sort(key=lambda record: record["seed"])
    said = [f"- seed {r['seed']} {r['background']} {r['settings']}: {', '.join(r['said'])}" for r in records
            if _false(r)]  # fmt: skip
    sys.stdout.write("\n".join([*table(records), "", *said, f"{len(records)} of {chosen.runs} batteries."]) + "\n")


if __name__ == "__main__":
    main()
