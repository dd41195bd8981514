"""The last questions of a check: do calls that TURN servers of the user's relay get through?

Each question waits for allocations, which the driver makes (`probe.relays`) and tells of. One that no server allocated
for is not asked, nor are those after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from talkpath.measure.facts import Facts, RelayAttempt
from talkpath.verdict.model import PlannedEpoch
from talkpath.verdict.planner.transports import direct_path, next_relay_arm, relay_question


@dataclass(slots=True)
class RelayStage:
    """Where a check stands with its TURN servers. `wanted_port` is the responder's UDP port to which allocations are
    wanted, 0 while none are; `attempts` are all that were made."""

    wanted_port: int = 0
    attempts: tuple[RelayAttempt, ...] = ()
    _codes: tuple[str, ...] | None = field(default=None)  # the servers that are ready for the next question
    _over: bool = False

    def next_question(self, facts: Facts) -> PlannedEpoch | None:
        """The next question; None where none is left, or allocations are awaited (`wanted_port`)."""
        planned = next_relay_arm(facts)
        if planned is None or self._over:
            return None
        if self._codes is None:
            self.wanted_port = int((direct_path(facts) or "/0").partition("/")[2])
            return None
        codes, self._codes = self._codes, None
        return relay_question(facts, planned, codes)

    def allocated(self, attempts: tuple[RelayAttempt, ...]) -> None:
        """What came of the allocations. A server counts as ready where all of its own succeeded."""
        self.wanted_port = 0
        self.attempts += attempts
        failed = {attempt.relay for attempt in attempts if attempt.outcome != "allocated"}
        self._codes = tuple(dict.fromkeys(each.relay for each in attempts if each.relay not in failed))
        self._over = not self._codes

    def give_up(self) -> None:
        """No bytes or no time is left: ask no more."""
        self._over = True
