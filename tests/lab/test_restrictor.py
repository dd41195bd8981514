"""The restrictor's rules: whom they hit, whom they leave alone, and how hard, packet by packet."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from random import Random

import pytest
from specimens import CALLS, CLASS, HELLOS, ice, packets, stun, twin

from talkpath.lab.backgrounds import parse_background
from talkpath.lab.matchers import CLASSES
from talkpath.lab.path.hosts import MESSENGER, REFERENCE, RESPONDER
from talkpath.lab.path.network import Network
from talkpath.lab.restrictor import mechanisms, parse_rule
from talkpath.lab.restrictor.engine import Restrictor
from talkpath.lab.restrictor.flow import DROP, PASS
from talkpath.wire.ip import packets as ip
from talkpath.wire.ip.address import Address

STEP_S = 0.01
BLIND = {"udp.block", "port.block", "udp.freeze", "address.block", "allowlist"}
FLOWS = 40


class Seen:
    """What became of flows played side by side: `fates[flow]` is [(direction, is it media, fate)]."""

    def __init__(self, *rules: str, seed: int = 1) -> None:
        self.restrictor = Restrictor([parse_rule(rule) for rule in rules], seed)
        self.fates: dict[object, list[tuple[str, bool, float]]] = defaultdict(list)

    def play(self, calls: dict[object, list], start_s: float = 0.0, **ends: int) -> Seen:
        """Flow by flow in turns; each key is a flow of its own local port."""
        laid = {key: list(packets(call, **{"port": 40000 + n, **ends})) for n, (key, call) in enumerate(calls.items())}
        for number in range(max(map(len, laid.values()))):
            for key, flow in laid.items():
                if number < len(flow):
                    way, packet, media = flow[number]
                    fate = self.restrictor.fate(start_s + number * STEP_S, way == "up", packet)
                    self.fates[key].append((way, media, fate))
        return self

    def dropped(self, key: object, way: str = "", media: bool | None = None) -> float:
        """The share of a flow's packets that were dropped."""
        asked = [f for w, m, f in self.fates[key] if way in ("", w) and media in (None, m)]
        return sum(fate == DROP for fate in asked) / len(asked)


def one(name: str, count: int = 100, medium: str = "voice", seed: int = 1) -> list:
    return CALLS[name](Random(seed), count, medium) if name != "twin" else twin(Random(seed), count, medium)


def all_of(count: int = 60, medium: str = "voice") -> dict:
    return {name: one(name, count, medium) for name in (*CALLS, "twin")}


# -- whom a rule hits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("app", ["whatsapp", "telegram", "signal", "webrtc", "meet", "max"])
def test_a_rule_about_an_app_hits_its_class_and_nobody_else(app, family):
    seen = Seen(f"media.drop,app={app},p=1").play(all_of(), family=family)
    for name in CALLS:
        share = seen.dropped(name, media=True)
        assert share > 0.85 if CLASS[name] == CLASSES[app] else share == 0, name
        assert seen.dropped(name, media=False) == 0, name
    assert seen.dropped("twin") == 0


@pytest.mark.parametrize("app", ["", ",app=whatsapp", ",app=telegram", ",app=signal", ",app=webrtc"])
def test_a_rule_about_voice_never_touches_a_video_call_and_the_other_way_round(app):
    for medium, other in (("voice", "video"), ("video", "voice")):
        seen = Seen(f"media.drop,medium={medium},p=1{app}").play(all_of(medium=other))
        assert {name: seen.dropped(name) for name in seen.fates} == dict.fromkeys(seen.fates, 0)
        own = Seen(f"media.drop,medium={medium},p=1{app}").play(all_of(medium=medium))
        hit = {name for name in CALLS if own.dropped(name, media=True) > 0.8}
        assert hit == {name for name in CALLS if app in ("", f",app={CLASS[name]}")}


