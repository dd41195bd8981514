"""Decides whether a proposition holds on one network: yes, no, or None where too little was measured.

Only restricted days within an event of level `confirmed` or better count as restricted; others are doubtful, and a
doubtful network is neither. `impaired` and `closed` are said of a network only where several reports, and most of them,
say so: one bad Wi-Fi or one company's firewall says nothing about a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from talkpath.observatory.claims.grammar import Proposition
from talkpath.observatory.events.network_days import NetworkDay
from talkpath.observatory.events.record import LAST_DAY, UNNAMED_RULE, Event, restricted_spans

SEVERAL = 3
BLOCKED_P = 0.95
SETUP_RULES = frozenset(
    ("stun.drop", "dtls.hello_drop", "reflector.drop", "address.block", "allowlist", "dns.remove", "signalling.block")
)


@dataclass(frozen=True)
class NetworkEvidence:
    """What was measured of one app and medium on one network: days within the window, and events of all time."""

    name: str
    held: Proposition
    days: Sequence[NetworkDay]
    events: Sequence[Event]

    @property
    def restricted(self) -> list[NetworkDay]:
        """Days within an event, with the rules and the direction that the predicate asks for."""
        return [day for day in self._accused if self._asked_for(day)]

    @property
    def otherwise(self) -> bool:
        """Whether it is restricted only by other rules, or in another direction, than the predicate asks for."""
        named = [day for day in self._accused if set(day.rules) - {UNNAMED_RULE}]
        return bool(named) and not self.restricted

    @property
    def doubtful(self) -> bool:
        """Whether reports say restricted, but no confirmed event contains them."""
        return any(day.restricted for day in self.days) and not self._accused

    @property
    def fine(self) -> bool:
        """Whether there are reports of `ok`, and none of `restricted`."""
        return any(day.ok for day in self.days) and not any(day.restricted for day in self.days)

    def mostly(self, state: str) -> bool:
        """Whether several reports, and most of all, have this state."""
        own = sum(int(getattr(day, state)) for day in self.days)
        return own >= SEVERAL and 2 * own > sum(day.count for day in self.days)

    @property
    def severity(self) -> float | None:
        """The share of packets dropped, 1 where no call is set up; None where no rule gives a share."""
        if self.blocked:
            return 1.0
        shares = [p for day in self.restricted for p in day.ps]
        return median(shares) if shares else None

    @property
    def blocked(self) -> bool:
        """Whether calls are blocked (spec/tp-009-predicate.md): restricted with p >= 0.95, or no set-up."""
        shares = [p for day in self.restricted for p in day.ps]
        rules = self.rules
        return bool(rules and rules <= SETUP_RULES) or bool(shares and median(shares) >= BLOCKED_P)

    @property
    def rules(self) -> set[str]:
        """The rules that reports name."""
        return {rule for day in self.restricted for rule in day.rules} - {UNNAMED_RULE}

    def began(self) -> bool | None:
        """Whether a restriction began or changed within the predicate's time.

        No, where it began before and continued, or after; no, where the network was fine.
        """
        ends = {event.began: event.onset_high for event in self.events if event.kind == "ended"}
        found = self._onsets("began", "changed")
        found = [event for event in found if ends.get(event.began or event.id, LAST_DAY) >= self.held.begin]
        return any(map(self._within, found)) if found else (False if self.fine else None)

    def ended(self) -> bool | None:
        """Whether a restriction ended within the predicate's time. One that continues may still end."""
        found = self._onsets("ended")
        return any(map(self._within, found)) if found else None

    def _onsets(self, *kinds: str) -> list[Event]:
        """Confirmed events whose onset is known well enough to lie within, before or after the time."""
        found = [event for event in self.events if event.kind in kinds and event.level != "signal"]
        found = [event for event in found if event.onset_low is not None or event.onset_high <= self._until]
        return [event for event in found if not self.held.rules or event.rule in self.held.rules]

    @property
    def _until(self) -> str:
        return self.held.until or LAST_DAY

    def _within(self, event: Event) -> bool:
        low = event.onset_low
        return event.onset_high >= self.held.begin and (low is None or low < self._until)

    @property
    def _accused(self) -> list[NetworkDay]:
        inside = list(restricted_spans(self.events))
        return [day for day in self.days if day.restricted and any(low <= day.day <= high for low, high in inside)]

    def _asked_for(self, day: NetworkDay) -> bool:
        held = self.held
        ruled = not held.rules or bool(set(held.rules) & set(day.rules))
        return ruled and (not held.way or held.way in day.ways)


def holds_on(network: NetworkEvidence) -> bool | None:
    """Whether the proposition holds on this network; None where too little was measured."""
    word = network.held.word
    if word in ("BEGAN", "ENDED"):
        return network.began() if word == "BEGAN" else network.ended()
    if network.doubtful:
        return None
    accused, poor, shut = bool(network.restricted), network.mostly("impaired"), network.mostly("closed")
    if word == "CLOSED":
        return shut or (False if network.fine or accused else None)
    if word == "OK":
        return False if accused or poor or shut else network.fine or None
    if word == "BLOCKED":
        return network.blocked or (False if network.rules or network.fine else None)
    if word == "RESTRICTED":
        return accused or (False if network.fine or network.otherwise else None)
    return accused or poor or (False if network.fine or network.otherwise else None)
