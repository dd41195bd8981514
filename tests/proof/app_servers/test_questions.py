"""The questions to an app's own addresses over drawn networks: no false word, the right rule, nothing that arrives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proof.app_servers.drawing import DrawnCase, draw_innocent, draw_restricted
from proof.app_servers.score import play_case
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.own_addresses import OwnAddressCase, WaySettings, WayTo, ask_own_addresses, is_greeting
from talkpath.lab.restrictor import parse_rule
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.model import Category, Number, Verdict

DEAD = {f"relay{n}": WayTo(dead=True) for n in (1, 2, 3)}


def said(facts: EndpointFacts) -> Verdict:
    (found,) = [verdict for verdict in judge_own_addresses(facts) if verdict.medium == "voice"]
    return found


def asked(*rules: str, background: str = "clean", family: int = 4, seed: int = 1, **ways: object) -> Verdict:
    """Ask over one network; whatever it is, nothing but greetings arrives, and no server gets more than 30."""
    case = OwnAddressCase(
        seed,
        parse_background(background),
        WaySettings(**ways),  # type: ignore[arg-type]
        tuple(map(parse_rule, rules)),
        family=family,
    )
    facts, network = ask_own_addresses(case)
    assert all(is_greeting(data) for came in network.arrived.values() for data in came)
    assert max(len(came) for came in network.arrived.values()) <= 30
    return said(facts)


@pytest.mark.parametrize(
    ("rule", "named", "bound"),
    [
        ("media.drop,app=telegram,p=0.3,to=app", "media.drop", "both"),
        ("media.drop,app=telegram,p=0.3", "media.drop", "shape"),
        ("media.drop,app=telegram,p=0.3,to=app,whose=any", "media.drop", "address"),
        ("media.drop,app=telegram,p=0.8,to=app,whose=any", "media.drop", "address"),
        ("media.freeze,app=telegram,after_packets=20,to=app", "media.freeze", "both"),
        ("media.freeze,app=telegram,after_packets=20", "media.freeze", "shape"),
        ("udp.freeze,app=telegram,after_packets=15,to=app", "udp.freeze", "address"),
        ("stun.drop,app=telegram,to=app", "stun.drop", "both"),
        ("stun.drop", "stun.drop", "shape"),
        ("address.block,app=telegram,to=app", "address.block", "address"),
    ],
)
def test_a_rule_is_named_with_what_it_is_bound_to_and_where_it_acts(rule: str, named: str, bound: str) -> None:
    found = asked(rule, at=3)
    if bound == "address":  # a bad route looks the same
        assert (found.state, found.alternatives, found.reason and found.reason.code) == (
            "insufficient",
            (named,),
            "routes",
        )
    else:
        assert (found.state, found.rule, found.direction) == ("restricted", named, "up")
    assert found.parameters["bound_to"] == Category(bound)
    hop = found.parameters["hop"]
    assert isinstance(hop, Number)
    assert hop.low is not None
    assert hop.high is not None
    assert hop.low <= 3 <= hop.high


def test_numbers_of_a_rule_hold_the_truth() -> None:
    share = asked("media.drop,app=telegram,p=0.5,to=app").parameters["p"]
    packets = asked("media.freeze,app=telegram,after_packets=17").parameters["after_packets"]
    assert isinstance(share, Number)
    assert isinstance(packets, Number)
    assert (share.low or 0.0) <= 0.5 <= (share.high or 0.0)
    assert (packets.low or 0.0) <= 17 <= (packets.high or 0.0)


@pytest.mark.parametrize("family", [4, 6])
def test_a_clean_line_is_ok_over_both_families(family: int) -> None:
    found = asked(family=family)
    assert (found.state, found.rule) == ("ok", None)
    assert found.figures["hops"] == 4
    assert found.figures["greetings_lost"] == 0.0


@pytest.mark.parametrize(
    ("ways", "why"),
    [
        ({"icmp_per_s": 1.0}, "few_answers"),  # Linux's own limit
        ({"silent": frozenset((1, 2, 3, 4))}, "few_answers"),
        ({"changes_s": 20.0}, "path_changed"),
        ({"to": DEAD}, "silent_server"),
        ({"to": {f"relay{n}": WayTo(busy=0.5) for n in (1, 2, 3)}}, "other_destination"),
        ({"to": {"relay1": WayTo(dead=True)}}, "few_answers"),
        ({"to": {f"relay{n}": WayTo(split_at=2, bad_members=1, loss=0.3) for n in (1, 2, 3)}}, "routes"),
    ],
)
def test_what_is_no_restriction_is_told_as_what_it_looks_like(ways: dict[str, object], why: str) -> None:
    found = asked(**ways)
    assert found.state != "restricted"
    assert found.reason is not None
    assert found.reason.code in (why, "silent_server")


@pytest.mark.parametrize("neutral", [1, 2])
def test_an_outage_behind_routers_that_never_answer_is_no_block(neutral: int) -> None:
    """All of the app's servers are down; behind the trunk nothing answers towards them, but it does towards others."""
    dead = {f"relay{n}": WayTo(routers=6, dead=True) for n in (1, 2, 3)}
    ways = WaySettings(trunk=3, silent_branches=frozenset(dead), to=dead | {"neutral1": WayTo(routers=6)})
    for seed in (1, 2):
        case = OwnAddressCase(seed, parse_background("clean"), ways, neutral=neutral)
        found = said(ask_own_addresses(case)[0])
        assert found.state != "restricted"
        assert found.reason is not None
        assert found.reason.code in ("few_answers", "silent_server")


@pytest.mark.parametrize("background", ["nat_symmetric", "nat_evict", "ecmp", "congestion", "ge"])
def test_a_poor_line_accuses_nobody(background: str) -> None:
    assert asked(background=background).state != "restricted"


def test_a_rule_behind_the_last_common_router_is_not_seen() -> None:
    found = asked("media.drop,app=telegram,p=0.9,to=app", trunk=4, at=5)
    assert found.state != "restricted"


@pytest.mark.long
def test_drawn_innocent_networks_say_nothing_false() -> None:
    played = [play_case(draw_innocent(seed)) for seed in range(25)]
    assert [one.drawn.case.seed for one in played if one.state == "restricted"] == []
    assert sum(one.strays for one in played) == 0
    assert {one.state for one in played} >= {"ok", "insufficient"}


@pytest.mark.long
def test_drawn_rules_are_named_rightly() -> None:
    played = [play_case(draw_restricted(seed, ("clean",))) for seed in range(20)]
    assert sum(one.right for one in played) >= 18
    assert {one.direction for one in played if one.rule} == {"up"}
    assert sum(one.strays for one in played) == 0


def test_the_same_seed_gives_the_same_facts() -> None:
    drawn: DrawnCase = draw_restricted(3, ("clean",))
    assert ask_own_addresses(drawn.case)[0] == ask_own_addresses(replace(drawn.case))[0]
