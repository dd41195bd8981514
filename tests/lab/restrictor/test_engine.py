"""The engine applies rules to flows: which flows they affect, which they do not, and in which order."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from factories.networks.restricted_flows import STEP_S, Played, all_of, one_flow
from factories.packets.handmade_calls import CALLS, CLASS, ip_packets_of
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.matchers.signatures import APP_CLASSES
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import DROP, PASS
from talkpath.lab.restrictor import mechanism_kinds, parse_rule
from talkpath.wire.ip import packets as ip
from talkpath.wire.ip.address import Address

BLIND = {"udp.block", "port.block", "udp.freeze", "address.block", "allowlist", "tls.hello_drop", "signalling.block"}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("app", ["whatsapp", "telegram", "signal", "webrtc", "meet", "max"])
def test_a_rule_about_an_app_hits_its_class_and_nobody_else(app, family):
    seen = Played(f"media.drop,app={app},p=1").play(all_of(), family=family)
    for name in CALLS:
        share = seen.dropped(name, media=True)
        assert share > 0.85 if CLASS[name] == APP_CLASSES[app] else share == 0, name
        assert seen.dropped(name, media=False) == 0, name
    assert seen.dropped("twin") == 0


@pytest.mark.parametrize("app", ["", ",app=whatsapp", ",app=telegram", ",app=signal", ",app=webrtc"])
def test_a_rule_about_voice_never_touches_a_video_call_and_the_other_way_round(app):
    for medium, other in (("voice", "video"), ("video", "voice")):
        seen = Played(f"media.drop,medium={medium},p=1{app}").play(all_of(medium=other))
        assert {name: seen.dropped(name) for name in seen.fates} == dict.fromkeys(seen.fates, 0)
        own = Played(f"media.drop,medium={medium},p=1{app}").play(all_of(medium=medium))
        hit = {name for name in CALLS if own.dropped(name, media=True) > 0.8}
        assert hit == {name for name in CALLS if app in ("", f",app={CLASS[name]}")}


@pytest.mark.parametrize("rule", sorted(set(mechanism_kinds()) - BLIND - {"udp.opaque_drop"}))
def test_no_rule_about_calls_touches_a_twin_or_another_protocol(rule):
    eager = {"media.freeze": ",after_packets=1", "relearn": ",after_s=0", "media.police": ",kbps=1"}.get(rule, "")
    seen = Played(rule + eager).play(
        {n: one_flow("twin", 200, medium, n) for n, medium in enumerate(["voice", "video"] * 3)}
    )
    assert not seen.restrictor.hits
    segment = ip.Tcp(1, 443, 1, 1, 16, payload=CALLS["whatsapp"](Random(1), 1)[0][1])
    for n in range(30):
        packet = ip.build_tcp(Address.of("192.0.2.10", 50000), Address.of("198.51.100.10", 443), segment)
        assert seen.restrictor.fate(50 + n, True, packet) == PASS


@pytest.mark.parametrize("rule", [name for name in mechanism_kinds() if name not in BLIND])
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_rule_about_one_direction_leaves_the_other(rule, way):
    more = {"media.freeze": ",after_packets=2", "relearn": ",after_s=0", "media.police": ",kbps=4"}.get(rule, "")
    more += ",over=80" if rule == "media.size_drop" else ""
    seen = Played(f"{rule},direction={way}{more}").play(all_of())
    assert all(fate == PASS for fates in seen.fates.values() for w, _, fate in fates if w != way)


def test_rules_apply_one_after_the_other():
    seen = Played("media.delay,app=whatsapp,ms=40", "media.delay,ms=30", "stun.drop,app=signal").play(all_of())
    assert {round(1000 * fate) for *_, fate in seen.fates["whatsapp"]} == {70}
    assert round(1000 * seen.fates["webrtc"][-1][2]) == 30
    assert seen.fates["signal"][0][2] == DROP
    assert set(seen.restrictor.hits) >= {(0, "whatsapp", ""), (2, "", "")}


def test_the_same_seed_draws_the_same_fates():
    def run(seed: int) -> dict:
        return Played("media.drop,p=0.5", "media.delay,ms=50,jitter_ms=9", seed=seed).play(all_of()).fates

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_a_5_tuple_silent_for_two_minutes_is_a_new_flow():
    seen = Played("media.drop,p=1").play({"call": one_flow("whatsapp")})
    assert seen.dropped("call", media=True) == 1
    seen.play({"reused": one_flow("twin")}, start_s=200)
    assert seen.dropped("reused") == 0


def test_both_directions_are_one_flow_whichever_comes_first():
    call = one_flow("whatsapp")
    turned = [call[1], call[0], *call[2:]]
    for family in (4, 6):
        seen = Played("media.freeze,after_packets=25").play({0: turned}, family=family)
        assert [fate for *_, fate in seen.fates[0]].index(DROP) == 25


def test_the_network_delivers_late_what_a_rule_delays_and_counts_what_it_drops():
    network = LabNetwork(
        parse_background("clean,jitter_ms=0"), [parse_rule("media.delay,ms=100"), parse_rule("stun.drop")], 1
    )
    for n, (way, packet, _) in enumerate(ip_packets_of(one_flow("signal"))):
        for at_s, copy in network.offer(n * STEP_S, way, packet):
            assert copy is packet
            assert round(1000 * (at_s - n * STEP_S)) in (15, 115)
    assert network.dropped == Counter(restrictor=1)
    assert network.hits["stun.drop", "", ""] == 1
