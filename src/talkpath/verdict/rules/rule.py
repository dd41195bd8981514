"""What a rule is: a permanent id, words for the specification, and how well it explains an arm.

Contract: `explain` is pure and sees only the view. For the state `restricted` a fit's `gain` is a log-likelihood above
"calls fare as their twins" (see verdict.view) less `PENALTY` for each free number, so the gains of all rules can be
compared; for `closed` it is the log of how overwhelming the contrast is, held against ln(m/alpha); for `unreachable`
any fit will do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections
from talkpath.verdict.flows.arm_view import View
from talkpath.verdict.model import Category, Number, State

PENALTY = 3.0  # nats a free number costs: half the log of a few hundred packets, as in the BIC
MARGIN = 2.5  # nats within which two rules explain equally well: 12 to 1
ONSETS = np.array([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25, 28, 31, 35, 40, 45, 50, 60, 75, 100, 150, 200])
"""Packets, both ways, after which a box may know a call."""
SURE = 0.997  # the extra loss where a rule says "always": one packet in 300 may slip through

Parameters = dict[str, Number | Category]
Contrast = tuple[str, float | str | None]  # (question, value) of an epoch


class Parameter(NamedTuple):
    """One parameter. `unit` "" where it is a word."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How one rule explains one arm. `measure` works out the parameters, which costs more than the fit.

    `sharpen` are contrasts that would tell more of this rule's own parameters.
    """

    gain: float
    direction: AffectedDirections
    measure: Callable[[], Parameters] = field(default=dict, repr=False)
    sharpen: tuple[Contrast, ...] = ()


def no_call_shows_it(view: View) -> Fit | None:
    """Such a rule is named elsewhere: by `verdict.endpoints` from exchanges with hosts, by `verdict.watch`."""
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """One mechanism. `facts` are its names in the catalogue of mechanisms; `told_by` says what gives it away.

    `contrasts` separate it from rules that explain the battery as well, the most telling first; they take `patience`
    times as many packets as the calls that accused. `voids`: where it may hold, twins end like calls, and nobody is
    accused by how exactly they ended. `loses_media`: it acts on media packets and loses them, so a longer look at calls
    shows more of it.
    """

    id: str
    state: State
    facts: tuple[str, ...]
    means: str
    told_by: str
    explain: Callable[[View], Fit | None]
    parameters: tuple[Parameter, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    patience: int = 1
    voids: bool = False
    loses_media: bool = False