@pytest.mark.parametrize("rule", sorted(set(mechanisms()) - BLIND - {"udp.opaque_drop"}))
def test_no_rule_about_calls_touches_a_twin_or_another_protocol(rule):
    eager = {"media.freeze": ",after_packets=1", "relearn": ",after_s=0", "media.police": ",kbps=1"}.get(rule, "")
    seen = Seen(rule + eager).play({n: one("twin", 200, medium, n) for n, medium in enumerate(["voice", "video"] * 3)})
    assert not seen.restrictor.hits
    segment = ip.Tcp(1, 443, 1, 1, 16, payload=CALLS["whatsapp"](Random(1), 1)[0][1])
    for n in range(30):
        packet = ip.build_tcp(Address.of("192.0.2.10", 50000), Address.of("198.51.100.10", 443), segment)
        assert seen.restrictor.fate(50 + n, True, packet) == PASS


@pytest.mark.parametrize("rule", [name for name in mechanisms() if name not in BLIND])
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_rule_about_one_direction_leaves_the_other(rule, way):
    more = {"media.freeze": ",after_packets=2", "relearn": ",after_s=0", "media.police": ",kbps=4"}.get(rule, "")
    more += ",over=80" if rule == "media.size_drop" else ""
    seen = Seen(f"{rule},direction={way}{more}").play(all_of())
    assert all(fate == PASS for fates in seen.fates.values() for w, _, fate in fates if w != way)


# -- set-up ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "hit"),
    [
        ("", {"whatsapp", "webrtc", "signal", "tgcalls"}),
        (",app=whatsapp", {"whatsapp"}),
        (",app=signal", {"signal"}),
        (",app=telegram", {"tgcalls"}),
        (",app=max", {"webrtc"}),
    ],
)
def test_stun_drop_drops_requests_and_nothing_else(app, hit):
    seen = Seen(f"stun.drop{app}").play(all_of())
    for name in seen.fates:
        if name in hit:
            requests = [fate for way, media, fate in seen.fates[name] if way == "up" and not media]
            assert requests[0] == DROP
        else:
            assert seen.dropped(name) == 0
        assert seen.dropped(name, media=True) == 0


def test_stun_drop_knows_whatsapps_own_types():
    """0801 and its like begin with 08, not with 0 to 3, and were not padded until 2020."""
    call = [("up", stun(Random(1), kind, (0x4000, bytes(102)), padded=False), False) for kind in (3, 0x0800, 0x0801)]
    assert Seen("stun.drop,app=whatsapp").play({0: call}).dropped(0) == 1


@pytest.mark.parametrize("wanted", [*HELLOS, "any"])
def test_hello_drop_drops_the_hello_of_its_maker(wanted):
    calls = {maker: CALLS["webrtc"](Random(1), 20, "voice", maker) for maker in HELLOS}
    seen = Seen(f"dtls.hello_drop,hello={wanted}").play(calls)
    for maker, fates in seen.fates.items():
        assert (fates[2][2] == DROP) is (wanted in ("any", maker))
        assert sum(fate == DROP for *_, fate in fates) <= 1
    assert Seen("dtls.hello_drop,app=signal").play(calls).restrictor.hits == {}


def test_reflector_drop_drops_pings_both_ways_and_leaves_what_follows():
    seen = Seen("reflector.drop").play(all_of())
    for name, fates in seen.fates.items():
        assert [fate == DROP for *_, fate in fates[:2]] == [name in ("libtgvoip", "reflector")] * 2
        assert seen.dropped(name, media=True) == 0


# -- media ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.02, 0.1, 0.3, 0.9])
def test_media_drop_drops_its_share_of_single_packets(p):
    seen = Seen(f"media.drop,app=whatsapp,p={p}").play({n: one("whatsapp", 250, seed=n) for n in range(FLOWS)})
    lost = [fate == DROP for fates in seen.fates.values() for _, media, fate in fates if media]
    assert sum(lost) / len(lost) == pytest.approx(p, abs=4 * (p * (1 - p) / len(lost)) ** 0.5)
    counts = [sum(fate == DROP for _, media, fate in fates if media) for fates in seen.fates.values()]
    mean = sum(counts) / FLOWS
    spread = sum((count - mean) ** 2 for count in counts) / (FLOWS - 1)
    assert 0.4 < spread / (500 * p * (1 - p)) < 1.9  # binomial in the flow: drawn per packet, never per flow
    after = [b for a, b in pairwise(lost) if a]
    assert sum(after) / len(after) == pytest.approx(p, abs=5 * (p * (1 - p) / len(after)) ** 0.5)


