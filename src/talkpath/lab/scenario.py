"""The settings of a lab run: background, rules, seed, address family and routers, parsed from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from talkpath.errors import UsageError
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.backgrounds.background import Background
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.routers import RouterPath
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.mechanism import LabRule


@dataclass(frozen=True, slots=True)
class Scenario:
    """The network of one lab run."""

    background: Background = field(default_factory=lambda: parse_background("clean"))
    rules: tuple[LabRule, ...] = ()
    seed: int = 0
    family: int = 4
    path: RouterPath | None = None

    @classmethod
    def parse(
        cls, background: str, rules: Sequence[str], seed: int = 0, family: int = 4, path: str | None = None
    ) -> Scenario:
        """From the texts of the command line; `UsageError` names what is unknown."""
        parsed = tuple(parse_rule(text) for text in rules)
        return cls(
            background=parse_background(background),
            rules=parsed,
            seed=seed,
            family=family,
            path=_path_of(parsed, path),
        )

    def network(self) -> LabNetwork:
        """A fresh network with these settings."""
        return LabNetwork(self.background, self.rules, self.seed, self.path)


def _path_of(rules: Sequence[LabRule], text: str | None) -> RouterPath | None:
    """The routers; where there is one rule, and it has a hop of its own, its box stands there."""
    path = None if text is None else RouterPath.parse(text)
    most = 0 if path is None else path.routers + 1
    hops = [int(rule.values["hop"]) for rule in rules if "hop" in rule.values]
    if any(hop > most for hop in hops):
        raise UsageError(f"A rule acts before router {max(hops)}, and here its box can stand before {most} at most.")
    return replace(path, at=hops[0]) if path is not None and hops and len(rules) == 1 else path
