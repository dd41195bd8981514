"""`udp.freeze`: every flow is cut off at one count of packets."""

from __future__ import annotations

from random import Random

import pytest

import talkpath
from factories.checks import boxed
from factories.checks.boxed import Flow, Outcome, Slot
from factories.checks.rule_cases import Case, assert_named, named_on_every_line
from talkpath.apps.contract.shape import Arm
from talkpath.verdict.flows.arm_view import arm_view
from talkpath.verdict.rules import udp_freeze

CASES = [
    Case("webrtc", "both", boxed.freeze_after(25, whom=boxed.is_udp), {"after_packets": 25}),
    Case("whatsapp", "both", boxed.freeze_after(40, whom=boxed.is_udp), {"after_packets": 40}),
    Case("webrtc", "down", boxed.freeze_after(30, direction="down", whom=boxed.is_udp), {"after_packets": 30}),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("udp.freeze", case, line)


def test_where_only_calls_end_nothing_is_closed() -> None:
    facts = boxed.play_check(boxed.Line([boxed.freeze_after(25)], seed=2))
    assert [udp_freeze.epoch_silence(epoch) for epoch in facts.epochs] == [None] * len(facts.epochs)


@pytest.mark.long
def test_calls_of_two_apps_that_end_in_one_moment_share_no_count() -> None:
    """All UDP stops at 0.4 s, while the calls of one app have sent more packets than those of the next."""
    result = talkpath.simulate("udp.block,from_s=0.4", seed=1)
    assert {(verdict.state, verdict.rule) for verdict in result.verdicts} == {("closed", "udp.block")}


@pytest.mark.parametrize("direction", ["up", "down"])
def test_after_an_outage_the_silence_keeps_the_direction_that_it_had(direction: str) -> None:
    """Flows that are dead from their first packet on, and later are not: no count explains that. What is left names the
    one direction in which they went silent."""
    cut_off = boxed.freeze_after(25, direction=direction, whom=boxed.is_udp)

    def with_an_outage(rng: Random, flow: Flow, now_s: float, way: str, slot: Slot) -> Outcome:
        return None if 3.0 < now_s < 6.0 else cut_off(rng, flow, now_s, way, slot)

    facts = boxed.play_check(boxed.Line([with_an_outage], seed=2))
    fit = udp_freeze.explain(arm_view(facts, Arm("webrtc", "webrtc", "voice")))
    assert fit is not None
    assert (fit.gain, fit.direction) == (0.0, direction)
