"""What control traffic beside a recorded call says of it, in sentences, and what it costs before any is sent."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from talkpath.report.words.amounts import megabytes, numeral, percent
from talkpath.report.words.language import say
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.verdict.model import Verdict

REASONS_BESIDE_CONTROL = (
    "one_call",
    "line",
    "control_poor",
    "unlike",
    "few_connections",
    "rebinding",
    "congested",
    "no_control",
)
"""Reasons that rest on control traffic beside the call."""


def control_words(verdict: Verdict) -> str:
    """How control traffic fared at the same moments, as a clause; "" where there was none, or too little."""
    lost, flows = verdict.figures.get("control_lost_down_pct"), verdict.figures.get("control_flows")
    if lost is None or flows is None:
        return ""
    return say(
        "capture",
        "{flows} control connections to another server lost {share} at the same moments",
        flows=numeral(flows),
        share=percent(lost / 100, 1),
    )


def beside_control(verdict: Verdict, beside: str, values: dict[str, str], *, is_direct: bool = False) -> str:
    """The sentence on a call that was not well, beside control traffic."""
    values = {**values, "control": beside, "mechanisms": fitting_mechanisms(verdict)}
    code = verdict.reason.code if verdict.reason else ""
    if told := _sentences_of_reasons(values).get(code):
        return told
    told = say(
        "capture",
        "{call}: {outcome}; {facts}; {control}: your line carried the same traffic. That is consistent with "
        "{mechanisms}, with trouble at the app's own servers or on the way there, and with trouble at the other "
        "person's end.",
        **values,
    )
    if is_direct:
        told = say(
            "capture",
            "{call}: {outcome}; {facts}; {control}: your line carried the same traffic. That is consistent with "
            "{mechanisms}, with trouble on the way to the other person, and with trouble at that person's end.",
            **values,
        )
    return f"{told} {_one_connection(verdict)}" if verdict.alternatives else told


def _sentences_of_reasons(values: dict[str, str]) -> dict[str, str]:
    """Reason -> the sentence where it is the line, the app's way or a single connection that explains the call."""
    return {
        "line": say("capture", "{call}: {outcome}; {facts}; {control}: it is the line, not the app.", **values),
        "control_poor": say(
            "capture", "{call}: {outcome}; {facts}; {control}: better than the call, but not well either.", **values
        ),
        "no_control": say(
            "capture",
            "{call}: {outcome}; {facts}; {control}: your line carried the same traffic. What befell the call fits no "
            "rule that is known here.",
            **values,
        ),
        "congested": say(
            "capture",
            "{call}: {outcome}; {facts}; {control}; the losses came with delay, as at a crowded server or path of the "
            "app.",
            **values,
        ),
        "unlike": say(
            "capture",
            "{call}: {outcome}; {facts}; {control}, but single ones far more: the call's connection may have been such "
            "a one.",
            **values,
        ),
        "few_connections": say(
            "capture",
            "{call}: {outcome}; {facts}; {control}: your line carried the same traffic, but over too few connections "
            "to tell. A router that treats this one connection worse than others would look the same.",
            **values,
        ),
        "rebinding": say(
            "capture",
            "{call}: {outcome}; {facts}; {control}, but the line moved some of them to other ports or addresses: a "
            "call may not survive that.",
            **values,
        ),
    }


def _one_connection(verdict: Verdict) -> str:
    """What else befalls a single connection while others are well: a translator's table that is full, a bad link among
    several that connections are spread over."""
    if verdict.alternatives[0] == "media.freeze":
        return say("capture", "A router that forgot this one connection would look the same.")
    return say("capture", "A router that treats this one connection worse than others would look the same.")


def fitting_mechanisms(verdict: Verdict) -> str:
    """The mechanisms that fit, as clauses."""
    clauses = (mechanism_clause(replace(verdict, rule=rule)) for rule in verdict.alternatives)
    rules = (say("capture", "a rule by which {mechanism}", mechanism=clause) for clause in clauses)
    return say("list", " or ").join(rules)


VOICE_PACKETS_S, VOICE_BYTES = 50.0, 110
"""Usual voice; a call with fewer packets costs less, and no more than 100 a second are imitated."""


class ControlPlan(NamedTuple):
    """Bytes of IP packets a minute, both ways together, for usual voice; `flows` at a time go over `connections` in a
    call, one after another."""

    flows: int
    packets_s: float
    bytes_minute: int
    connections: int


def control_plan(flows: int, family: int = 4) -> ControlPlan:
    """Return what so many control flows cost beside a voice call."""
    from talkpath.experiment.budget import IP_UDP_BYTES  # what it imports, no recording's sentences need
    from talkpath.experiment.control_packets import MAX_CONTROL_CONNECTIONS

    each = VOICE_BYTES + IP_UDP_BYTES[family]
    return ControlPlan(flows, VOICE_PACKETS_S, round(2 * 60 * VOICE_PACKETS_S * flows * each), MAX_CONTROL_CONNECTIONS)


def plan_words(plan: ControlPlan) -> str:
    """Say it in a sentence."""
    cost = say(
        "listen",
        "While a call goes on, {flows} connections to the test server of the link carry random bytes as long as its "
        "packets, at the same moments, both ways: about {amount} a minute for a voice call. Nothing is sent at other "
        "times.",
        flows=numeral(plan.flows),
        amount=megabytes(plan.bytes_minute),
    )
    fresh = say(
        "listen",
        "Most of them change to fresh ones every two seconds, {connections} in all at most: some routers neglect "
        "single connections, and a call has one.",
        connections=numeral(plan.connections),
    )
    return f"{cost} {fresh}"
