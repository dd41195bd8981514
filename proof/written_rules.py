"""Rules on bytes, written by hand as a filter may have them, against calls like recorded ones: what `check --like`
says, and what Wehe's method says beside it (docs/how-to/any-call.md has the table).

Contract: `play_rule` is a pure function of the shape's text, the rule and the seed. A rule sees one packet's UDP
payload and what it counted itself of the flow; it knows nothing of talkpath.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import log2
from pathlib import Path
from random import Random
from typing import Final

import click

from proof.other_methods.virtual_path import VirtualPath
from proof.other_methods.wehe import accuses
from talkpath.apps import added_app
from talkpath.apps.contract.shape import Direction
from talkpath.apps.recorded.played import played_shape, recorded_app
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.network import Delivery, LabNetwork
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Number, Verdict
from talkpath.wire.ip.packets import split_udp

Drops = Callable[[float, bytes], bool]
"""Whether a rule drops a payload at this time; one for each flow and direction."""


@dataclass(frozen=True, slots=True)
class WrittenRule:
    """A rule: what it is in words, the direction that it looks at, and how it begins with a flow."""

    words: str
    direction: Direction
    begin: Callable[[Random], Drops]
    share: float | None = None
    """Of the call's media packets that it drops, where that is known."""


def _some(matches: Callable[[bytes], bool], share: float = 1.0) -> Callable[[Random], Drops]:
    return lambda rng: lambda now_s, data: matches(data) and rng.random() < share


def _every_nth(matches: Callable[[bytes], bool], nth: int) -> Callable[[Random], Drops]:
    def begin(rng: Random) -> Drops:
        seen = Counter[str]()

        def drops(now_s: float, data: bytes) -> bool:
            seen["all"] += matches(data)
            return matches(data) and seen["all"] % nth == 0

        return drops

    return begin


def _over_rate(matches: Callable[[bytes], bool], packets_a_second: float, burst: float) -> Callable[[Random], Drops]:
    def begin(rng: Random) -> Drops:
        left, at_s = burst, 0.0

        def drops(now_s: float, data: bytes) -> bool:
            nonlocal left, at_s
            if not matches(data):
                return False
            left, at_s = min(burst, left + (now_s - at_s) * packets_a_second), now_s
            left -= left >= 1
            return left < 1

        return drops

    return begin


def _counted(run: int, share: float) -> Callable[[Random], Drops]:
    """Begin with a flow: once its first byte has counted up `run` times in a row, it is a call."""

    def begin(rng: Random) -> Drops:
        last, counted = -1, 0

        def drops(now_s: float, data: bytes) -> bool:
            nonlocal last, counted
            if counted < run:
                counted = counted + 1 if data[0] == (last + 1) % 256 else 0
            last = data[0]
            return counted >= run and rng.random() < share

        return drops

    return begin


def first_bytes_entropy(data: bytes, size: int = 32) -> float:
    """Return the bits a byte of the first `size` bytes."""
    counts = Counter(data[:size]).values()
    return -sum(count / sum(counts) * log2(count / sum(counts)) for count in counts)


def _rtp(data: bytes, kind: int) -> bool:
    return len(data) > 12 and data[0] >> 6 == 2 and data[1] & 127 == kind


def _voice_111(data: bytes) -> bool:
    return _rtp(data, 111)


def _extension_two(data: bytes) -> bool:
    return _voice_111(data) and data[12:16] == b"\xbe\xde\x00\x02"


