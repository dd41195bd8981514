"""Innocent calls beside control traffic, in virtual time: how often is something said of a rule?

    .venv/bin/python bench/accompanied.py --calls 1000
    .venv/bin/python bench/accompanied.py --power 3           # three calls a rule and app: what is named

Calls of the apps go through every background of the lab, with every story that is no restriction
(proof/accompanied_calls/drawing.py). Three calls of a kind at a time are judged together too. Prints a row a story:
calls, those that were told as consistent with a rule, and threes that were called restricted. Exit code 1 for any of
the last, and for any of the first where the app's own servers were well, or the sentence does not name them as well.

With --power rules act on the app's own addresses instead. Prints a row a rule: of how many calls the first rule that is
named is the right one, and which threes were called restricted.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from proof.accompanied_calls import play_accompanied_call
from proof.accompanied_calls.drawing import (
    FLOWS,
    OWN_TROUBLE,
    POWER_APPS,
    SECONDS,
    TOGETHER,
    draw_innocent,
    drawn_rules,
)
from talkpath.lab.scenario import Scenario
from talkpath.measure.call import Findings
from talkpath.report.recordings.capture_sentences import attempt_sentence, call_sentence
from talkpath.verdict.bases.accompanied_call import attempt_verdicts, call_verdicts
from talkpath.verdict.bases.calls_together import judge_recording, verdicts_together

OWN_SERVERS = ("trouble at the app's own servers", "outage of the app")
"""How a sentence names what looks the same as a rule."""


def threes(first: int, calls: int) -> Iterator[tuple[str, str, list[Findings]]]:
    """(story, background, three calls of one app over it)."""
    for drawn in map(draw_innocent, range(first // TOGETHER, -(-(first + calls) // TOGETHER))):
        yield drawn.story, drawn.background, [drawn.play(turn) for turn in range(TOGETHER)]


def rule_alone(found: Findings) -> bool:
    """Whether a sentence names a rule and not the app's own servers beside it."""
    judged = judge_recording(found)
    sentences = (*map(call_sentence, judged.calls), *map(attempt_sentence, judged.attempts))
    named = (one for told in sentences for one in told.split(". ") if "consistent with a rule" in one)
    return any(not any(words in one for words in OWN_SERVERS) for one in named)


def power(calls: int, first: int) -> None:
    """Play calls under every rule, and print the table."""
    for rule, fits in drawn_rules().items():
        count: Counter[str] = Counter()
        for app in POWER_APPS:
            found = []
            for seed in range(first, first + calls):
                scenario = Scenario.parse("clean", [f"{rule},app={app},to=app"], seed=seed)
                found.append(play_accompanied_call(app, 2 + SECONDS, scenario, seed=seed, flows=FLOWS).findings)
            verdicts = [one for each in found for one in (*call_verdicts(each), *attempt_verdicts(each))]
            right = sum(bool(one.alternatives) and one.alternatives[0] in fits for one in verdicts)
            count.update({f"{app}: {right} of {calls}": 1, "right": right, "calls": calls})
            count.update(restricted=len(verdicts_together(found)), threes=1)
            others = Counter(one.reason.code if one.reason else one.state for one in verdicts if not one.alternatives)
            count.update({f"as {code}": times for code, times in others.items()})
        told = ", ".join(name.removeprefix("as ") for name in count if ":" in name)
        unnamed = ", ".join(f"{name[3:]} {times}" for name, times in sorted(count.items()) if name.startswith("as "))
        print(  # noqa: T201
            f"{rule:32} {count['right']:3} of {count['calls']} ({told}), {count['restricted']} of {count['threes']} "
            f"threes restricted{f'; else {unnamed}' if unnamed else ''}"
        )
        sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Play them, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=1000)
    options.add_argument("--first", type=int, default=0, help="begin with this one: a long run in parts")
    options.add_argument("--power", type=int, default=0, metavar="CALLS", help="calls a rule and app, under rules")
    chosen = options.parse_args(arguments)
    if chosen.power:
        power(chosen.power, chosen.first)
        return 0
    counts: dict[str, Counter[str]] = {}
    wrong = 0
    for story, background, found in threes(chosen.first, chosen.calls):
        count = counts.setdefault(story, Counter())
        together = verdicts_together(found)
        verdicts = [one for each in found for one in (*call_verdicts(each), *attempt_verdicts(each))]
        told = [one for one in verdicts if one.alternatives]
        count.update(calls=len(found), told=len(told), restricted=len(together), threes=1)
        codes = Counter(one.reason.code if one.reason else one.state for one in verdicts)
        count.update({f"as {code}": times for code, times in codes.items()})
        if together or any(map(rule_alone, found)) or (told and story not in OWN_TROUBLE):
            wrong += 1
            rules = sorted({rule for one in told for rule in one.alternatives})
            print(f"{story} over {background}: {len(told)} told ({', '.join(rules)}), {len(together)} restricted")  # noqa: T201
            sys.stdout.flush()
    for story, count in sorted(counts.items()):
        told = ", ".join(f"{name[3:]} {times}" for name, times in sorted(count.items()) if name.startswith("as "))
        print(  # noqa: T201
            f"{story:16} {count['calls']:5} calls: {count['told']:4} consistent with a rule, {count['restricted']} of "
            f"{count['threes']} threes restricted ({told})"
        )
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
