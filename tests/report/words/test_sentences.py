"""What is told of a verdict: the words that were promised, the numbers that were measured, and no more."""

from __future__ import annotations

from math import log10

import pytest
from msgspec.structs import replace

from talkpath.report.words import sentences
from talkpath.report.words.amounts import numeral, odds_words
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import language, speaking
from talkpath.report.words.mechanism import mechanism_clause
from talkpath.report.words.observed import observed_line
from talkpath.verdict.model import Number, Reason, ReasonCode, Verdict
from talkpath.verdict.rules import all_rules

SPACE = "\N{NO-BREAK SPACE}"
LOST = {"calls_lost_up": 0.31, "calls_lost_up_low": 0.268, "calls_lost_up_high": 0.352, "twins_lost_up": 0.01}
DOWN = {"calls_lost_down": 0.02, "calls_lost_down_low": 0.0, "calls_lost_down_high": 0.04, "twins_lost_down": 0.0}
RESTRICTED = Verdict(
    "telegram", "tgcalls", "voice", "restricted", "media.drop", "up", {"p": Number(0.3, 0.26, 0.34)}, log10(12_345),
    figures={**LOST, **DOWN},
)  # fmt: skip


def test_a_restriction_is_told_as_promised() -> None:
    assert sentences.verdict_sentence(RESTRICTED) == (
        "Something between this device and our test server is holding back voice calls that look like Telegram's."
    )
    assert sentences.verdict_lines(RESTRICTED) == [
        "Of 100 call packets 31 (26–36) were lost on the way out; of 100 packets of control traffic sent at the same "
        "moments, 1. It is consistent with this: call packets are dropped at random.",  # one number, one interval
        f"If both were treated alike, fewer than 1 check in 10{SPACE}000 would look like this.",
        "It is no proof of who does it or why; Telegram's own servers and your messages were not tested.",
    ]


def test_of_a_rule_on_both_ways_both_are_told_and_else_the_worse() -> None:
    worse = {**LOST, **DOWN, "calls_lost_down": 0.6, "calls_lost_down_low": 0.5, "calls_lost_down_high": 0.7}
    both = observed_line(replace(RESTRICTED, direction="both", figures=worse))
    assert both.startswith("Of 100 call packets 31 were lost on the way out and 60 on the way back;")
    assert both.count("%") == 3  # and the rule's own share, with its interval
    open_ = observed_line(replace(RESTRICTED, direction=None, figures=worse))
    assert open_.startswith("Of 100 call packets 60 (50–70) were lost on the way back")


@pytest.mark.parametrize(("code", "names_a_network"), [("late", False), ("hidden", False), ("network_changed", True)])
def test_a_device_that_was_busy_points_to_no_network_and_no_vpn(code: ReasonCode, names_a_network: bool) -> None:
    untold = Verdict("max", "", "voice", "insufficient", reason=Reason(code), trouble="own_device")
    assert ("VPN" in sentences.trouble_sentence(untold)) is names_a_network


def test_delay_is_told_as_delay() -> None:
    late = replace(RESTRICTED, rule="media.delay", figures={**LOST, "extra_delay_ms_up": 180.4})
    assert observed_line(late).startswith(f"Call packets came 180{SPACE}ms later than control traffic")


def test_set_up_is_told_as_set_up() -> None:
    assert observed_line(replace(RESTRICTED, rule="stun.drop")).startswith("The set-up of the calls was not answered")


@pytest.mark.parametrize("state", ["ok", "restricted", "impaired", "insufficient"])
def test_without_figures_no_number_is_told(state: str) -> None:
    bare = replace(RESTRICTED, state=state, rule=None, figures={})
    assert not any(letter.isdigit() for letter in observed_line(bare))


def test_what_is_not_known_is_consistent_with_nothing() -> None:
    assert "consistent" not in observed_line(replace(RESTRICTED, rule="media.unknown"))
    tied = replace(RESTRICTED, rule="media.unknown", alternatives=("media.drop", "media.freeze"))
    assert "would fit: call packets are dropped; calls go silent" in observed_line(tied)


