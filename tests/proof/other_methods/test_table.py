"""All methods are compared on one scenario, and the table summarises many."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from proof.other_methods import Comparison, MethodResult, compare_methods, method_ids, other_methods
from proof.other_methods.table import comparison_lines
from talkpath.apps.contract.shape import Arm
from talkpath.lab.scenario import Scenario

WEBRTC = Arm("webrtc", "dtls", "voice")


def seen(background: str, rules: tuple[str, ...], *accused: bool) -> Comparison:
    sights = tuple(MethodResult(name, said, 10.0, 2_000_000) for name, said in zip(method_ids(), accused, strict=True))
    return Comparison(str(WEBRTC), background, rules, 0, 4, sights)


def test_every_method_is_found_and_says_where_it_comes_from():
    assert method_ids() == ("talkpath", "pair", "stun", "wehe")
    assert all(peer.source and peer.name for peer in other_methods().values())


@pytest.mark.long
def test_one_scenario_past_every_method():
    found = compare_methods(Scenario.parse("clean", ("media.drop,p=0.4,direction=up",), 3), WEBRTC)
    assert found.rules == ("media.drop",)
    assert [(sight.method, sight.accused) for sight in found.sights] == [
        ("talkpath", True),
        ("pair", True),
        ("stun", False),
        ("wehe", False),
    ]
    assert all(sight.seconds > 0 and sight.bytes > 0 for sight in found.sights)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Comparison) == found
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.long
def test_the_same_seed_is_the_same_look_and_another_app_s_rule_hits_nobody():
    scenario = Scenario.parse("ge", ("media.drop,app=telegram,p=0.5",), 4, 6)
    assert compare_methods(scenario, WEBRTC) == compare_methods(scenario, WEBRTC)
    assert compare_methods(scenario, WEBRTC).rules == ()


def test_what_is_closed_by_nature_is_no_false_accusation():
    found = compare_methods(Scenario.parse("corporate", (), 1), WEBRTC)
    assert found.rules == ("udp.block",)
    assert [sight.accused for sight in found.sights] == [True, False, True, False]


def test_the_table_counts_what_is_seen_and_who_is_accused_falsely():
    looks = [
        seen("clean", ("stun.drop",), True, False, True, False),
        seen("ecmp", ("stun.drop",), True, True, True, False),
        seen("clean", ("media.drop", "media.delay"), False, True, False, True),
        seen("ecmp", (), False, True, False, False),
        seen("outage", (), False, False, True, False),
    ]
    assert comparison_lines(looks) == [
        "| | talkpath | one pair of flows | one STUN exchange | Wehe's replay pair |",
        "|---|---|---|---|---|",
        "| sees `stun.drop` | 2/2 [0.158, 1.000] | 1/2 [0.013, 0.987] | 2/2 [0.158, 1.000] | 0/2 [0.000, 0.842] |",
        "| sees two rules at once "
        "| 0/1 [0.000, 0.975] | 1/1 [0.025, 1.000] | 0/1 [0.000, 0.975] | 1/1 [0.025, 1.000] |",
        "| **sees, of all that is restricted** "
        "| 2/3 [0.094, 0.992] | 2/3 [0.094, 0.992] | 2/3 [0.094, 0.992] | 1/3 [0.008, 0.906] |",
        "| accuses falsely: ecmp | 0/1 [0.000, 0.975] | 1/1 [0.025, 1.000] | 0/1 [0.000, 0.975] | 0/1 [0.000, 0.975] |",
        "| accuses falsely: outage (nobody tuned to it) "
        "| 0/1 [0.000, 0.975] | 0/1 [0.000, 0.975] | 1/1 [0.025, 1.000] | 0/1 [0.000, 0.975] |",
        "| **accuses falsely, of all that is not** "
        "| 0/2 [0.000, 0.842] | 1/2 [0.013, 0.987] | 1/2 [0.013, 0.987] | 0/2 [0.000, 0.842] |",
        "| seconds, median | 10.00 | 10.00 | 10.00 | 10.00 |",
        "| MB, median | 2.00 | 2.00 | 2.00 | 2.00 |",
    ]


def test_the_table_of_nothing_is_empty_but_whole():
    assert all("–" in line for line in comparison_lines([])[2:])
