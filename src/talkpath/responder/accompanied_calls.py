"""The calls of one session's user beside which control traffic runs, one at a time (spec/tp-005)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from talkpath.experiment.control_packets import Tags, control_key
from talkpath.responder.control_flows import Afford, ControlFlows
from talkpath.responder.limits import Limits
from talkpath.responder.shared import RefusedError
from talkpath.wire.control.messages import Accompany, Conclude, Counts, Pattern, Ready

OUT_OF_ORDER = "Control traffic runs beside one call at a time, each with a new number."
TOO_MUCH = "That is more control traffic than this responder takes."


class ControlTable(Protocol):
    """Where the packets of control flows are found and sent (`FlightTable`)."""

    control_tags: Tags[ControlFlows]

    def add_control(self, control: ControlFlows) -> None:
        """From now on these flows send."""

    def take_pattern(self, now_s: float, control: ControlFlows, pattern: Pattern) -> None:
        """Take a piece of the pattern that they send back."""

    def end_control(self, control: ControlFlows) -> None:
        """They have ended."""


@dataclass(slots=True)
class AccompaniedCalls:
    """`afford` spends the session's bytes. What is out of order, or too much, is a `RefusedError`."""

    table: ControlTable
    limits: Limits
    draw: Callable[[int], bytes]
    afford: Afford
    numbers: set[int] = field(default_factory=set)
    _running: tuple[int, ControlFlows] | None = None

    def answer(self, now_s: float, key: bytes, message: Accompany | Pattern | Conclude) -> Ready | Counts | None:
        """Take one message; return its answer."""
        running = self._running if self._running and self._running[0] == message.number else None
        match message:
            case Accompany():
                return self._begin(key, message)
            case Pattern():
                if running:
                    self.table.take_pattern(now_s, running[1], message)
                return None
            case Conclude(number=number):
                if running is None:
                    raise RefusedError("order", "Conclude comes once for each call that was begun.")
                self.end()
                return Counts(number, running[1].counts())

    def _begin(self, key: bytes, message: Accompany) -> Ready:
        number, flows, limits = message.number, message.flows, self.limits
        if self._running or number in self.numbers:
            raise RefusedError("order", OUT_OF_ORDER)
        if not 1 <= flows <= limits.control_flows or len(self.numbers) >= limits.accompanied_calls:
            raise RefusedError("budget", TOO_MUCH)
        control = ControlFlows(control_key(key, number), flows, self.table.control_tags, self.draw, self.afford)
        self.table.add_control(control)
        self._running = number, control
        self.numbers.add(number)
        return Ready(number)

    def end(self) -> None:
        """End what runs."""
        if self._running is not None:
            self.table.end_control(self._running[1])
            self._running = None
