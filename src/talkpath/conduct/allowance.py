"""What a check may still spend. The plan's bytes and seconds are a hard stop, whatever the network does.

Counted is all that was sent and received, both ways, the control channel included; and of what is under way the most
that may still come: every retry, every answer, what both ends tell of it. Once an epoch is over, its true cost stands.
A question is put only where its answers will be known in time, as slowly as answers came so far.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from talkpath.experiment.budget import OPENING_BYTES
from talkpath.measure.facts import Epoch, Facts, Plan
from talkpath.probe.session import CONTRAST_GRACE_S, GRACE_RTTS, ProbeSession

LAST_BYTES, LAST_S = 16_000, 1.0  # kept for the last exchange: a digest there, a signed receipt back
RECENT = 4  # epochs whose answers tell how slow the control channel is


@dataclass(slots=True)
class Allowance:
    """Of one check. `promised_bytes`: what the far end counts, which lays epochs out as if nothing were ever lost."""

    plan: Plan
    session: ProbeSession
    started_s: float = 0.0
    promised_bytes: int = sum(OPENING_BYTES)
    end_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.end_bytes = self.plan.budget_bytes - LAST_BYTES

    @property
    def given_bytes(self) -> int:
        """What the far end gives a session."""
        return self.session.welcome.max_bytes if self.session.welcome else 0

    @property
    def spent_bytes(self) -> int:
        """And all that may still come of what is under way, and of the end."""
        session = self.session
        return session.bytes_sent + session.bytes_received + session.coming_bytes + LAST_BYTES

    @property
    def left_bytes(self) -> int:
        """Of the plan's, or of what the far end gives."""
        return min(self.plan.budget_bytes, self.given_bytes) - max(self.spent_bytes, self.promised_bytes)

    @property
    def overspent(self) -> bool:
        """Did more come than anybody could expect, as where a network delivers everything twice?"""
        return self.session.bytes_sent + self.session.bytes_received > self.end_bytes

    @property
    def stop_s(self) -> float:
        """When whatever is under way is left alone, on the clock of the check's driver."""
        return self.started_s + self.plan.budget_s - LAST_S

    @property
    def end_s(self) -> float:
        """When it is over, on the same clock."""
        return self.started_s + self.plan.budget_s

    def left_s(self, now_s: float) -> float:
        """How long the calls of the next epoch may take, if it is asked for now."""
        return self.stop_s - self._begins_s(now_s) - self._around_s()

    def less_time(self, facts: Facts, now_s: float, kept_s: float) -> Facts:
        """The facts, with a plan that ends `kept_s` before the time is over for a question that is put now."""
        ended_s = max((epoch.ended_s for epoch in facts.epochs), default=0.0)
        plan = msgspec.structs.replace(self.plan, budget_s=ended_s + self.left_s(now_s) - kept_s)
        return msgspec.structs.replace(facts, plan=plan)

    def _begins_s(self, now_s: float) -> float:
        return max(now_s, self.session.busy_until_s)

    def _around_s(self) -> float:
        """Before an epoch's first packet and after its last: asking for it, waiting for stragglers, telling."""
        recent = self.session.finished[-RECENT:]
        answer_s = max([self.session.rtt_s, *map(_answer_s, recent)])
        return 2.0 * answer_s + max(CONTRAST_GRACE_S, GRACE_RTTS * self.session.rtt_s)


def _answer_s(epoch: Epoch) -> float:
    """How long the far end's report took."""
    return epoch.known_s - epoch.cut_s