def test_media_drop_begins_after_its_onset():
    seen = Seen("media.drop,p=1,onset_packets=30").play({0: one("whatsapp")})
    assert [fate for *_, fate in seen.fates[0][:30]] == [PASS] * 30
    assert all(fate == DROP for *_, fate in seen.fates[0][30:])


@pytest.mark.parametrize("packets_passed", [1, 25, 60])
def test_media_freeze_counts_both_directions_and_all_packets(packets_passed):
    seen = Seen(f"media.freeze,after_packets={packets_passed}").play({0: one("whatsapp"), 1: one("twin")})
    fates = [fate for *_, fate in seen.fates[0]]
    assert fates == [PASS] * packets_passed + [DROP] * (len(fates) - packets_passed)
    assert seen.dropped(1) == 0


def test_media_freeze_by_time_does_not_count_packets():
    for step in (1, 4):
        seen = Seen("media.freeze,after_s=1")
        flow = list(packets(one("whatsapp", 400)))[::step]
        fates = [seen.restrictor.fate(n * step * STEP_S, way == "up", p) for n, (way, p, _) in enumerate(flow)]
        assert fates.index(DROP) * step * STEP_S == pytest.approx(1, abs=0.05)
        assert set(fates[fates.index(DROP) :]) == {DROP}


@pytest.mark.parametrize("name", ["whatsapp", "signal", "webrtc", "libtgvoip"])
def test_media_freeze_after_the_handshake_lets_set_up_and_two_packets_through(name):
    seen = Seen("media.freeze,after=handshake").play({0: one(name, 50)})
    setup = [fate for _, media, fate in seen.fates[0] if not media]
    assert set(setup) == {PASS}
    for way in ("up", "down"):
        passed = [fate == PASS for w, media, fate in seen.fates[0] if media and w == way]
        assert 2 <= sum(passed) <= 10  # some apps are recognised by their media only
        assert passed == sorted(passed, reverse=True)


def test_media_freeze_has_a_residual_for_calls_between_the_same_three():
    seen = Seen("media.freeze,after_packets=25,residual_s=60").play({"first": one("whatsapp")})
    assert seen.dropped("first") > 0.8
    again = {"call": one("whatsapp", seed=2), "twin": one("twin", seed=2)}
    seen.play(again, start_s=5)
    assert (seen.dropped("call"), seen.dropped("twin")) == (1, 0)
    seen.fates.clear()
    seen.play({"elsewhere": one("whatsapp", 5)}, start_s=6, far_port=443)
    assert seen.dropped("elsewhere") == 0
    seen.play({"later": one("whatsapp", 5, seed=3)}, start_s=200, port=41000)
    assert seen.dropped("later") == 0


def test_media_police_passes_its_rate_in_each_flow_and_direction():
    rule = "media.police,kbps=40"  # offered: 128 bytes 50 times a second and direction, 51 kbit/s
    seen = Seen(rule).play({n: one("whatsapp", 3000, seed=n) for n in range(3)} | {"twin": one("twin", 3000)})
    for n in range(3):
        for way in ("up", "down"):
            passed = (1 - seen.dropped(n, way, media=True)) * 3000 * 128 * 8
            assert passed / (3000 * 2 * STEP_S) == pytest.approx(40_000, rel=0.03)
    assert seen.dropped("twin") == 0


def test_media_police_bites_more_the_faster_a_call_is_sent_and_a_drop_does_not():
    shares = {}
    for rule in ("media.police,kbps=60", "media.drop,p=0.3"):
        for speed in (0.5, 1, 2):
            restrictor = Restrictor([parse_rule(rule)], 1)
            flow = list(packets(one("whatsapp", 2000)))
            fates = [restrictor.fate(n * STEP_S / speed, way == "up", p) for n, (way, p, _) in enumerate(flow)]
            shares[rule[:9], speed] = sum(fate == DROP for fate in fates) / len(fates)
    assert shares["media.pol", 0.5] == shares["media.pol", 1] == 0
    assert shares["media.pol", 2] == pytest.approx(1 - 60 / 102.4, abs=0.03)
    assert shares["media.dro", 0.5] == pytest.approx(shares["media.dro", 2], abs=0.03)