RULES: Final[dict[str, WrittenRule]] = {
    "none": WrittenRule("no rule", "up", _some(lambda data: False)),
    "voice": WrittenRule("RTP 111, 3 in 10 dropped", "up", _some(_voice_111, 0.3), 0.3),
    "voice4": WrittenRule("RTP 111, 4 in 100 dropped", "up", _some(_voice_111, 0.04), 0.04),
    "nth": WrittenRule("each seventh packet of RTP 111", "down", _every_nth(_voice_111, 7), 1 / 7),
    "mask": WrittenRule("RTP 111 whose extension has two words, half dropped", "up", _some(_extension_two, 0.5)),
    "sizes": WrittenRule("RTP of 120 to 180 bytes", "up", _some(lambda d: _voice_111(d) and 120 <= len(d) <= 180)),
    "rate": WrittenRule("RTP 111 above 12 packets a second", "down", _over_rate(_voice_111, 12.0, 20.0)),
    "hello": WrittenRule("a DTLS hello", "down", _some(lambda d: d[:2] == b"\x16\xfe" and d[13:14] == b"\x01")),
    "checks": WrittenRule("STUN's cookie", "up", _some(lambda d: d[4:8] == b"\x21\x12\xa4\x42")),
    "entropy": WrittenRule(
        "first 32 bytes below 4.2 bits a byte", "up", _some(lambda d: len(d) > 32 and first_bytes_entropy(d) < 4.2)
    ),
    "clear": WrittenRule(
        "every packet, call or not, 1 in 20 dropped", "up", _some(lambda data: True, 0.05)
    ),
    "other": WrittenRule("RTP 109 (another app's), all dropped", "up", _some(lambda data: _rtp(data, 109))),
    "tunnel": WrittenRule("WireGuard's data, 6 in 10 dropped", "down", _some(lambda d: d[:4] == b"\4\0\0\0", 0.6), 0.6),
    "srtp": WrittenRule("RTP 96, a quarter dropped", "down", _some(lambda data: _rtp(data, 96), 0.25), 0.25),
    "counted": WrittenRule("flows whose first byte counts up, 3 in 10 dropped", "up", _counted(6, 0.3), 0.3),
    "framed": WrittenRule("a mark of an app's own, 3 in 10 dropped", "up", _some(lambda d: d[:2] == b"\xa7\x31", 0.3)),
    "sip": WrittenRule("RTP 96 of 270 to 320 bytes, a quarter dropped", "down",
                       _some(lambda d: _rtp(d, 96) and 270 <= len(d) <= 320, 0.25), 0.25),
    "short": WrittenRule("datagrams of 40 to 75 bytes, half dropped", "up", _some(lambda d: 40 <= len(d) <= 75, 0.5)),
}  # fmt: skip
"""`clear` and `short` hit control traffic of the same sizes too: a line that is poor, not a filter of calls."""


class RuledNetwork(LabNetwork):
    """A network with a rule on its border."""

    def obey(self, rule: WrittenRule) -> RuledNetwork:
        """Have that rule from now on."""
        self._rule, self._dice = rule, Random(self.seed)
        self._flows: dict[bytes, Drops] = {}
        return self

    def offer(self, now_s: float, direction: Direction, packet: bytes) -> list[Delivery]:
        """See `LabNetwork`."""
        parts = split_udp(packet)
        if parts is not None and direction == self._rule.direction:
            drops = self._flows.setdefault(bytes(parts[0]), self._rule.begin(self._dice))
            if drops(now_s, bytes(parts[1])):
                return []
        return super().offer(now_s, direction, packet)


@dataclass(frozen=True, slots=True)
class RuledScenario(Scenario):
    """A scenario whose network has such a rule."""

    rule: WrittenRule = RULES["none"]

    def network(self) -> LabNetwork:
        """See `Scenario`."""
        return RuledNetwork(self.background, self.rules, self.seed, self.path).obey(self.rule)


def play_rule(text: bytes, rule: WrittenRule, seed: int) -> tuple[Verdict, bool, Facts]:
    """Return the verdict of a check of that shape's calls, whether Wehe's method accuses, and the check's facts."""
    scenario = RuledScenario(seed=seed, rule=rule)
    app = recorded_app(played_shape(text))
    with added_app(app):
        (arm,) = choose_arms([app.id])
        facts = run_sim(make_plan([arm]), scenario)
        (verdict,) = judge_facts(facts)
        return verdict, accuses(VirtualPath(scenario.network()), arm, seed), facts


def told(verdict: Verdict) -> str:
    """Return what a verdict says, in a cell of the table."""
    words = [verdict.state, verdict.rule or "", verdict.direction or ""]
    for name, value in verdict.parameters.items():
        if isinstance(value, Number) and name == "p" and value.low is not None and value.high is not None:
            words.append(f"{100 * value.low:.0f} to {100 * value.high:.0f} %")
    return ", ".join(filter(None, words))


def table_lines(files: Iterable[Path], rules: Iterable[str], seed: int) -> Iterator[str]:
    """Yield the table, row by row as it comes."""
    yield "| calls | rule | talkpath | Wehe |"
    yield "|---|---|---|---|"
    for file in files:
        for name in rules:
            rule = RULES[name]
            verdict, accused, _ = play_rule(file.read_bytes(), rule, seed)
            words = f"{rule.words} ({rule.direction})" if name != "none" else rule.words
            yield f"| {file.stem} | {words} | {told(verdict)} | {'differs' if accused else 'no difference'} |"


@click.command("rules")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--rule", "rules", multiple=True, type=click.Choice([*RULES]), help="Which; all where none is named.")
@click.option("--seed", default=1, show_default=True)
def rules_command(files: tuple[Path, ...], rules: tuple[str, ...], seed: int) -> None:
    """Play rules written by hand against calls like recorded ones, with talkpath and by Wehe's method."""
    for line in table_lines(files, rules or RULES, seed):
        click.echo(line)
