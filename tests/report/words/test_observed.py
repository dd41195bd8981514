"""The first line below a sentence: what was counted, in the direction that the verdict is about."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from print_sentences import LOSSES, PARAMETERS, verdict_of_state
from talkpath.report.words.observed import SET_UP_RULES, VOIDING_REASONS, observed_line
from talkpath.verdict.model import Number, Reason


@pytest.mark.parametrize(
    ("direction", "begins"),
    [
        (
            "up",
            "Of 100 call packets 31 (26–36) were lost on the way out; of 100 packets of control traffic sent at the "
            "same moments, 1.",
        ),
        (
            "down",
            "Of 100 call packets 2 (0–4) were lost on the way back; of 100 packets of control traffic sent at",
        ),
        (
            "both",
            "Of 100 call packets 31 were lost on the way out and 2 on the way back; of 100 packets of",
        ),
        (None, "Of 100 call packets 31 (26–36) were lost on the way out"),
    ],
)
def test_losses_are_those_of_the_direction(direction: Any, begins: str) -> None:
    assert observed_line(verdict_of_state(direction=direction)).startswith(begins)


def test_an_interval_that_is_no_wider_than_its_number_is_not_told() -> None:
    figures = {**LOSSES, "calls_lost_up": 1.0, "calls_lost_up_low": 1.0, "calls_lost_up_high": 1.0}
    assert observed_line(verdict_of_state(figures=figures)).startswith(
        "Of 100 call packets 100 were lost on the way out;"
    )


@pytest.mark.parametrize(("estimate", "at_random"), [(0.3, True), (0.96, True), (0.98, False), (1.0, False)])
@pytest.mark.parametrize("direction", ["up", "both"])
def test_only_what_lets_some_packets_through_drops_at_random(direction: Any, estimate: float, at_random: bool) -> None:
    parameters = {"p": Number(estimate, estimate - 0.02, min(1.0, estimate + 0.02))}
    line = observed_line(verdict_of_state(rule="media.drop", direction=direction, parameters=parameters))
    assert "call packets are dropped" in line
    assert ("at random" in line) is at_random


@pytest.mark.parametrize("rule", SET_UP_RULES)
def test_rules_about_set_up_are_told_by_the_set_up(rule: str) -> None:
    line = observed_line(verdict_of_state(rule=rule, parameters={}))
    assert line.startswith("The set-up of the calls was not answered; that of control traffic")
    assert "31" not in line


@pytest.mark.parametrize(
    ("delay", "begins"),
    [(180.4, "Call packets came 180"), (None, "Of 100 call packets 31 (26–36) were lost on the way out")],
)
def test_delay_is_told_as_delay_where_it_was_measured(delay: float | None, begins: str) -> None:
    figures = LOSSES | ({"extra_delay_ms_up": delay} if delay is not None else {})
    late = verdict_of_state(rule="media.delay", parameters=PARAMETERS["media.delay"], figures=figures)
    assert observed_line(late).startswith(begins)


@pytest.mark.parametrize("missing", ["calls_lost_up", "calls_lost_up_low", "calls_lost_up_high", "twins_lost_up"])
def test_without_one_of_the_numbers_none_is_told(missing: str) -> None:
    figures = {name: value for name, value in LOSSES.items() if name != missing}
    assert observed_line(verdict_of_state(figures=figures)).startswith("Calls fared worse than control traffic")


@pytest.mark.parametrize(
    ("rule", "alternatives", "consistent"),
    [
        ("media.drop", (), True),
        ("media.unknown", (), False),
        ("media.unknown", ("media.drop", "media.police"), True),
        (None, (), False),
    ],
)
def test_a_mechanism_is_told_only_where_one_is_named(
    rule: str | None, alternatives: tuple[str, ...], consistent: bool
) -> None:
    line = observed_line(verdict_of_state(rule=rule, alternatives=alternatives))
    assert (": call packets are dropped" in line) is consistent
    assert line.count(":") == consistent  # a clause that says of itself that it fits is not put into another


def test_ok_and_impaired_tell_both_directions_of_both() -> None:
    fine = observed_line(verdict_of_state("ok", figures=LOSSES))
    assert fine == (
        "Of 100 call packets 31 were lost on the way out and 2 on the way back; of 100 packets of control traffic, "
        "1 and 3."
    )
    assert observed_line(verdict_of_state("impaired", figures=LOSSES)) == (
        "Calls would have a voice quality of 2.4 of 4.5. Lost of 100 packets, out and back: calls 31 and 2, control "
        "traffic 1 and 3."
    )


def test_closed_names_what_passes_and_the_rule() -> None:
    line = observed_line(verdict_of_state("closed"))
    assert "while other traffic to the same machine passed" in line
    assert "UDP does not pass, TCP does" in line
    assert "looks when" not in observed_line(verdict_of_state("closed", rule=None))


@pytest.mark.parametrize("code", VOIDING_REASONS)
def test_where_all_is_void_no_number_is_told(code: Any) -> None:
    bare = verdict_of_state("insufficient", reason=Reason(code), figures={})
    assert observed_line(bare) == "For that reason calls were not judged."


def test_where_too_little_came_it_is_not_called_void() -> None:
    little = verdict_of_state("insufficient", reason=Reason("budget"), figures={})
    assert observed_line(little) == "Too little came in to be counted."
    assert observed_line(replace(little, call_packets=200)) == "What was measured until then does not settle it."
    assert observed_line(replace(little, figures=LOSSES)).startswith(
        "In the comparisons that count, out and back, calls had lost 31 and 2"
    )


def test_of_the_unreachable_nothing_came_back() -> None:
    assert (
        observed_line(verdict_of_state("unreachable", figures={}))
        == "No connection to it came about, so no call was placed."
    )
