"""Rules at hops of their own: which packets meet which box, and the hop that is named for each of two rules."""

from __future__ import annotations

import pytest

from talkpath.errors import UsageError
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.network import LabNetwork
from talkpath.lab.own_addresses import OwnAddressCase, WaySettings, ask_own_addresses
from talkpath.lab.path.link import DROP, LAB_PROBE, PASS, RESPONDER
from talkpath.lab.path.routers import RouterPath
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.restrictor.engine import Boxes
from talkpath.lab.scenario import Scenario
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.model import Category, Number, Verdict
from talkpath.wire.ip.packets import build_udp

PROBE_END, OTHER_END = LAB_PROBE.address(4, 40000), RESPONDER.address(4, 3478)
UP, DOWN = build_udp(PROBE_END, OTHER_END, bytes(100)), build_udp(OTHER_END, PROBE_END, bytes(100))


def boxes(*rules: str, at: int = 0) -> Boxes:
    return Boxes([parse_rule(rule) for rule in rules], 1, at)


@pytest.mark.parametrize("at", range(1, 6))
def test_a_box_is_met_behind_the_routers_before_it(at: int) -> None:
    for one in (boxes("udp.block", at=at), boxes(f"udp.block,hop={at}", at=1)):
        assert [one.fate(0.0, True, UP, router) == DROP for router in (1, 2, 3, 4, None)] == [
            number >= at for number in range(1, 6)
        ]
        assert [one.fate(0.0, False, DOWN, router) == DROP for router in (4, 3, 2, 1, None)] == [
            number < at for number in range(4, -1, -1)
        ]


def test_what_one_box_drops_the_next_never_sees() -> None:
    both = boxes("udp.block,hop=2,direction=up", "udp.block,hop=4")
    assert both.fate(0.0, True, UP) == both.fate(0.0, False, DOWN) == DROP
    assert {number: count for (number, *_), count in both.hits.items()} == {0: 1, 1: 1}
    assert both.fate(0.0, True, UP, 1) == PASS


def test_two_boxes_delay_a_packet_together_and_draw_as_one_would() -> None:
    rules = ("media.delay,to=app,whose=any,ms=40", "udp.block,direction=down")
    apart = Boxes([parse_rule(f"{rule},hop={hop}") for rule, hop in zip(rules, (3, 2), strict=True)], 1)
    together = boxes(*rules)
    for up, packet in ((True, UP), (False, DOWN)):
        assert apart.fate(0.0, up, packet) == together.fate(0.0, up, packet) == together.through(0.0, up, packet)


def test_a_network_drops_by_hop_and_counts_by_rule() -> None:
    rules = [parse_rule("udp.block,hop=2,direction=up"), parse_rule("port.block,port=3478,hop=4")]
    network = LabNetwork(parse_background("clean"), rules, 1, RouterPath(4, 1))
    assert network.offer(0.0, "up", UP) == []
    assert network.offer(0.0, "down", DOWN) == []
    assert {rule for rule, *_ in network.hits} == {"udp.block", "port.block"}


@pytest.mark.parametrize("path", [None, "routers=3"])
def test_a_hop_needs_a_router_there(path: str | None) -> None:
    with pytest.raises(UsageError, match="router 5"):
        Scenario.parse("clean", ["udp.block,hop=5"], path=path)


def test_the_only_rules_own_hop_is_the_place_of_its_path() -> None:
    path = Scenario.parse("clean", ["udp.block,hop=4"], path="routers=4,at=1").path
    assert path is not None
    assert path.at == 4


def hop_of(verdict: Verdict) -> tuple[float, float]:
    hop = verdict.parameters["hop"]
    assert isinstance(hop, Number)
    return hop.low or 0.0, hop.high or 0.0


@pytest.mark.parametrize("hops", [(2, 4), (4, 2)])
def test_each_of_two_rules_is_named_with_its_own_hop(hops: tuple[int, int]) -> None:
    first, second = hops
    rules = (
        f"media.drop,app=telegram,to=app,p=0.8,hop={first}",
        f"address.block,app=signal,to=app,hop={second}",
    )
    case = OwnAddressCase(
        3,
        parse_background("clean"),
        WaySettings(trunk=5, at=1),
        tuple(map(parse_rule, rules)),
        others=("signal",),
    )
    facts, network = ask_own_addresses(case)
    found = {verdict.app: verdict for verdict in judge_own_addresses(facts) if verdict.medium == "voice"}
    assert [(found[app].state, found[app].rule, found[app].alternatives) for app in ("telegram", "signal")] == [
        ("restricted", "media.drop", ()),
        ("insufficient", None, ("address.block",)),  # whatever is sent there: a bad route looks the same
    ]
    assert [found[app].parameters["bound_to"] for app in ("telegram", "signal")] == [
        Category("both"),
        Category("address"),
    ]
    for app, own, other in (("telegram", first, second), ("signal", second, first)):
        low, high = hop_of(found[app])
        assert low <= own <= high
        assert not low <= other <= high
    assert max(len(came) for came in network.arrived.values()) <= 30