def test_few_recordings_are_admitted_only_where_the_shape_matters() -> None:
    for state, matters in (("ok", True), ("restricted", True), ("closed", False), ("impaired", False)):
        told = " ".join(sentences.verdict_lines(replace(RESTRICTED, state=state, confidence="low")))
        assert ("public recordings" in told) == matters


@pytest.mark.parametrize("code", ["late", "vpn", "budget", "canary"])
def test_what_could_not_be_told_says_why_and_what_to_do(code: str) -> None:
    untold = Verdict("max", "", "voice", "insufficient", reason=Reason(code))  # type: ignore[arg-type]
    other = Verdict("max", "", "voice", "insufficient", reason=Reason("responder_lost"))
    assert sentences.verdict_sentence(untold) != sentences.verdict_sentence(other)
    assert sentences.verdict_lines(untold)[2] != sentences.verdict_lines(other)[2]


@pytest.mark.parametrize(
    ("log10_e", "told"),
    [(2.99, "970"), (3.99, "9 700"), (4.0, "10 000"), (4.99, "10 000"), (400.0, "10 000")],
)
def test_odds_are_rounded_down(log10_e: float, told: str) -> None:
    assert odds_words(log10_e) == told.replace(" ", SPACE)


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert numeral(1234.5, 1) == f"1{SPACE}234.5"
    with speaking(language("ru")):
        assert numeral(1234.5, 1) == f"1{SPACE}234,5"


@pytest.mark.parametrize(
    ("rule", "parameters", "told"),
    [
        ("media.police", {"kbps": Number(40.0, 35.0, 46.0)}, "to a low rate, about 40 kbit/s (35 kbit/s to 46 kbit/s)"),
        ("media.freeze", {"after_packets": Number(20.0, 18.0, 22.0)}, "after a while, about 20 packets (18 to 22)"),
        ("media.freeze", {"after_s": Number(5.0, None, 6.0)}, "after a while, about 5.0 s"),
        ("media.size_drop", {"over": Number(1000.0, 1000.0, 1000.0)}, "are dropped, about 1 000 bytes"),
        ("port.block", {"port": Number(3478.0, None, None)}, "do not pass, 3478 among them"),
        ("media.drop", {"p": Number(None, 0.1, 0.2)}, "call packets are dropped"),
        ("media.drop", {"p": Number(0.2, 0.1, 0.3)}, "call packets are dropped at random, about 20% (10% to 30%)"),
    ],
)
def test_a_parameter_is_told_with_its_unit_and_interval(rule: str, parameters: dict[str, Number], told: str) -> None:
    found = mechanism_clause(Verdict("max", "", "voice", all_rules()[rule].state, rule, parameters=dict(parameters)))
    assert found.replace(SPACE, " ").endswith(told)


@pytest.mark.parametrize("all_closed", [True, False])
def test_where_some_ports_are_closed_no_one_reads_that_calls_do_not_get_through(all_closed: bool) -> None:
    told = sentences.verdict_sentence(
        Verdict("max", "", "voice", "closed", "port.block"), CheckContext(all_closed=all_closed)
    )
    assert told.startswith("Calls to some UDP ports")
    assert told.endswith("to others they do.")


@pytest.mark.parametrize(("code", "counted"), [("hidden", False), ("late", False), ("budget", True)])
def test_what_is_void_is_not_called_too_little(code: ReasonCode, counted: bool) -> None:
    first, *_ = sentences.verdict_lines(Verdict("max", "", "voice", "insufficient", reason=Reason(code)))
    assert ("Too little came in" in first) is counted


def test_where_all_is_ok_every_app_is_told() -> None:
    fine = replace(RESTRICTED, state="ok", rule=None)
    others = [replace(fine, app=app, medium=medium) for app, medium in (("signal", "voice"), ("signal", "video"))]
    assert sentences.other_apps_ok([fine, *others]) == "No sign of restriction either: Signal."
    assert sentences.other_apps_ok([fine]) == ""
    assert sentences.other_apps_ok([RESTRICTED, *others]) == ""
