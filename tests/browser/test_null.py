"""Where nothing is restricted: made-up checks whose effects are tied to 5-tuple and time, seeds fixed.

`python tests/factories/checks/browser_checks.py 400` is the long run, in docs/why/2026-11-24-browser.md.
"""

from __future__ import annotations

from math import log

import pytest
from msgspec.structs import replace
from scipy.stats import binom

from factories.checks import browser_checks
from talkpath.browser.far_end.schedule import WATCH_SLOTS, EpochRequest, watch_request
from talkpath.browser.web.next_epoch import FIRST_EPOCHS
from talkpath.measure.validate import validate_facts
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.statistics.strength import arm_strength
from talkpath.wire.control.question import WatchedCalls

RUNS = 20


@pytest.mark.long
@pytest.mark.parametrize("name", list(browser_checks.BACKGROUNDS))
def test_evidence_stays_weak(name: str):
    """Of e-values one in twenty at most may reach 20; more than chance allows of that is a fault (1 in 1000 here)."""
    checks = (browser_checks.browser_check(browser_checks.BACKGROUNDS[name], number) for number in range(RUNS))
    peaks = [arm_strength(facts.epochs, log(1e4)).peak_log_e for facts in checks]
    assert sum(peak >= log(20) for peak in peaks) <= binom.ppf(0.999, RUNS, 0.05)
    assert max(peaks) < log(1e4)


WATCHED = replace(watch_request("voice"), slots=WATCH_SLOTS)
USUAL = FIRST_EPOCHS["voice"]
PROOF = EpochRequest(medium="voice", question=WatchedCalls(), texts=0, slots=600)


@pytest.mark.long
@pytest.mark.parametrize("name", list(browser_checks.BACKGROUNDS))
def test_calls_that_are_watched_for_longer_accuse_no_more(name: str):
    checks = (
        browser_checks.browser_check(browser_checks.BACKGROUNDS[name], number, USUAL, watched=[WATCHED, PROOF, PROOF])
        for number in range(RUNS)
    )
    peaks = [arm_strength(facts.epochs, log(1e4)).peak_log_e for facts in checks]
    assert sum(peak >= log(20) for peak in peaks) <= binom.ppf(0.999, RUNS, 0.05)
    assert max(peaks) < log(1e4)


def test_facts_of_watched_calls_are_such_as_checks_write():
    facts = replace(
        browser_checks.browser_check(browser_checks.even_loss(0.02), 1, USUAL, watched=[WATCHED, PROOF]),
        started_at="2026-11-27T10:00:00Z",
    )
    validate_facts(facts)
    assert [epoch.question.kind for epoch in facts.epochs] == [*USUAL * ["baseline"], "watch", "watch"]
    assert judge_facts(facts)[0].watched_s > 25.0


def test_a_page_says_that_all_is_well_only_of_calls_that_it_watched():
    briefly, watched = (
        judge_facts(browser_checks.browser_check(browser_checks.lossless, 1, USUAL, watched=more))[0]
        for more in ([], [WATCHED])
    )
    assert briefly.reason is not None
    assert (briefly.state, briefly.reason.code) == ("insufficient", "watched_briefly")
    assert briefly.reason.values["seconds"] < 10.0
    assert watched.state == "ok"
    assert watched.watched_s >= 25.0


def test_a_rule_about_calls_is_seen_all_the_same():
    found = [
        judge_facts(browser_checks.browser_check(browser_checks.even_loss(0.02), number, drop_up=0.3))[0]
        for number in range(4)
    ]
    assert [(v.state, v.rule, v.direction) for v in found] == [("restricted", "media.drop", "up")] * 4
    assert all(v.parameters["p"].low < 0.3 < v.parameters["p"].high for v in found)  # type: ignore[union-attr]


@pytest.mark.long
def test_calls_that_only_begin_later_are_not_worse():
    """What a call did not send yet is nothing that it lost, however twins die beside it."""
    peaks = [
        arm_strength(
            browser_checks.browser_check(browser_checks.forgotten_mappings, number).epochs, log(1e4)
        ).peak_log_e
        for number in range(100, 120)
    ]
    assert max(peaks) < log(1000)


def test_phases_are_what_keeps_short_bursts_from_accusing():
    """With all calls at one instant and all twins at another, weather tells them apart, as it did in Chromium."""
    in_step = [
        arm_strength(
            browser_checks.browser_check(browser_checks.short_bursts, number, in_step=True).epochs, log(1e4)
        ).peak_log_e
        for number in range(16)
    ]
    assert sum(peak >= log(20) for peak in in_step) >= 4
