"""Any rule can be bound to an app's own addresses: to its calls there, or to whatever goes there."""

from __future__ import annotations

import pytest

from factories.networks.restricted_flows import STEP_S, one_flow
from factories.packets.handmade_calls import ip_packets_of
from talkpath.apps.contract.shape import Arm
from talkpath.errors import UsageError
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.path.link import DROP, HOSTS, RESPONDER, LabHost
from talkpath.lab.restrictor import mechanism_kinds, parse_rule
from talkpath.lab.restrictor.app_networks import app_of_address, app_relay
from talkpath.lab.restrictor.engine import Restrictor

TELEGRAM, WHATSAPP = app_relay("telegram"), app_relay("whatsapp", 7)
EAGER = {"media.freeze": ",after_packets=1", "relearn": ",after_s=0", "media.police": ",kbps=1"}


def dropped(rule: str, call: str, far: LabHost, family: int = 4) -> float:
    """The share of a flow's packets that the rule drops or delays on the way to that host."""
    restrictor = Restrictor([parse_rule(rule)], 1)
    flow = ip_packets_of(one_flow(call, 200), family=family, far=far)
    fates = [restrictor.fate(number * STEP_S, way == "up", packet) for number, (way, packet, _) in enumerate(flow)]
    return sum(fate != 0 for fate in fates) / len(fates)


@pytest.mark.parametrize("family", [4, 6])
def test_an_app_has_a_network_of_its_own(family):
    for host in (TELEGRAM, WHATSAPP):
        assert app_of_address(host.packed()[0 if family == 4 else 1]) in host.name
    assert {app_of_address(host.packed()[0 if family == 4 else 1]) for host in HOSTS} == {""}


@pytest.mark.parametrize("family", [4, 6])
def test_a_rule_about_calls_at_the_apps_addresses_leaves_the_same_calls_elsewhere(family):
    rule = "media.drop,app=telegram,to=app,p=1"
    assert dropped(rule, "libtgvoip", TELEGRAM, family) > 0.8
    assert dropped(rule, "libtgvoip", WHATSAPP, family) == 0
    assert dropped(rule, "libtgvoip", RESPONDER, family) == 0
    assert dropped(rule, "twin", TELEGRAM, family) == 0
    assert dropped(rule, "whatsapp", TELEGRAM, family) == 0


@pytest.mark.parametrize("family", [4, 6])
def test_a_rule_about_whatever_goes_there_drops_random_bytes_too(family):
    rule = "media.drop,app=telegram,to=app,whose=any,p=1"
    for call in ("libtgvoip", "whatsapp", "twin"):
        assert dropped(rule, call, TELEGRAM, family) == 1  # set-up messages as well
        assert dropped(rule, call, WHATSAPP, family) == dropped(rule, call, RESPONDER, family) == 0


def test_without_an_app_it_is_any_apps_addresses():
    assert dropped("media.drop,to=app,p=1", "whatsapp", WHATSAPP) > 0.8
    assert dropped("media.drop,to=app,p=1", "libtgvoip", WHATSAPP) > 0.8
    assert dropped("media.drop,to=app,p=1", "whatsapp", RESPONDER) == 0


@pytest.mark.parametrize("rule", sorted(set(mechanism_kinds()) - {"allowlist", "relearn"}))
def test_no_rule_that_is_bound_acts_on_a_check_with_the_test_server(rule):
    text = f"{rule},to=app{EAGER.get(rule, '')}"
    arms = [Arm("telegram", "direct", "voice"), Arm("webrtc", "dtls", "voice")]
    assert rule_hits([parse_rule(text)], arms) == []


@pytest.mark.parametrize(
    "rule",
    ["address.block,to=app,app=telegram", "udp.block,to=app,app=telegram", "udp.freeze,to=app,app=telegram"],
)
def test_rules_about_any_traffic_can_be_bound_as_well(rule):
    assert dropped(rule, "twin", TELEGRAM) > 0.8
    assert dropped(rule, "twin", WHATSAPP) == dropped(rule, "twin", RESPONDER) == 0


def test_any_is_what_a_rule_is_without_it():
    for far in (TELEGRAM, RESPONDER):
        assert dropped("media.drop,to=any,p=1", "whatsapp", far) == dropped("media.drop,p=1", "whatsapp", far) > 0.8


@pytest.mark.parametrize("rule", ["media.drop,whose=any", "udp.block,app=telegram", "media.drop,to=app,whose=all"])
def test_what_would_mean_nothing_is_refused(rule):
    with pytest.raises(UsageError):
        parse_rule(rule)


def test_a_bound_freeze_counts_the_packets_of_each_flow():
    restrictor = Restrictor([parse_rule("media.freeze,app=whatsapp,to=app,whose=any,after_packets=30")], 1)
    fates = [
        restrictor.fate(number * STEP_S, way == "up", packet)
        for number, (way, packet, _) in enumerate(ip_packets_of(one_flow("twin", 60), far=WHATSAPP))
    ]
    assert fates.index(DROP) == 30
    assert set(fates[30:]) == {DROP}
