"""Where calls' media fare as their twins', the sentence tells the packets that the test counted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from factories.checks.lab_checks import lab_check
from talkpath.apps.contract.shape import Direction
from talkpath.measure.bitmap import unpack_bitmap
from talkpath.measure.facts import Epoch, Facts, Observation
from talkpath.report.words.sentences import verdict_lines
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Verdict

Change = Callable[[Epoch, Observation], Observation]


def with_calls(change: Change) -> Facts:
    """A check on a clean network, in which something befell every call."""
    facts = lab_check(3, "clean")
    return replace(
        facts,
        epochs=tuple(
            replace(e, flows=tuple(change(e, flow) if flow.role == "call" else flow for flow in e.flows))
            for e in facts.epochs
        ),
    )


def without_reports(direction: Direction) -> Change:
    """A rule that drops only keepalives and reports (RTCP)."""

    def change(epoch: Epoch, flow: Observation) -> Observation:
        if flow.direction != direction:
            return flow
        stages = (epoch.up if direction == "up" else epoch.down).stage
        left = unpack_bitmap(flow.arrived, len(stages)) & np.array([stage != "control" for stage in stages])
        return replace(flow, arrived=np.packbits(left, bitorder="little").tobytes())

    return change


def unanswered(epoch: Epoch, flow: Observation) -> Observation:
    return replace(flow, answered=dict.fromkeys(flow.answered, False))


def told(change: Change) -> tuple[Verdict, str]:
    (verdict,) = judge_facts(with_calls(change))
    assert verdict.state == "restricted"
    return verdict, verdict_lines(verdict)[0]


@pytest.mark.long
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_rule_that_drops_reports_alone_is_told_by_the_reports(direction: Direction):
    verdict, observed = told(without_reports(direction))
    figures = verdict.figures
    count = figures[f"calls_reports_{direction}"]
    assert count
    assert (figures[f"calls_reports_{direction}_failed"], figures[f"twins_reports_{direction}_failed"]) == (count, 0.0)
    assert f"{count:.0f} of {count:.0f}; of control traffic in their place: 0 of" in observed
    assert "0 of 100" not in observed


def test_set_ups_that_are_not_answered_are_told_by_the_set_ups():
    verdict, observed = told(unanswered)
    assert verdict.figures["calls_set_ups"] == verdict.figures["calls_set_ups_failed"]
    assert verdict.figures["twins_set_ups_failed"] == 0.0
    assert "0 of 100" not in observed


def test_media_that_tell_need_nothing_beside_them():
    (verdict,) = judge_facts(lab_check(3, "clean", "media.drop,app=webrtc,p=0.5"))
    assert verdict.state == "restricted"
    assert not [name for name in verdict.figures if name.startswith(("calls_reports", "calls_set_ups", "calls_flows"))]
