"""Scores the questions to an app's own addresses over many drawn networks: false words, right rules, right bindings."""

from __future__ import annotations

from typing import NamedTuple

from proof.app_servers.drawing import DrawnCase
from talkpath.lab.own_addresses import ask_own_addresses, is_greeting
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.model import Category, Number


class PlayedCase(NamedTuple):
    """What was said of one case. `state` and `why` of the verdict about calls; `strays`: packets other than greetings
    that reached a server; `most_greetings` that reached one."""

    drawn: DrawnCase
    state: str
    why: str
    rule: str
    bound: str
    direction: str
    hop: tuple[float, float]
    answered: bool
    strays: int
    most_greetings: int
    seconds: float
    bytes_sent: int

    @property
    def right(self) -> bool:
        """Whether the rule and what it is bound to are right; of addresses alone, as what fits."""
        said = (self.why or self.state, self.rule, self.bound)
        return said == ("routes" if self.drawn.bound == "address" else "restricted", self.drawn.rule, self.drawn.bound)


def play_case(drawn: DrawnCase) -> PlayedCase:
    """Play one case and judge it."""
    facts, network = ask_own_addresses(drawn.case)
    verdict = next(verdict for verdict in judge_own_addresses(facts) if verdict.medium == "voice")
    bound, hop = verdict.parameters.get("bound_to"), verdict.parameters.get("hop")
    trials = [epoch for epoch in facts.epochs if epoch.carries == "call"]
    return PlayedCase(
        drawn=drawn,
        state=verdict.state,
        why=verdict.reason.code if verdict.reason else "",
        rule=verdict.rule or (verdict.alternatives[0] if bound else ""),
        bound=bound.value if isinstance(bound, Category) else "",
        direction="up" if bound else verdict.direction or "",
        hop=(hop.low or 0.0, hop.high or 0.0) if isinstance(hop, Number) else (0.0, 0.0),
        answered=any(not epoch.missing for epoch in facts.epochs) or not trials,
        strays=sum(not is_greeting(data) for came in network.arrived.values() for data in came),
        most_greetings=max(len(came) for came in network.arrived.values()),
        seconds=facts.duration_s,
        bytes_sent=facts.bytes_sent,
    )
