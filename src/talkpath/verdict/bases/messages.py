"""Judges messages (medium text, basis signalling): exchanges with an app's hosts, each beside one with a neutral host.

There are no twins and no e-value. `restricted` needs at least REPEATS exchanges that all failed while the neutral host
answered every time; `ok` needs that all were answered. No mechanism is named. Only the lab has such exchanges: a real
check contacts no messenger's host and gives no verdict on messages.
"""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.measure.facts import Exchange, Facts
from talkpath.verdict.model import Reason, State, Verdict
from talkpath.verdict.validity import why_voided

MIN_MESSAGE_REPEATS = 3


def judge_messages(facts: Facts) -> list[Verdict]:
    """Give one verdict per app that has exchanges, in the order in which they first came."""
    neutral = [exchange for exchange in facts.exchanges if exchange.neutral]
    apps = dict.fromkeys(exchange.app for exchange in facts.exchanges if not exchange.neutral)
    return [_message_verdict(facts, app, neutral) for app in apps]


def _message_verdict(facts: Facts, app: str, neutral: Sequence[Exchange]) -> Verdict:
    own = [exchange for exchange in facts.exchanges if exchange.app == app and not exchange.neutral]
    void = why_voided(facts)
    state, reason = ("insufficient", void) if void else _message_state(own, neutral)
    known_s = max(round(each.at_s + each.took_s, 4) for each in own)
    return Verdict(
        app=app,
        variant="",
        medium="text",
        state=state,
        basis="signalling",
        decided_at_s=None if state == "insufficient" else known_s,
        known_at_s=known_s if state == "restricted" else None,
        watched_s=known_s - min(each.at_s for each in own),
        flow_count=len(own),
        reason=reason,
    )


def _message_state(own: Sequence[Exchange], neutral: Sequence[Exchange]) -> tuple[State, Reason | None]:
    answered = sum(exchange.ok for exchange in own)
    if answered == len(own):
        return "ok", None
    values = {"exchanges": len(own), "answered": answered}
    if len(neutral) < MIN_MESSAGE_REPEATS or not all(exchange.ok for exchange in neutral):
        return "insufficient", Reason("no_control", values)
    if answered or len(own) < MIN_MESSAGE_REPEATS:
        return "insufficient", Reason("single_request", values)
    return "restricted", None
