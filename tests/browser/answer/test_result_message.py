"""What the page gets at the end: words, and a bundle that judges again to the same."""

from __future__ import annotations

import base64

import pytest
from msgspec.structs import replace

from factories.checks import browser_checks
from talkpath.browser.answer.result_message import _media_figures, _verdict_figures, result_message
from talkpath.browser.web.page_texts import LANGUAGE_NAMES
from talkpath.evidence.bundle import read_bundle
from talkpath.measure.facts import Health
from talkpath.report.check_json import judge_check
from talkpath.report.rejudge import verdict_changes


def test_the_bundle_reads_back_and_judges_to_the_same():
    found = result_message(browser_checks.browser_check(browser_checks.even_loss(0.02), 3, drop_up=0.3), "en")
    bundle = read_bundle(base64.b64decode(found["bundle"]))
    assert bundle.facts is not None
    assert verdict_changes(bundle.verdict["verdicts"], judge_check(bundle.facts)[1]["verdicts"]) == []
    assert bundle.verdict["verdicts"][0]["basis"] == "webrtc"


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_no_app_is_named_in_any_language(code: str):
    for drop_up in (0.0, 0.5):
        found = result_message(browser_checks.browser_check(browser_checks.even_loss(0.0), 4, drop_up=drop_up), code)
        verdict = found["verdicts"][0]
        assert "WebRTC" not in " ".join([verdict["sentence"], *verdict["lines"]])


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        (Health(vpn=None), "vpn"),
        (Health(vpn=True), "vpn"),
        (Health(vpn=False, hidden=True), "hidden"),
        (Health(vpn=False, network_changed=True), "network_changed"),
        (Health(vpn=False, late_ms_p99=80.0), "late"),
        (Health(vpn=False, clock_jump_s=5.0), "clock"),
    ],
)
def test_what_spoils_a_check_is_told_and_accuses_nobody(health: Health, reason: str):
    facts = replace(browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9), health=health)
    verdict = result_message(facts, "en")["json"]["verdicts"][0]
    assert (verdict["state"], verdict["reason"]["code"]) == ("insufficient", reason)


@pytest.mark.parametrize(("vpn", "word"), [(True, "was on: this is its network"), (None, "If a VPN")])
def test_with_a_vpn_the_page_tells_the_result_under_its_condition_and_the_evidence_counts_for_nobody(
    vpn: bool | None, word: str
):
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9)
    found = result_message(replace(facts, health=Health(vpn=vpn)), "en")
    assert found["verdicts"][0]["state"] == "restricted"
    assert word in found["condition"]
    bundle = read_bundle(base64.b64decode(found["bundle"]))
    assert [row["state"] for row in bundle.verdict["verdicts"]] == ["insufficient"]
    assert result_message(facts, "en")["condition"] == ""


def test_where_nothing_counts_no_number_of_calls_and_no_path_is_shown():
    facts = replace(
        browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9),
        health=Health(vpn=False, hidden=True),
    )
    found = result_message(facts, "en", not_offered=[{"name": "tls/443", "missing": "certificate"}])
    assert found["paths"] == []
    assert not any("lost" in name for name, _ in found["figures"])
    assert [each["text"] for each in found["suggestions"]] == [
        "Check again, keep the page in front, and keep the screen on."
    ]


def test_an_address_among_rented_servers_is_pointed_out():
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 5)
    rented = {"network": "AS14061", "name": "DigitalOcean", "hosting": True}
    assert "rents out servers" in result_message(facts, "en", operator=rented)["hosting"]
    assert result_message(facts, "en", operator=rented | {"hosting": False})["hosting"] == ""


@pytest.mark.parametrize(
    ("page_ms", "server_ms", "whose"),
    [
        (0.0, 80.0, "here: the test server was too busy"),
        (80.0, 6.0, "here: this device was too busy"),
        (90.0, 80.0, "here: this device or the test server was too busy"),
    ],
)
def test_it_says_whose_lateness_it_was(page_ms: float, server_ms: float, whose: str):
    late_ms = max(page_ms, server_ms)
    health = Health(vpn=False, late_ms_p99=late_ms, probe_late_ms_p99=page_ms, responder_late_ms_p99=server_ms)
    facts = replace(browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9), health=health)
    found = result_message(facts, "en")
    assert whose in found["verdicts"][0]["sentence"]
    assert found["hint"] == ""


