"""A rule in words: every rule that a verdict can name has them, and its estimate has a unit."""

from __future__ import annotations

import pytest

from print_sentences import PARAMETERS, verdict_of_state
from talkpath.report.words import mechanism as module
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.report.words.mechanism import is_named, mechanism_clause, mechanism_name
from talkpath.verdict.model import Category, Number
from talkpath.verdict.rules import all_rules

SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("rule", sorted(all_rules()))
def test_every_rule_is_a_clause(rule: str, code: str) -> None:
    with speaking(language(code)):
        clause = mechanism_name(rule)
    assert clause
    assert not clause.endswith(".")
    assert "{" not in clause
    if rule != "media.unknown":
        assert clause != module.mechanism_name("media.unknown") or code != "en"


def test_a_rule_that_nobody_knows_is_an_unknown_mechanism() -> None:
    assert mechanism_name("media.telepathy") == mechanism_name("media.unknown") == "the mechanism is not known"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("media.drop", "call packets are dropped at random, about 30% (26% to 34%)"),
        ("media.police", "calls are held to a low rate, about 40 kbit/s (35 kbit/s to 46 kbit/s)"),
        ("media.delay", "call packets are held up, about 180 ms (150 ms to 210 ms)"),
        ("media.size_drop", "packets above a certain size are dropped, about 1 000 bytes"),
        ("media.freeze", "calls go silent after a while, about 5.0 s (4.0 s to 6.0 s)"),
        ("port.block", "some UDP ports do not pass, 3478 among them"),
    ],
)
def test_the_parameter_stands_with_its_unit_and_interval(rule: str, told: str) -> None:
    assert (
        mechanism_clause(verdict_of_state(all_rules()[rule].state, rule=rule, parameters=PARAMETERS[rule])).replace(
            SPACE, " "
        )
        == told
    )


def test_a_rate_of_both_directions_together_is_told_as_such() -> None:
    parameters = {"kbps": Number(40.0, 35.0, 46.0), "buckets": Category("one")}
    told = mechanism_clause(verdict_of_state(rule="media.police", parameters=parameters)).replace(SPACE, " ")
    assert told == "calls are held to a low rate, both directions together, about 40 kbit/s (35 kbit/s to 46 kbit/s)"


def test_ports_that_are_blocked_for_calls_alone_are_told_as_such() -> None:
    ports = {"port": Category("443,3478")}
    assert (
        mechanism_clause(verdict_of_state(rule="port.block", parameters=ports)) == "calls to some UDP ports are blocked"
    )


@pytest.mark.parametrize("rule", sorted(PARAMETERS))
def test_without_an_estimate_only_the_rule_is_told(rule: str) -> None:
    bare = mechanism_clause(verdict_of_state(all_rules()[rule].state, rule=rule, parameters={}))
    assert bare == mechanism_name(rule)
    unbounded = {key: Number(None, None, None) for key in PARAMETERS[rule]}
    assert mechanism_clause(
        verdict_of_state(all_rules()[rule].state, rule=rule, parameters=unbounded)
    ) == mechanism_name(rule)


@pytest.mark.parametrize(
    ("rule", "parameters", "told"),
    [
        ("media.freeze", {"after_packets": Number(20.0, 18.0, 22.0)}, "about 20 packets (18 to 22)"),
        ("media.freeze", {"after_packets": Number(1.0, 1.0, 1.0)}, "about 1 packet"),
        (
            "media.freeze",
            {
                "after_bytes": Number(17317.0, 17041.019, 17592.981),
                "after_packets": Number(117.0, 116.0, 118.0),
                "after_s": Number(1.2, 1.16, 1.24),
            },
            "after a while, about 1.2 s (1.1 s to 1.3 s) or about 117 packets (116 to 118) or about 17 317 bytes "
            "(17 041 to 17 593)",
        ),
        ("media.freeze", {"after": Category("handshake")}, "calls go silent after the handshake"),
        ("udp.freeze", {"after_s": Number(9.0, 8.0, 10.0)}, "every UDP flow goes silent after a while, about 9.0 s"),
        ("udp.freeze", {"after": Category("handshake")}, "every UDP flow goes silent"),
        (
            "udp.freeze",
            {"after_packets": Number(28.0, 27.0, 29.0), "port": Category("3478,5349")},
            "UDP flows to some ports go silent after a while, about 28 packets (27 to 29)",
        ),
    ],
)
def test_a_freeze_says_after_how_much(rule: str, parameters: dict[str, Number | Category], told: str) -> None:
    assert told in mechanism_clause(verdict_of_state(rule=rule, parameters=parameters)).replace(SPACE, " ")


def test_rules_that_tie_are_listed() -> None:
    tied = verdict_of_state(rule="media.unknown", parameters={}, alternatives=("media.drop", "media.police"))
    assert mechanism_clause(tied) == (
        "several mechanisms would fit: call packets are dropped; calls are held to a low rate"
    )
    assert is_named(tied)
    assert not is_named(verdict_of_state(rule="media.unknown"))
    assert not is_named(verdict_of_state(rule=None))
    assert is_named(verdict_of_state(rule="media.drop"))
