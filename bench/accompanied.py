"""Innocent calls beside control traffic, in virtual time: how often is something said of a rule?

    .venv/bin/python bench/accompanied.py --calls 1000

Calls of the apps go through every background of the lab, with every story that is no restriction: speech with DTX, a
muted end, a relay that moves, Wi-Fi to mobile, an app's congested relay, an app's outage, a path that only the app's
addresses suffer from. Three calls of a kind at a time are judged together too. Prints a row a story: calls, those that
were told as consistent with a rule, and threes that were called restricted. Exit code 1 for any of the last, and for
any of the first two where the app's own servers and paths were well.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from talkpath.lab.accompanied_calls import accompany
from talkpath.lab.backgrounds import background_kinds
from talkpath.lab.relayed_calls.placed import PLAIN, CallStory, RelayState
from talkpath.lab.relayed_calls.script import Voice
from talkpath.lab.scenario import Scenario
from talkpath.measure.call import Findings
from talkpath.verdict.bases.accompanied_call import attempt_verdicts, call_verdicts, verdicts_together

APPS = ("whatsapp", "telegram", "signal", "webrtc", "max", "meet")
SECONDS, FLOWS = 10.0, 3
OWN_TROUBLE = ("congested relay", "lossy relay", "outage")
"""Stories in which the app's own servers are not well: there "consistent with" names that as well, and is no error."""
MISMEASURED = ("user_vpn",)
"""A tunnel of the user's own: what is measured is not this network."""


def stories(rng: Random) -> dict[str, CallStory]:
    """One of each kind."""
    at_s = rng.uniform(2.0, SECONDS - 3.0)
    return {
        "plain": PLAIN,
        "dtx": CallStory(caller=Voice(dtx=True), callee=Voice(dtx=True)),
        "muted": CallStory(callee=Voice(muted=((at_s, at_s + rng.uniform(2.0, 8.0)),))),
        "relay moves": CallStory(moves_s=(at_s,)),
        "wi-fi to mobile": CallStory(roams_s=(at_s,)),
        "congested relay": CallStory(
            relays=RelayState(
                loss=rng.uniform(0.02, 0.2), added_ms=rng.uniform(30, 150), jitter_ms=rng.uniform(40, 120)
            )
        ),
        "lossy relay": CallStory(relays=RelayState(loss=rng.uniform(0.05, 0.3))),
        "outage": CallStory(relays=RelayState(down_from_s=rng.choice((0.0, at_s)))),
    }


def threes(first: int, calls: int) -> Iterator[tuple[str, str, list[Findings]]]:
    """(story, background, three calls of one app over it)."""
    kinds = [name for name in sorted(background_kinds()) if name not in MISMEASURED]
    for number in range(first // 3, -(-(first + calls) // 3)):
        rng = Random(f"innocent {number}")
        background, app = kinds[number % len(kinds)], rng.choice(APPS)
        name = rng.choice(sorted(stories(rng)))
        found = []
        for turn in range(3):
            seed = 3 * number + turn
            story = stories(Random(f"story {seed}"))[name]
            scenario = Scenario.parse(background, [], seed=seed)
            found.append(accompany(app, SECONDS, scenario, story, seed=seed, flows=FLOWS).findings)
        yield name, background, found


def main(arguments: Sequence[str]) -> int:
    """Play them, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--calls", type=int, default=1000)
    options.add_argument("--first", type=int, default=0, help="begin with this one: a long run in parts")
    chosen = options.parse_args(arguments)
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
        if together or (told and story not in OWN_TROUBLE):
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
