"""A check that is void since packets left too late names the end that was late, if it was one of them alone."""

from __future__ import annotations

import pytest

from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Facts, Health
from talkpath.verdict.validity import late_for_delays, why_voided

PLAN = make_plan(choose_arms(["webrtc"]))


@pytest.mark.parametrize(
    ("probe_ms", "responder_ms", "at"),
    [
        (1.0, 200.0, "responder"),
        (200.0, 1.0, "probe"),
        (200.0, 200.0, None),
        (40.0, 45.0, None),
        (None, None, None),
        (1.0, None, None),
    ],
)
def test_the_end_that_was_late_is_named(probe_ms: float | None, responder_ms: float | None, at: str | None) -> None:
    health = Health(late_ms_p99=100.0, probe_late_ms_p99=probe_ms, responder_late_ms_p99=responder_ms)
    reason = why_voided(Facts(PLAN, health=health))
    assert reason is not None
    assert reason.code == "late"
    assert reason.values.get("at") == at


def test_for_delays_the_bound_is_a_stricter_one() -> None:
    health = Health(late_ms_p99=10.0, probe_late_ms_p99=1.0, responder_late_ms_p99=20.0)
    facts = Facts(PLAN, health=health)
    assert late_for_delays(facts).values == {"late_ms_p99": 10.0, "at": "responder"}
