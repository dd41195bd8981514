"""How many of the plan's bytes and seconds a check has left. Both are hard limits, whatever the network does.

Bytes of both directions count, those of the control channel included. An epoch that still runs counts with the most
that it may cost: every retry, every answer, and both reports. Once it is over, its true cost counts.
A question is asked only where its answers will arrive in time, if the far end answers as slowly as it did recently.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from talkpath.experiment.budget import OPENING_BYTES
from talkpath.experiment.plan import relays_cost
from talkpath.measure.facts import Epoch, Facts, Plan
from talkpath.probe.epochs import CONTRAST_GRACE_S, GRACE_RTTS
from talkpath.probe.session import ProbeSession

LAST_BYTES, LAST_S = 8_000, 1.0  # kept for the last exchange: a digest there, a signed receipt of all epochs back
RECENT_EPOCHS = 4  # the last epochs, whose answers tell how slow the control channel is


@dataclass(slots=True)
class RemainingBudget:
    """What one check may still spend. `promised_bytes` is the far end's count: epochs as if no packet were lost.
    `receipt_bytes` are those of the epochs so far in the last answer. `kept_bytes` and `kept_s` are for calls that TURN
    servers relay, which are asked about at the end."""

    plan: Plan
    session: ProbeSession
    started_s: float = 0.0
    promised_bytes: int = sum(OPENING_BYTES)
    receipt_bytes: int = 0
    kept_bytes: int = field(init=False)
    kept_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.kept_bytes, self.kept_s = relays_cost(self.plan)

    @property
    def given_bytes(self) -> int:
        """The bytes that the far end gives to a session."""
        return self.session.welcome.max_bytes if self.session.welcome else 0

    @property
    def spent_bytes(self) -> int:
        """What was spent, and the most that running epochs and the last exchange may still cost."""
        epochs = self.session.epochs
        return epochs.bytes_sent + epochs.bytes_received + epochs.coming_bytes + self.last_bytes + self.kept_bytes

    @property
    def last_bytes(self) -> int:
        """What is kept for the last exchange."""
        return LAST_BYTES + self.receipt_bytes

    @property
    def left_bytes(self) -> int:
        """The bytes left, of the plan's limit or of the far end's, whichever is less."""
        of_far_end = self.given_bytes - self.promised_bytes - self.kept_bytes
        return min(self.plan.budget_bytes - self.spent_bytes, of_far_end)

    @property
    def overspent(self) -> bool:
        """Whether more arrived than was expected at the most, as where a network delivers everything twice."""
        epochs = self.session.epochs
        return epochs.bytes_sent + epochs.bytes_received > self.plan.budget_bytes - self.last_bytes

    @property
    def stop_s(self) -> float:
        """When running epochs are abandoned, on the clock of the check's driver."""
        return self.started_s + self.plan.budget_s - LAST_S

    @property
    def end_s(self) -> float:
        """When the check is over, on the same clock."""
        return self.started_s + self.plan.budget_s

    def left_s(self, now_s: float) -> float:
        """How long the calls of the next epoch may take, if it is requested now."""
        return self.stop_s - max(now_s, self.session.epochs.busy_until_s) - self._overhead_s() - self.kept_s

    def give_back(self) -> None:
        """Nothing is kept any more: the calls that it is kept for are asked about."""
        self.kept_bytes, self.kept_s = 0, 0.0

    def with_less_time(self, facts: Facts, now_s: float, kept_s: float) -> Facts:
        """The facts, with a plan that ends `kept_s` before the time is over for a question that is asked now."""
        ended_s = max((epoch.ended_s for epoch in facts.epochs), default=0.0)
        plan = msgspec.structs.replace(facts.plan, budget_s=ended_s + self.left_s(now_s) - kept_s)
        return msgspec.structs.replace(facts, plan=plan)

    def _overhead_s(self) -> float:
        """Time around an epoch's packets: the request, the wait for late packets, the reports."""
        recent = self.session.epochs.finished[-RECENT_EPOCHS:]
        answer_s = max([self.session.rtt_s, *map(_answer_s, recent)])
        return 2.0 * answer_s + max(CONTRAST_GRACE_S, GRACE_RTTS * self.session.rtt_s)


def _answer_s(epoch: Epoch) -> float:
    """How long the far end's report took."""
    return epoch.known_s - epoch.cut_s
