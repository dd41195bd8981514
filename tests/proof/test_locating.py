"""Where a restriction acts, found through the lab's paths with the real engines: in virtual time here, on real sockets
in test_netns_locating.py; `python -m proof locate` prints the whole table."""

from __future__ import annotations

import pytest

from proof.locating import draw_case, locate_table, place_holds, plan_of, play_case
from talkpath.conduct.hop_questions import restricted_places
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts

ROWS = [
    # rule, path, background, app, family, exact
    ("media.drop,p=0.5,direction=up", "routers=4,at=3", "clean", "webrtc", 4, True),
    ("media.drop,p=0.5,direction=down", "routers=5,at=2", "clean", "signal", 6, True),
    ("stun.drop", "routers=3,at=1", "clean", "webrtc", 4, True),
    ("media.freeze,after_packets=30,direction=up", "routers=4,at=5", "clean", "whatsapp", 4, True),
    ("reflector.drop", "routers=2,at=2,quoted=64", "clean", "telegram/reflector", 6, True),
    ("media.drop,p=0.6,direction=up", "routers=4,at=3,silent=3", "ge,loss=0.05", "webrtc", 4, False),
    ("media.drop,p=0.7,direction=up", "routers=5,at=4,rewrites=2", "clean", "webrtc", 4, True),
]


def played(
    rule: str, path: str, background: str = "clean", app: str = "webrtc", family: int = 4, seed: int = 11
) -> tuple[Facts, Scenario]:
    scenario = Scenario.parse(background, [rule] if rule else [], seed, family, path)
    return run_sim(plan_of(app), scenario), scenario


@pytest.mark.long
@pytest.mark.parametrize(("rule", "path", "background", "app", "family", "exact"), ROWS)
def test_the_place_is_found(rule: str, path: str, background: str, app: str, family: int, exact: bool) -> None:
    facts, scenario = played(rule, path, background, app, family)
    assert scenario.path is not None
    (place,) = restricted_places(facts)
    assert (place.why, place.located) == ("", exact)
    assert place_holds(place, scenario.path)
    assert facts.bytes_sent + facts.bytes_received <= facts.plan.budget_bytes


@pytest.mark.long
def test_where_routers_answer_little_most_places_are_named_in_both_directions() -> None:
    """20 messages a second from each: with calls as short as elsewhere none of these six places is named."""
    named = []
    for seed in (11, 12, 13):
        facts, scenario = played("media.police,kbps=12", "routers=5,at=3,icmp_per_s=20", app="whatsapp", seed=seed)
        assert scenario.path is not None
        found = restricted_places(facts)
        assert [place.direction for place in found] == ["up", "down"]
        named += [place_holds(place, scenario.path) for place in found if not place.why]
        assert facts.bytes_sent + facts.bytes_received <= facts.plan.budget_bytes
    assert all(named)
    assert len(named) >= 4


def test_behind_a_router_that_gives_hops_anew_all_is_the_far_end() -> None:
    facts, _ = played("media.drop,p=0.7,direction=up", "routers=5,at=4,rewrites=2")
    (place,) = restricted_places(facts)
    assert (place.after, place.by, place.routers) == (2, None, 2)


def test_without_a_restriction_no_packet_is_limited() -> None:
    facts, _ = played("", "routers=4")
    assert restricted_places(facts) == []
    assert not any(epoch.question.kind == "hops" for epoch in facts.epochs)


def test_delays_have_no_place() -> None:
    facts, _ = played("media.delay,ms=150", "routers=4,at=2")
    assert {place.why for place in restricted_places(facts)} == {"delays_only"}
    assert not any(epoch.question.kind == "hops" for epoch in facts.epochs)


def test_where_no_router_answers_only_the_ends_are_named() -> None:
    facts, _ = played("media.drop,p=0.6,direction=up", "routers=3,at=2,silent=1+2+3")
    (place,) = restricted_places(facts)
    assert (place.why, place.after, place.by) == ("no_answers", None, None)


def test_no_packet_goes_further_than_it_may_and_no_other_is_limited() -> None:
    facts, _ = played("media.drop,p=0.5,direction=up", "routers=4,at=3")
    for epoch in facts.epochs:
        for flow in epoch.flows:
            assert bool(flow.limited) == (epoch.question.kind == "hops" and flow.direction == "up")
            if 0 < flow.hops <= 4:
                limited = int.from_bytes(flow.limited, "little")
                assert int.from_bytes(flow.arrived, "little") & limited == 0


@pytest.mark.long
def test_drawn_cases_are_told_right_or_not_at_all() -> None:
    told = [one for seed in range(9) for one in play_case(draw_case(seed))]
    assert {one.word for one in told}.isdisjoint({"wrong"})
    assert sum(one.word == "right" for one in told) >= len(told) / 2
    assert any("right, of the places named" in line for line in locate_table(told))
