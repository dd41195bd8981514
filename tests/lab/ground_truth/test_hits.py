"""A scenario's words, and the truth about it: what its rules really hit."""

from __future__ import annotations

import pickle

import pytest

from talkpath.apps import shapes
from talkpath.errors import UsageError
from talkpath.lab.ground_truth import rule_hits
from talkpath.lab.restrictor import mechanism_kinds, parse_rule
from talkpath.lab.scenario import Scenario
from talkpath.verdict.rules import all_rules

SIX = {"whatsapp", "telegram", "signal", "meet", "max", "webrtc"}
ARMS = sorted(arm for arm in shapes() if arm.app in SIX)
WEBRTC = {"meet", "max", "webrtc"}


def hit(*rules: str, ports: tuple[int, ...] = ()) -> dict[str, str]:
    """Arm -> direction."""
    return {str(found.arm): found.direction for found in rule_hits([parse_rule(rule) for rule in rules], ARMS, ports)}


def named(app: str | set = "", variant: str | set = "", medium: str = "") -> set[str]:
    """The arms with these fields."""

    def fits(value: str, wanted: str | set) -> bool:
        return not wanted or value in ({wanted} if isinstance(wanted, str) else wanted)

    return {str(arm) for arm in ARMS if fits(arm.app, app) and fits(arm.variant, variant) and fits(arm.medium, medium)}


EVERY = named()
TELEGRAM_PING = named(app="telegram", variant="reflector")
USES_STUN = EVERY - TELEGRAM_PING


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "arms"),
    [
        ("stun.drop", USES_STUN),
        ("stun.drop,app=whatsapp", named(app="whatsapp")),
        ("stun.drop,app=telegram", named(app="telegram") - TELEGRAM_PING),
        ("stun.drop,app=signal", named(app="signal") | named(app={"webrtc", "max"}, variant={"dtls", "webrtc"})),
        ("stun.drop,app=max", named(app=WEBRTC)),
        ("dtls.hello_drop,hello=browser", named(app=WEBRTC) | named(app="telegram", variant="direct")),
        ("dtls.hello_drop,hello=pion", set()),
        ("reflector.drop", TELEGRAM_PING),
        ("media.drop,p=0.1", EVERY),
        ("media.drop,app=telegram", named(app="telegram")),
        ("media.drop,app=signal,medium=voice", named(app="signal", medium="voice")),
        ("media.drop,app=whatsapp,medium=video", named(app="whatsapp", medium="video")),
        ("media.drop,medium=voice", named(medium="voice")),
        ("media.drop,p=0.001", set()),
        ("media.freeze,app=meet,after_s=3000", named(app=WEBRTC)),
        ("media.size_drop,app=signal", named(app="signal", medium="video")),
        ("media.police,kbps=100000,medium=voice", set()),
        ("media.delay,app=max", named(app=WEBRTC)),
        ("relearn,app=whatsapp", named(app="whatsapp")),
        ("udp.block", EVERY),
        ("udp.opaque_drop", EVERY),
        ("udp.freeze", EVERY),
        ("address.block", EVERY),
        ("address.block,host=reference", set()),
        ("allowlist", EVERY),
        ("allowlist,host=responder", set()),
    ],
)
def test_the_truth_lists_what_is_hit(rule, arms):
    assert set(hit(rule)) == arms


def test_set_up_of_voice_and_video_looks_alike_so_a_rule_about_one_hits_both():
    assert set(hit("stun.drop,app=whatsapp,medium=voice")) == named(app="whatsapp")


@pytest.mark.parametrize(
    ("rule", "ways"),
    [
        ("stun.drop,app=signal", {"up"}),
        ("stun.drop,app=signal,direction=both", {"up", "both"}),  # also the far end's own checks
        ("media.drop,app=signal", {"both"}),
        ("media.drop,app=signal,direction=down", {"down"}),
        ("dtls.hello_drop", {"up"}),
    ],
)
def test_the_truth_tells_the_direction_in_which_packets_are_hit(rule, ways):
    assert set(hit(rule).values()) == ways


@pytest.mark.long
def test_a_rate_hits_the_calls_that_are_above_it():
    """A picture comes at once, and is more than a bucket holds, whatever the rate."""
    rates = {kbps: set(hit(f"media.police,app=webrtc,kbps={kbps}")) for kbps in (5, 500)}
    assert rates[5] > rates[500]
    assert hit("media.police,app=webrtc,medium=voice,kbps=100000") == {}
    assert all(arm.endswith("video") for arm in rates[500] & named(app={"webrtc", "max"}))