def test_media_size_drop_looks_at_the_udp_payload():
    for family in (4, 6):
        calls = {size: one("whatsapp")[:2] + [("up", bytes([0x80, 120]) + bytes(size - 2), True)] * 50
                 for size in (199, 200, 201, 900)}  # fmt: skip
        seen = Seen("media.size_drop,over=200").play(calls, family=family)
        assert {size: seen.dropped(size, media=True) for size in calls} == {199: 0, 200: 0, 201: 1, 900: 1}
        assert all(seen.dropped(size, media=False) == 0 for size in calls)  # an Allocate of 212 bytes is no media


def test_media_delay_delays_by_its_mean_and_spread():
    seen = Seen("media.delay,ms=120,jitter_ms=20").play({n: one("whatsapp", 200, seed=n) for n in range(10)})
    late_ms = [1000 * fate for fates in seen.fates.values() for *_, fate in fates]
    mean = sum(late_ms) / len(late_ms)
    deviation = (sum((late - mean) ** 2 for late in late_ms) / len(late_ms)) ** 0.5
    assert (mean, deviation) == (pytest.approx(120, abs=1.5), pytest.approx(20, abs=1))
    assert {1000 * f for *_, f in Seen("media.delay,ms=50").play({0: one("whatsapp")}).fates[0]} == {50}
    assert min(f for *_, f in Seen("media.delay,ms=10,jitter_ms=50").play({0: one("whatsapp")}).fates[0]) == 0


def test_relearn_leaves_a_new_relay_alone_and_blocks_it_later_for_all():
    seen = Seen("relearn,after_s=300").play({"first": one("whatsapp"), "twin": one("twin")})
    assert (seen.dropped("first"), seen.dropped("twin")) == (0, 0)
    seen.play({"soon": one("whatsapp", seed=2)}, start_s=290)
    seen.play({"late": one("signal", seed=3), "twin late": one("twin", seed=4)}, start_s=301)
    seen.play({"elsewhere": one("whatsapp", seed=5)}, start_s=302, far_port=443)
    assert (seen.dropped("soon"), seen.dropped("twin late"), seen.dropped("elsewhere")) == (0, 0, 0)
    assert seen.dropped("late", media=True) == 1


# -- everything -----------------------------------------------------------------------------------------------------


def probe_packets(port: int, payload: bytes, family: int = 4, host=RESPONDER) -> tuple[bytes, bytes, bytes]:
    """(UDP up, UDP down, TCP up) to one of the lab's hosts."""
    near = Address.of("192.0.2.10" if family == 4 else "2001:db8:1::10", 40000)
    far = Address.of(host.ipv4 if family == 4 else host.ipv6, port)
    segment = ip.Tcp(40000, port, 1, 1, 2, payload=payload)
    return ip.build_udp(near, far, payload), ip.build_udp(far, near, payload), ip.build_tcp(near, far, segment)


def passes(rule: str, port: int = 3478, payload: bytes = b"\x05random", family: int = 4, host=RESPONDER) -> str:
    """Which of UDP up, UDP down, TCP pass, as letters u, d, t."""
    restrictor = Restrictor([parse_rule(rule)], 1)
    fates = [restrictor.fate(n, n != 1, packet) for n, packet in enumerate(probe_packets(port, payload, family, host))]
    return "".join(letter for letter, fate in zip("udt", fates, strict=True) if fate == PASS)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("rule", "port", "payload", "host", "passing"),
    [
        ("udp.block", 3478, b"\x05", RESPONDER, "t"),
        ("udp.block", 3478, b"plain text", RESPONDER, "t"),
        ("udp.block", 53, b"\x05", RESPONDER, "udt"),
        ("udp.block,direction=down", 3478, b"\x05", RESPONDER, "ut"),
        ("udp.block,only=tls443", 443, b"\x16\x03\x01\2\0", RESPONDER, "t"),
        ("udp.block,only=tls443", 443, b"\0\x28" + bytes(40), RESPONDER, ""),
        ("udp.block,only=tls443", 443, b"", RESPONDER, "t"),
        ("udp.block,only=tls443", 8443, b"\x16\x03\x01\2\0", RESPONDER, ""),
        ("udp.block,only=tls443", 53, b"x", RESPONDER, "udt"),
        ("port.block,port=3478", 3478, b"plain text", RESPONDER, "t"),
        ("port.block,port=3478", 443, b"\x05", RESPONDER, "udt"),
        ("udp.opaque_drop", 3478, bytes(range(200)), RESPONDER, "t"),
        ("udp.opaque_drop", 3478, b"an ordinary text, 3 words", RESPONDER, "udt"),
        ("udp.opaque_drop", 53, bytes(range(200)), RESPONDER, "udt"),
        ("udp.opaque_drop", 3478, CALLS["whatsapp"](Random(1), 3)[-1][1], RESPONDER, "t"),
        ("address.block", 443, b"x", RESPONDER, ""),
        ("address.block", 443, b"x", REFERENCE, "udt"),
        ("address.block,host=messenger", 443, b"x", MESSENGER, ""),
        ("address.block,host=messenger", 443, b"x", RESPONDER, "udt"),
        ("allowlist", 443, b"x", RESPONDER, ""),
        ("allowlist", 443, b"x", REFERENCE, "udt"),
        ("allowlist", 53, b"x", RESPONDER, "udt"),
    ],
)
def test_what_closed_networks_let_through(rule, port, payload, host, passing, family):
    assert passes(rule, port, payload, family, host) == passing


