"""Prepares one arm's facts for the rules: its epochs of every question, and their losses.

A named rule never accuses by itself: the e-value does that first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from statistics import median

from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm, Direction
from talkpath.measure.facts import Epoch, Facts
from talkpath.verdict.flows.direction_losses import DirectionLosses, losses_of
from talkpath.verdict.statistics import loss
from talkpath.verdict.statistics.cohort import DIRECTIONS, GENTLE, is_gentle
from talkpath.verdict.statistics.interval import ROLE_PAIRS, loss_rate
from talkpath.wire.control.question import (
    ACCUSING,
    COMPARING,
    LIVING,
    AnyQuestion,
    LongCalls,
    QuestionKind,
    QuietCalls,
    is_asked,
)

WORSE_LOG_E, WORSE_LOSS = log(5.0), 0.005


@dataclass(frozen=True, eq=False)
class ArmView:
    """One arm: its epochs of every question, and the facts of the whole check. `directions` are those considered;
    `left_out` are (epoch, flow) of calls that are no evidence (see `flows.calls_left_out`). The calls that
    live through the check are apart, in `all_long` and `all_quiet` (of all arms): they have twins of other arms, or
    none, and only screen. `in_force`: only losses within these spans (seconds of the check) count; all if there are
    none."""

    facts: Facts
    epochs: tuple[Epoch, ...]
    arm: Arm | None = None
    all_long: tuple[Epoch, ...] = ()
    all_quiet: tuple[Epoch, ...] = ()
    directions: tuple[Direction, ...] = DIRECTIONS
    left_out: frozenset[tuple[int, int]] = frozenset()
    in_force: tuple[tuple[float, float], ...] = ()

    @cached_property
    def losses(self) -> tuple[DirectionLosses, ...]:
        """The losses in each direction of every epoch that has calls beside twins."""
        of_epochs = (losses_of(epoch, self.left_out_of(epoch)) for epoch in self.explained)
        chosen = (losses for both in of_epochs for losses in both if losses.direction in self.directions)
        return tuple(losses.within(self.in_force) if self.in_force else losses for losses in chosen)

    def left_out_of(self, epoch: Epoch) -> frozenset[int]:
        """Return the epoch's flows that are no evidence."""
        return frozenset(flow for number, flow in self.left_out if number == epoch.number)

    @cached_property
    def explained(self) -> tuple[Epoch, ...]:
        """The epochs that hold calls beside twins over UDP; of a `gentle` arm only the gentle ones."""
        return self._unspoilt(COMPARING)

    @cached_property
    def accusing(self) -> tuple[Epoch, ...]:
        """The epochs that may bear on `restricted`; of a `gentle` arm only the gentle ones."""
        return self._unspoilt(ACCUSING)

    def _unspoilt(self, kinds: tuple[QuestionKind, ...]) -> tuple[Epoch, ...]:
        every = (epoch for epoch in self.epochs if isinstance(epoch.question, kinds) and not epoch.missing)
        return tuple(epoch for epoch in every if is_gentle(epoch) or not self.gentle)

    @cached_property
    def gentle(self) -> bool:
        """Whether the check's own load spoilt its usual epochs, so that others had hardly any calls at once."""
        return any(epoch.question == GENTLE and not epoch.missing for epoch in self.epochs)

    @cached_property
    def long(self) -> tuple[Epoch, ...]:
        """The arm's own calls that live through the check."""
        return tuple(epoch for epoch in self.all_long if epoch.arm == self.arm)

    @cached_property
    def quiet(self) -> tuple[Epoch, ...]:
        """The arm's own quiet calls, which live as long."""
        return tuple(epoch for epoch in self.all_quiet if epoch.arm == self.arm)

    @cached_property
    def every_epoch(self) -> tuple[Epoch, ...]:
        """All epochs of the check, of every arm; the calls that live through it included."""
        return self.facts.epochs + self.all_long + self.all_quiet

    def asked(self, wanted: AnyQuestion | QuestionKind, packets: int = 0) -> int:
        """Count the epochs of that question, or of that kind of questions, with at least so many media packets."""
        return sum(
            is_asked(e.question, wanted) and e.up.stage.count("media") >= packets
            for e in (*self.epochs, *self.long, *self.quiet)
        )

    @cached_property
    def worse(self) -> tuple[Direction, ...]:
        """Return the directions in which calls lose more by the exact test too; all of them if none shows it.
        Policers and queues give slots their own loss pattern, and a rule with a pattern fits some of it in the
        other direction."""
        return (
            tuple(direction for direction in self.directions if _loses_more(self.accusing, direction))
            or self.directions
        )

    @property
    def header_bytes(self) -> int:
        """IP and UDP headers of one packet (RFC 791, 8200, 768)."""
        return 48 if self.facts.family == 6 else 28


def _loses_more(epochs: Sequence[Epoch], direction: Direction) -> bool:
    """Whether calls lose more over all flows, or in most epochs: in a few epochs all outliers may be twins."""
    if loss.loss_log_e(epochs, direction) < WORSE_LOG_E:
        return False
    return (
        max(_excess_loss(epochs, direction), median(_excess_loss([epoch], direction) for epoch in epochs)) >= WORSE_LOSS
    )


def _excess_loss(epochs: Sequence[Epoch], direction: Direction) -> float:
    """Return the loss rate of calls minus that of twins."""
    calls, twins = (loss_rate(epochs, direction, role) or 0.0 for role in ROLE_PAIRS)
    return calls - twins


def arm_view(facts: Facts, arm: Arm) -> ArmView:
    """Build the view of one arm."""
    long = tuple(epoch for epoch in facts.epochs if isinstance(epoch.question, LongCalls))
    quiet = tuple(epoch for epoch in facts.epochs if isinstance(epoch.question, QuietCalls))
    if long or quiet:
        facts = replace(facts, epochs=tuple(epoch for epoch in facts.epochs if not isinstance(epoch.question, LIVING)))
    epochs = tuple(epoch for epoch in facts.epochs if epoch.arm == arm)
    return ArmView(facts=facts, epochs=epochs, arm=arm, all_long=long, all_quiet=quiet)
