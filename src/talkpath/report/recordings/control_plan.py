"""What control traffic beside a call costs, before any is sent."""

from __future__ import annotations

from typing import NamedTuple

from talkpath.experiment.budget import IP_UDP_BYTES
from talkpath.experiment.control_packets import MAX_CONTROL_CONNECTIONS
from talkpath.report.words.amounts import megabytes, numeral
from talkpath.report.words.language import say

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