def test_udp_freeze_ends_calls_and_twins_alike_after_so_many_packets():
    seen = Seen("udp.freeze,after_packets=25").play({"call": one("whatsapp"), "twin": one("twin")})
    for fates in seen.fates.values():
        assert [fate for *_, fate in fates] == [PASS] * 25 + [DROP] * (len(fates) - 25)
    again = Seen("udp.freeze,after_packets=25,residual_s=600").play({0: one("twin")})
    again.play({"same server": one("twin", 10)}, start_s=30, port=45000)
    assert again.dropped("same server") == 1


def test_opaque_drop_takes_its_share():
    seen = Seen("udp.opaque_drop,p=0.4").play({n: one("twin", 500, seed=n) for n in range(10)})
    shares = [seen.dropped(n) for n in seen.fates]
    assert sum(shares) / 10 == pytest.approx(0.4, abs=0.02)


# -- the engine -----------------------------------------------------------------------------------------------------


def test_rules_apply_one_after_the_other():
    seen = Seen("media.delay,app=whatsapp,ms=40", "media.delay,ms=30", "stun.drop,app=signal").play(all_of())
    assert {round(1000 * fate) for *_, fate in seen.fates["whatsapp"]} == {70}
    assert round(1000 * seen.fates["webrtc"][-1][2]) == 30
    assert seen.fates["signal"][0][2] == DROP
    assert set(seen.restrictor.hits) >= {(0, "whatsapp", ""), (2, "", "")}


def test_the_same_seed_draws_the_same_fates():
    def run(seed: int) -> dict:
        return Seen("media.drop,p=0.5", "media.delay,ms=50,jitter_ms=9", seed=seed).play(all_of()).fates

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_a_5_tuple_silent_for_two_minutes_is_a_new_flow():
    seen = Seen("media.drop,p=1").play({"call": one("whatsapp")})
    assert seen.dropped("call", media=True) == 1
    seen.play({"reused": one("twin")}, start_s=200)
    assert seen.dropped("reused") == 0


def test_both_directions_are_one_flow_whichever_comes_first():
    call = one("whatsapp")
    turned = [call[1], call[0], *call[2:]]
    for family in (4, 6):
        seen = Seen("media.freeze,after_packets=25").play({0: turned}, family=family)
        assert [fate for *_, fate in seen.fates[0]].index(DROP) == 25


def test_the_network_delivers_late_what_a_rule_delays_and_counts_what_it_drops():
    network = Network(
        parse_background("clean,jitter_ms=0"), [parse_rule("media.delay,ms=100"), parse_rule("stun.drop")], 1
    )
    for n, (way, packet, _) in enumerate(packets(one("signal"))):
        for at_s, copy in network.offer(n * STEP_S, way, packet):
            assert copy is packet
            assert round(1000 * (at_s - n * STEP_S)) in (15, 115)
    assert network.dropped == Counter(restrictor=1)
    assert network.hits["stun.drop", "", ""] == 1


def test_ice_that_is_nobodys_yet_is_left_alone_by_media_rules():
    assert not Seen("media.drop,p=1").play({0: ice(Random(1))}).restrictor.hits