@pytest.mark.parametrize("kbps", [320, 360, 400, 450])
def test_a_rate_that_some_calls_keep_and_others_do_not_is_a_hit(kbps):
    """A picture that moves little fits through; most do not. No single call is taken for all."""
    assert "meet/sfu/video" in hit(f"media.police,direction=up,app=meet,kbps={kbps}")


def test_a_rate_that_a_call_exceeds_after_a_while_alone_hits_it() -> None:
    """In ten seconds nothing of it is dropped; calls of a check live for 25."""
    assert "whatsapp/fast20/voice" in hit("media.police,direction=both,kbps=28.8")


@pytest.mark.long
def test_a_blocked_port_counts_where_the_responder_has_it():
    assert set(hit("port.block,port=443", ports=(443, 3478))) == EVERY
    assert hit("port.block,port=444", ports=(443, 3478)) == {}


def test_a_hit_is_recorded_as_tp_004_has_it():
    found = rule_hits([parse_rule("media.drop,app=signal,direction=up,p=0.3,onset_packets=10")], ARMS)
    assert found[0].record() == {
        "app": "signal",
        "variant": found[0].arm.variant,
        "medium": found[0].arm.medium,
        "rule": "media.drop",
        "direction": "up",
        "parameters": {"p": 0.3, "onset_packets": 10.0},
    }


def test_rules_are_told_apart():
    found = rule_hits([parse_rule("media.drop,app=signal"), parse_rule("stun.drop,app=whatsapp")], ARMS)
    assert {(one.arm.app, one.rule) for one in found} == {("signal", "media.drop"), ("whatsapp", "stun.drop")}


def test_a_scenario_reads_the_command_lines_words():
    scenario = Scenario.parse("ge,loss=0.05", ["media.drop,app=telegram,direction=up,p=0.3"], seed=7, family=6)
    assert (scenario.background.id, scenario.seed, scenario.family) == ("ge", 7, 6)
    assert [rule.id for rule in scenario.rules] == ["media.drop"]
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert scenario.network() is not scenario.network()
    with pytest.raises(UsageError, match="clean"):
        Scenario.parse("nowhere", [])


def test_every_rule_of_the_lab_is_a_rule_of_the_verdicts():
    """One table of ids: who adds a mechanism adds both files."""
    assert set(mechanism_kinds()) - {"relearn"} <= set(all_rules())
    assert set(mechanism_kinds()) >= {
        "stun.drop",
        "dtls.hello_drop",
        "reflector.drop",
        "media.drop",
        "media.freeze",
        "media.police",
        "media.size_drop",
        "media.delay",
        "relearn",
        "udp.block",
        "port.block",
        "udp.opaque_drop",
        "udp.freeze",
        "address.block",
        "allowlist",
        "tls.hello_drop",
        "signalling.block",
    }


# -- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", mechanism_kinds())
def test_every_rule_reads_back_and_says_what_its_keys_are(rule):
    parsed = parse_rule(rule)
    assert parse_rule(str(parsed)) == parsed
    assert parsed.mechanism.meaning
    for parameter in parsed.mechanism.parameters:
        assert parameter.unit
        assert parameter.meaning
        assert parameter.default is None or parameter.read(str(parameter.default), rule) == parameter.default


def test_the_issues_own_example():
    rule = parse_rule("media.drop,app=telegram,direction=up,p=0.3")
    assert (rule.id, rule.word("app"), rule.direction, rule.number("p")) == ("media.drop", "telegram", "up", 0.3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("media.dorp", ["media.dorp", "media.drop", "stun.drop"]),
        ("media.drop,q=1", ["'q'", "p", "onset_packets"]),
        ("media.drop,app=icq", ["app", "whatsapp", "webrtc"]),
        ("media.drop,direction=left", ["direction", "up, down, both"]),
        ("media.drop,medium=text", ["medium", "voice, video"]),
        ("media.drop,p=1.5", ["p", "between 0 and 1"]),
        ("media.freeze,after_packets=2.5", ["after_packets", "whole"]),
        ("media.freeze,after=lunch", ["after", "handshake"]),
        ("udp.block,app=whatsapp", ["'app'", "direction"]),
        ("media.drop,p=nan", ["p", "between"]),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(text, words):
    with pytest.raises(UsageError) as caught:
        parse_rule(text)
    assert all(word in str(caught.value) for word in words)