def test_a_check_that_is_void_is_given_one_reason_alone():
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 3)
    facts = replace(facts, epochs=tuple(replace(epoch, missing="untried") for epoch in facts.epochs))
    late = Health(vpn=False, late_ms_p99=90.0, probe_late_ms_p99=90.0, responder_late_ms_p99=0.0)
    found = result_message(replace(facts, health=late), "en")
    assert "this device was too busy" in found["verdicts"][0]["sentence"]
    assert found["hint"] == ""


@pytest.mark.parametrize(
    ("missing", "hint"),
    [("throttled", ""), ("no_control", "consistent with"), ("untried", "not even send"), ("unphased", "cannot time")],
)
def test_what_was_not_compared_gives_no_verdict(missing: str, hint: str):
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 6, drop_up=0.9)
    facts = replace(facts, epochs=tuple(replace(epoch, missing=missing) for epoch in facts.epochs))
    found = result_message(facts, "en")
    verdict = found["json"]["verdicts"][0]
    assert (verdict["state"], verdict["reason"]["code"]) == ("insufficient", "no_control")
    assert hint in found["hint"]
    assert bool(hint) == bool(found["hint"])
    assert found["real"] is (missing != "untried")


def test_calls_that_went_another_way_than_their_twins_are_told_as_that():
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 6, drop_up=0.9)
    facts = replace(facts, epochs=tuple(replace(epoch, missing="no_control") for epoch in facts.epochs))
    found = result_message(facts, "en", different_routes=True)
    assert found["verdicts"][0]["state"] == "insufficient"
    assert "from another address" in found["hint"]


@pytest.mark.parametrize(("vpn", "begins"), [(True, "Switch the VPN"), (None, "If a VPN or a proxy is on, switch")])
def test_with_a_vpn_the_first_thing_to_try_is_without_it(vpn: bool | None, begins: str):
    for drop_up in (0.0, 0.9):
        facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=drop_up)
        first, *_ = result_message(replace(facts, health=Health(vpn=vpn)), "en")["suggestions"]
        assert first["text"].startswith(begins)
    assert not result_message(facts, "en")["suggestions"][0]["text"].startswith(begins)


def test_a_result_is_told_in_every_language_by_the_same_facts():
    found = result_message(browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9), "ru")
    assert set(found["told"]) == set(LANGUAGE_NAMES)
    for code, told in found["told"].items():
        assert told["lang"] == code
        assert [verdict["state"] for verdict in told["verdicts"]] == ["restricted"]
    assert len({told["verdicts"][0]["sentence"] for told in found["told"].values()}) == len(LANGUAGE_NAMES)
    assert found["verdicts"] == found["told"]["ru"]["verdicts"]


def test_what_was_opened_is_counted_also_where_it_counts_for_nothing():
    facts = browser_checks.browser_check(browser_checks.even_loss(0.0), 5)
    opened = str(sum(len(epoch.flows) for epoch in facts.epochs))
    void = replace(facts, epochs=tuple(replace(epoch, missing="throttled") for epoch in facts.epochs))
    for each in (facts, void):
        assert dict(result_message(each, "en")["figures"])["Calls and control flows opened"] == opened


def test_calls_that_never_began_have_no_quality():
    lossy = browser_checks.browser_check(browser_checks.even_loss(0.0), 5, drop_up=0.9)
    verdict = judge_check(lossy)[0][0]
    for rule, has_quality in (("media.drop", True), ("stun.drop", False)):
        rows = dict(
            _verdict_figures(replace(verdict, rule=rule, alternatives=(), figures={**verdict.figures, "mos": 1.0}))
        )
        assert ("Quality, 1 to 4.5" in rows) is has_quality


def test_numbers_of_two_media_say_of_which_they_are():
    voice = judge_check(browser_checks.browser_check(browser_checks.even_loss(0.02), 5))[0][0]
    names = [name for name, _ in _media_figures([voice, replace(voice, medium="video")])]
    assert len(set(names)) == len(names)
    assert {name.partition(":")[0] for name in names} == {"voice", "video"}
