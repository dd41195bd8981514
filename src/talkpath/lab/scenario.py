"""The settings of a lab run: background, rules, seed, address family and routers, parsed from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
        return cls(
            background=parse_background(background),
            rules=tuple(parse_rule(text) for text in rules),
            seed=seed,
            family=family,
            path=None if path is None else RouterPath.parse(path),
        )

    def network(self) -> LabNetwork:
        """A fresh network with these settings."""
        return LabNetwork(self.background, self.rules, self.seed, self.path)
