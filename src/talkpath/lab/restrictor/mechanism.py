"""Defines a restriction: a `Mechanism` (one file of this folder), a `LabRule` (a mechanism with settings), and the
`RuleState` of a rule in one run.

A mechanism acts through packet filters (lab/path/link). A filter is made for one flow and one direction when the rule
first applies to them. Each call of it decides about one packet; only a mechanism that decides for whole flows in the
field draws for a whole flow.

Declares how `proof score` draws the settings of a mechanism at random.

Contract: a function of the random numbers and of the call alone. `settings` returns None where the numbers drawn cannot
act on the call within a check (a limit above what the call sends): such a draw is discarded and repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal, Protocol

from talkpath.lab.matchers.signatures import MATCHED_APPS
from talkpath.lab.parameters import Setting, Value, text_of
from talkpath.lab.path.link import Bucket, PacketFilter
from talkpath.lab.restrictor.app_networks import app_of_address
from talkpath.lab.restrictor.flow import TrackedFlow

DrawnSettings = dict[str, float | str]

DEFAULT_WATCH_S = 2.5  # how long a default check watches a call
BASELINE_PACKETS = 25


class DrawnCall(Protocol):
    """The properties of the call on which a mechanism's settings may depend."""

    @property
    def packet_rate(self) -> float:
        """Packets a second, each way."""

    @property
    def ports(self) -> Sequence[int]:
        """UDP ports of the far end."""

    def media_sizes(self) -> tuple[list[int], list[int]]:
        """Bytes of each media packet, up and down."""

    def offered_kbps(self) -> float:
        """IP bit rate of the slower direction."""


def direction_alone(rng: Random, call: DrawnCall) -> DrawnSettings | None:
    """Draws the settings of a mechanism that has only direction, app and medium."""
    return {}


@dataclass(frozen=True, slots=True)
class Drawing:
    """Describes how a mechanism is drawn.

    `order` is its place in the list that `proof score` draws from: a new mechanism takes the next number, so that the
    list does not depend on file names. `weight` is how often it stands in that list, 0 for never: then `why_never`
    gives the reason.
    """

    order: int
    weight: int = 1
    settings: Callable[[Random, DrawnCall], DrawnSettings | None] = direction_alone
    why_never: str = ""


def never_drawn(reason: str) -> Drawing:
    """Declares a mechanism that no check of `proof score` could detect."""
    return Drawing(order=0, weight=0, why_never=reason)


def log_uniform(rng: Random, low: float, high: float) -> float:
    """Draws a number whose logarithm is uniform, rounded to three digits after the point."""
    return round(float(low * (high / low) ** rng.random()), 3)


Scope = Literal["set-up", "call", "any"]

APP = Setting("app", "app", "whose calls; any recognised call when not given", choices=MATCHED_APPS)
MEDIUM = Setting("medium", "medium", "of which kind; both when not given", choices=("voice", "video"))


FROM_S = Setting("from_s", "s", "after the run's first packet: not in force before", high=86400)
CYCLE_S = Setting(
    "cycle_s", "s", "from one beginning to the next, where it is in force now and then", low=0.1, high=86400
)
ACTIVE_S = Setting("active_s", "s", "for which it is in force each time", high=86400)
HOP = Setting(
    "hop", "router", "before which its box stands; the path's own place when not given", low=1, high=17, whole=True
)
TIMETABLE = (FROM_S, CYCLE_S, ACTIVE_S)  # of any mechanism: when it is in force; always when not given
TO = Setting("to", "addresses", "only the app's own (or any app's); any when not given", choices=("app", "any"))
WHOSE = Setting("whose", "traffic", "to those addresses: calls alone, or any", choices=("calls", "any"))
BOUND = (APP, WHOSE)  # of any mechanism with to=app


def direction_setting(default: Literal["up", "down", "both"]) -> Setting:
    """Declares the parameter `direction`, with that default."""
    return Setting("direction", "direction", "seen from the user", default, choices=("up", "down", "both"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One mechanism of restriction.

    `scope` says which flows it acts on: "set-up", flows whose set-up messages so far could be the app's (voice and
    video have the same ones, so the `medium` is unknown); "call", flows recognised as calls of the app and medium;
    "any", all. `packet_filter` makes a flow's filter for one direction (True is up), None where the rule can
    never act on that flow. `drawing` says how `proof score` draws its settings. `eager` are the settings with which it
    acts as early as possible: with them the ground truth finds whether it acts on an arm at all, however late.
    `otherwise` are the settings where none of the parameters without a default is given. `recognises`: though it acts
    on any flow, it looks at what was recognised of it. `spreads`: one call that it recognises has all later flows
    suffer.
    """

    id: str
    meaning: str
    scope: Scope
    packet_filter: Callable[[RuleState, TrackedFlow, bool], PacketFilter | None]
    drawing: Drawing
    parameters: tuple[Setting, ...] = ()
    eager: Mapping[str, Value] = field(default_factory=dict)
    otherwise: Mapping[str, Value] = field(default_factory=dict)
    recognises: bool = False
    spreads: bool = False


@dataclass(frozen=True, slots=True)
class LabRule:
    """A mechanism with settings. `values` holds every parameter that is set, given or by default."""

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
        """A numeric parameter that may be unset: it is then infinite."""
        return float(self.values.get(name, float("inf")))

    def word(self, name: str) -> str:
        """A parameter that is a word, "" where it is not set."""
        return str(self.values.get(name, ""))

    @property
    def scope(self) -> Scope:
        """The mechanism's scope; "any" for a rule about everything that goes to an app's addresses."""
        return "any" if self.word("whose") == "any" else self.mechanism.scope

    @property
    def bound(self) -> bool:
        """Whether it acts only on what goes to an app's own addresses."""
        return self.word("to") == "app"

    def reaches(self, far: bytes) -> bool:
        """Returns whether it acts on flows to that address."""
        return not self.bound or app_of_address(far) in ((self.word("app"),) if self.word("app") else MATCHED_APPS)

    def spares(self, flow: TrackedFlow) -> Callable[[bytes], bool]:
        """Returns what tells whether a rule about media lets a payload of the flow pass: set-up messages and keepalives
        of calls; nothing where it acts on any traffic."""
        return _no_effect if self.scope == "any" else flow.trace.sees_setup

    @property
    def timed(self) -> bool:
        """Whether it is not in force all the time."""
        return any(setting.name in self.values for setting in TIMETABLE)

    def in_force(self, elapsed_s: float) -> bool:
        """Returns whether it is in force so long after the run's first packet."""
        since_s = elapsed_s - float(self.values.get("from_s", 0.0))
        if since_s >= 0.0 and "cycle_s" in self.values:
            since_s %= float(self.values["cycle_s"])
        return 0.0 <= since_s < self.limit("active_s")

    def acts(self, up: bool) -> bool:
        """Returns whether it acts on packets in this direction."""
        return self.direction in ("both", "up" if up else "down")

    def __str__(self) -> str:
        return text_of(self.id, self.values)


@dataclass(slots=True)
class RuleState:
    """The state of one rule in one run: its random numbers, and what it keeps across packets and flows.

    The keys of `until_s` are (client, server, port), unless the mechanism's file says otherwise. `chosen` has what was
    drawn for whole flows, `buckets` the token buckets that both directions of a flow share.
    """

    rule: LabRule
    rng: Random
    until_s: dict[bytes, float] = field(default_factory=dict)
    chosen: dict[TrackedFlow, bool] = field(default_factory=dict)
    buckets: dict[TrackedFlow, Bucket] = field(default_factory=dict)


def _no_effect(payload: bytes) -> bool:
    return False
