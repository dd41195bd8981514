"""What a restriction is: a `Mechanism` (one file of this package), and a `Rule` (a mechanism with its settings).

A mechanism acts through gates. A gate is made for one flow and one direction when the rule first applies to it; it is
called with (now_s, IP packet) and answers with a fate: `PASS` (0.0), `DROP` (-1.0), or how many seconds later.
Each call is one packet's fate, so nothing is drawn for a whole flow but what the mechanism says is a flow's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from talkpath.lab.matchers import APPS
from talkpath.lab.parameters import Parameter, Value, text_of
from talkpath.lab.restrictor.flow import Flow, Gate, Post

Which = Literal["up", "down", "both"]
Scope = Literal["set-up", "call", "any"]

APP = Parameter("app", "app", "whose calls; any recognised call when not given", choices=APPS)
MEDIUM = Parameter("medium", "medium", "of which kind; both when not given", choices=("voice", "video"))


def direction(default: Which) -> Parameter:
    """The key `direction`."""
    return Parameter("direction", "direction", "seen from the user", default, choices=("up", "down", "both"))


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way to restrict.

    `scope` tells which flows it sees: "set-up" those that could be the app's by the set-up messages so far (there
    voice and video look alike, so `medium` is not a difference it can make), "call" those recognised as the app's
    and medium's calls, "any" all. `gate` gives a flow's gate for the direction (True is up), None where the rule
    can never act on that flow. `eager` are the settings under which it acts as soon as it can: `truth` asks with them
    whether it acts on an arm at all, however late that may be in a call. `otherwise` are the settings where none of the
    parameters without a default is given.
    """

    id: str
    meaning: str
    scope: Scope
    gate: Callable[[Post, Flow, bool], Gate | None]
    parameters: tuple[Parameter, ...] = ()
    eager: Mapping[str, Value] = field(default_factory=dict)
    otherwise: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A mechanism set up. `values` holds every parameter that is set, given or by default."""

    mechanism: Mechanism = field(repr=False)
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The mechanism's id."""
        return self.mechanism.id

    @property
    def direction(self) -> str:
        """One of "up", "down", "both"."""
        return self.word("direction") or "both"

    def number(self, name: str) -> float:
        """A numeric parameter that has a default."""
        return float(self.values[name])

    def limit(self, name: str) -> float:
        """A numeric parameter that may be unset: then it is infinite, and nothing ever passes it."""
        return float(self.values.get(name, float("inf")))

    def word(self, name: str) -> str:
        """A parameter that is a word, "" where it is not set."""
        return str(self.values.get(name, ""))

    def acts(self, up: bool) -> bool:
        """Does it act on packets that go this way?"""
        return self.direction in ("both", "up" if up else "down")

    def __str__(self) -> str:
        return text_of(self.id, self.values)
