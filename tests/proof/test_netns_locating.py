"""Hops on real sockets: `talkpath check` with a plan that locates, TTL and error queue of the kernel, both families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proof.locating import place_holds, plan_of
from talkpath.conduct.hop_questions import restricted_places
from talkpath.lab.drivers.run import run_netns
from talkpath.lab.scenario import Scenario
from talkpath.verdict.validity import why_voided

InLab = Callable[..., Any]

TRIES = 4  # as in test_netns_rows.py


def located(rule: str, path: str, family: int, seed: int) -> dict[str, Any]:
    """One check in the lab's namespace. `void`: this machine was too late for a verdict, or found nothing in time."""
    scenario = Scenario.parse("clean", [rule], seed, family, path)
    facts = run_netns(plan_of("webrtc"), scenario)
    found = restricted_places(facts)
    assert scenario.path is not None
    return {
        "void": why_voided(facts) is not None or not found or all(place.why == "budget" for place in found),
        "right": [place.why or place_holds(place, scenario.path) for place in found],
        "kinds": sorted({kind for place in found for kind in place.kinds.values()}),
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "path", "family"),
    [("stun.drop", "routers=3,at=2", 4), ("media.drop,p=0.7,direction=down", "routers=3,at=3,quoted=64", 6)],
)
def test_the_place_is_found_on_real_sockets(in_lab: InLab, rule: str, path: str, family: int) -> None:
    for seed in range(TRIES):
        found = in_lab(located, rule, path, family, seed)
        if not found["void"]:
            break
    if found["void"]:
        pytest.skip(f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet")
    assert found["right"] == [True]
    assert set(found["kinds"]) <= {"home", "provider", "public"}
    assert len(found["kinds"]) >= 2
