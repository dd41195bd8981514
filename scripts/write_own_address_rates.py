"""Plays the questions to an app's own addresses over drawn networks, and writes docs/own-address-rates.md.

    .venv/bin/python scripts/write_own_address_rates.py [--innocent 3000] [--restricted 750]

About a quarter of an hour on one core, seeded: it writes the same page each time. What runs is the engine, the verdict
and the choice of questions of `talkpath endpoints --tier 3`; networks, routers, rules and trouble are the lab's.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from talkpath.lab.backgrounds import background_kinds
from talkpath.lab.exact_interval import Proportion
from talkpath.lab.own_addresses.drawing import draw_innocent, draw_restricted
from talkpath.lab.own_addresses.score import PlayedCase, play_case

PAGE = Path(__file__).parents[1] / "docs" / "own-address-rates.md"
TROUBLE = {
    "none": "nothing amiss on one way alone",
    "way_back": "answers come back over ways of their own, which lose up to 10 %",
    "equal_ways": "the way to one server is split over several routers, some of which lose 10 to 100 %",
    "bundle": "the same, hidden in one router's bundle of links",
    "own_way": "one server has a way of its own, which loses 10 to 100 %",
    "busy": "all of the app's servers are overloaded and drop 10 to 70 %",
    "one_down": "one of the app's servers is down",
    "all_down": "all of them are",
    "change": "the way of all changes in the middle",
}
SAID = ("ok", "restricted", "other_destination", "few_answers", "path_changed", "silent_server")


def main() -> int:
    """Play and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--innocent", type=int, default=3000)
    parser.add_argument("--restricted", type=int, default=750)
    given = parser.parse_args()
    seen = tuple(name for name, kind in background_kinds().items() if not kind.unseen)
    innocent = [play_case(draw_innocent(seed)) for seed in range(given.innocent)]
    clean = [play_case(draw_restricted(seed, ("clean",))) for seed in range(given.restricted)]
    poor = [play_case(draw_restricted(seed, seen)) for seed in range(given.restricted, given.restricted * 4 // 3)]
    PAGE.write_text("\n".join(_page(innocent, clean, poor)) + "\n", encoding="utf-8")
    return 0


HEAD = """# How often the questions to an app's own addresses are right

<!-- written by scripts/write_own_address_rates.py: change the code, then run it -->

    .venv/bin/python scripts/write_own_address_rates.py

SIMULATED: `talkpath endpoints --tier 3` in virtual time over {runs} drawn networks with a fixed seed. Ways to one to
three servers of an app (Telegram, Signal, Meet) and to one to three neutral ones share a trunk of three to six routers,
then part. Routers answer without a limit, 500, 100, 50, 20, 10, 5 times a second, or once, as Linux does; some are
silent. Over both address families.

- **Nothing arrives**: {strays} packets other than greetings reached a server in all these runs, and no server was
  greeted more than {greetings} times in one.
- Half of the runs took at most {seconds:.0f} s and {kilobytes:.0f} kB, the longest {longest:.0f} s.

## Without a rule: false words

{false} of {innocent} say "signs of restriction"{interval}, over all {kinds} backgrounds of the lab.
"""

RULED = """
## With a rule, where routers answer

p from 30 to 95 %, freezes after 8 to 28 packets, blocks; two or three servers of the app, two or three neutral ones;
routers that answer at least six times a second. Right: the rule's id and what it is bound to, both. Behind a company's
firewall (`corporate`) and through a VPN (`user_vpn`) nothing can be told, and where an address translator changes ports
(`nat_rebind`) a rule that counts packets of one port may not act.
"""


def _page(innocent: Sequence[PlayedCase], clean: Sequence[PlayedCase], poor: Sequence[PlayedCase]) -> Iterator[str]:
    every, ruled = [*innocent, *clean, *poor], [*clean, *poor]
    false = sum(one.state == "restricted" for one in innocent)
    yield HEAD.format(
        runs=len(every),
        strays=sum(one.strays for one in every),
        greetings=max(one.most_greetings for one in every),
        seconds=median(one.seconds for one in every),
        kilobytes=median(one.bytes_sent for one in every) / 1000,
        longest=max(one.seconds for one in every),
        false=false,
        innocent=len(innocent),
        interval=_interval(false, len(innocent)),
        kinds=len({one.drawn.background for one in innocent}),
    )
    yield from _innocent("on one way alone", TROUBLE, innocent, lambda one: one.drawn.trouble)
    kinds = {name: f"`{name}`" for name in sorted({one.drawn.background for one in innocent})}
    yield from _innocent("background", kinds, innocent, lambda one: one.drawn.background)
    yield RULED
    yield f"### On a clean line: {_right(clean)}\n"
    yield from _table(clean, "bound to", lambda one: one.drawn.bound)
    yield from _table(clean, "rule", lambda one: f"`{one.drawn.rule}`")
    yield from _table(clean, "answers a second", _answers)
    yield f"### On all seen backgrounds: {_right(poor)}\n"
    yield from _table(poor, "bound to", lambda one: one.drawn.bound)
    yield from _table(poor, "background", lambda one: f"`{one.drawn.background}`")
    up = sum(one.direction == "up" for one in ruled if one.rule)
    yield f"Direction: {up} of {sum(bool(one.rule) for one in ruled)} named rules act up, as all of these do."
    yield _places([one for one in ruled if one.right])


def _answers(one: PlayedCase) -> str:
    return f"{one.drawn.answers_per_s:g}" if one.drawn.answers_per_s else "no limit"


def _innocent(
    title: str, values: Mapping[str, str], played: Sequence[PlayedCase], key: Callable[[PlayedCase], str]
) -> Iterator[str]:
    yield f"| {title} | networks | {' | '.join(SAID)} |\n|---|---|{'---|' * len(SAID)}"
    for value, means in values.items():
        yield _said(means, [one for one in played if key(one) == value])
    yield ""


def _said(name: str, mine: Sequence[PlayedCase]) -> str:
    said = Counter(one.state if one.state != "insufficient" else one.why for one in mine)
    return f"| {name} | {len(mine)} | {' | '.join(str(said[word]) for word in SAID)} |"


def _right(mine: Sequence[PlayedCase]) -> str:
    right = sum(one.right for one in mine)
    return f"{right} of {len(mine)} right{_interval(right, len(mine))}"


def _interval(hit: int, of: int) -> str:
    found = Proportion(hit, of)
    return f" ({100 * found.low:.2f} to {100 * found.high:.2f} %)"


def _table(mine: Sequence[PlayedCase], title: str, key: Callable[[PlayedCase], str]) -> Iterator[str]:
    yield f"| {title} | networks | right | another rule or binding | restricted, not bound | could not tell |"
    yield "|---|---|---|---|---|---|"
    for value in sorted(set(map(key, mine))):
        own = [one for one in mine if key(one) == value]
        right = sum(one.right for one in own)
        unbound = sum(one.state == "restricted" and not one.bound for one in own)
        wrong = sum(one.state == "restricted" and not one.right for one in own) - unbound
        yield f"| {value} | {len(own)} | {right} | {wrong} | {unbound} | {len(own) - right - wrong - unbound} |"
    yield ""


def _places(right: Sequence[PlayedCase]) -> str:
    held = sum(one.hop[0] <= one.drawn.at <= one.hop[1] for one in right)
    exact = sum(one.hop[0] == one.hop[1] for one in right)
    return f"The router before which it acts is within what is said in {held} of {len(right)}; in {exact} one is named."


if __name__ == "__main__":
    sys.exit(main())
