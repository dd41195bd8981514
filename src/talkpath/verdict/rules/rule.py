"""A rule: a permanent id, its text for the specification, and how well it explains an arm.

Contract: `explain` is pure and sees only the view. For the state `restricted` a fit's `gain` is a log-likelihood above
"calls fare as their twins" (see verdict.flows.arm_view) less `PARAMETER_PRICE_NATS` for each free parameter, so the
gains of all rules can be compared. For `closed` it is the log of how unlikely the contrast is by chance, compared with
ln(m/alpha). For `unreachable` any fit is enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from talkpath.apps.contract.shape import AffectedDirections
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.model import Category, Number, State
from talkpath.wire.control.question import Question

PARAMETER_PRICE_NATS = 3.0  # nats a free parameter costs: half the log of a few hundred packets, as in the BIC
RULE_MARGIN_NATS = 2.5  # nats within which two rules explain equally well: 12 to 1
MEDIA_ONSETS = np.array([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 25, 28, 31, 35, 40, 45, 50, 60, 75, 100, 150, 200])
"""Packets, both ways, after which a middlebox may recognise a call."""
GAIN_ROUNDING_NATS = 0.01  # more than sums of gains are rounded by, for upper bounds of them
SURE_LOSS = 0.997  # the extra loss where a rule drops everything: one packet in 300 may pass

Parameters = dict[str, Number | Category]


class Parameter(NamedTuple):
    """One parameter. `unit` is "" if the value is a word."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Fit:
    """How well one rule explains one arm. `measure` estimates the parameters, which costs more than the fit. `sharpen`
    are contrasts that would narrow this rule's own parameters. `other_used`: the other direction was used enough for
    the rule to show there, so that a single direction is known to be the only one."""

    gain: float
    direction: AffectedDirections
    measure: Callable[[], Parameters] = field(default=dict, repr=False)
    sharpen: tuple[Question, ...] = ()
    other_used: bool = True


def no_call_shows_it(view: ArmView) -> Fit | None:
    """Return None: such a rule is named from exchanges with hosts or from repeated checks (`verdict.bases`)."""
    return None


@dataclass(frozen=True, slots=True)
class Rule:
    """One mechanism. `mechanisms` are its ids in spec/tp-002; `shown_by` describes which observations show it.

    `contrasts` separate it from rules that explain the baseline epochs as well, the most useful first; they take
    `patience` times as many packets as the calls that accused. `voids`: where the rule may hold, twins end like calls,
    so nobody is accused. `loses_media`: it drops media packets, so longer calls show more of it. `explain_calls`: a
    rule for `closed` may act on calls alone; how well it explains then that they fare worse than their twins.
    `at_most`: an upper bound of the gain, for a rule whose fit is dear: where other rules explain more, it is not
    fitted.
    """

    id: str
    state: State
    mechanisms: tuple[str, ...]
    means: str
    shown_by: str
    explain: Callable[[ArmView], Fit | None]
    parameters: tuple[Parameter, ...] = ()
    contrasts: tuple[Question, ...] = ()
    patience: int = 1
    voids: bool = False
    loses_media: bool = False
    explain_calls: Callable[[ArmView], Fit | None] | None = None
    at_most: Callable[[ArmView], float] | None = None
