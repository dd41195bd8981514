"""Several means about one app, joined: what they say together, and that a disagreement is never passed over."""

from __future__ import annotations

import pytest

from factories.checks.verdicts_by_means import joined_states, state_combinations, verdict_of_basis
from talkpath.verdict.bases.joined_means import HELD_BACK_WORDS, finding_word, join_means
from talkpath.verdict.model import Category


@pytest.mark.parametrize(
    ("server", "addresses", "call", "conclusion", "disagree"),
    [
        ("ok", "ok", None, "well", False),
        ("ok", None, "ok", "well", False),
        ("ok", "restricted", None, "addresses", True),
        ("ok", None, "restricted", "addresses", True),
        ("ok", None, "likely", "addresses", True),
        ("ok", "restricted", "restricted", "addresses", True),
        ("ok", "ok", "restricted", "calls_there", True),
        ("ok", "restricted", "ok", "greetings", True),
        ("restricted", "ok", None, "shape", True),
        ("restricted", "ok", "restricted", "shape", True),
        ("restricted", "restricted", None, "both", False),
        ("restricted", None, "likely", "both", False),
        ("restricted", None, "ok", "server", True),
        ("restricted", None, None, "alone", False),
        ("closed", "restricted", None, "closed", False),
        ("closed", None, "ok", "server", True),
        ("impaired", "ok", None, "poor", False),
        ("impaired", "restricted", None, "alone", False),
        ("ok", None, "impaired", "poor", False),
        (None, "restricted", "restricted", "both", False),
        ("insufficient", "restricted", "insufficient", "alone", False),
        ("insufficient", "insufficient", "insufficient", "unknown", False),
        ("unreachable", "ok", None, "alone", False),
    ],
)
def test_what_the_means_say_together(server, addresses, call, conclusion, disagree):
    found = joined_states(server, addresses, call)
    assert (found.conclusion, found.disagree) == (conclusion, disagree)


def test_nothing_is_concluded_from_a_means_that_was_not_used_or_could_not_tell():
    for states in state_combinations():
        found = joined_states(*states)
        held = {each.means for each in found.findings if each.finding in HELD_BACK_WORDS}
        if found.conclusion in ("addresses", "calls_there", "greetings"):
            assert held & {"addresses", "call"}, states
        if found.conclusion in ("shape", "both", "server"):
            assert held or found.of("server").finding == "closed", states
        if found.conclusion == "well" and len(found.findings) > 1:
            assert [each.finding for each in found.findings].count("well") > 1, states
        if found.conclusion in ("well", "poor", "unknown"):
            assert not held, states


def test_a_poor_line_or_closed_calls_never_become_a_sign_of_a_rule_about_an_app():
    for states in state_combinations():
        if not {"restricted", "likely"} & set(states):
            assert joined_states(*states).conclusion in ("well", "alone", "poor", "closed", "server", "unknown")


def test_call_servers_speak_of_voice_and_video_and_never_of_messages():
    rows = join_means(
        [
            verdict_of_basis("address", "restricted"),
            verdict_of_basis("shape", "ok", "video"),
            verdict_of_basis("signalling", "ok", "text"),
        ]
    )
    assert [(each.medium, each.conclusion) for each in rows] == [
        ("text", "well"),
        ("voice", "alone"),
        ("video", "addresses"),
    ]


@pytest.mark.parametrize(
    ("bound", "conclusion"),
    [("address", "addresses"), ("both", "calls_there"), ("shape", "elsewhere"), (None, "addresses")],
)
def test_what_a_rule_on_the_way_to_the_addresses_is_bound_to_decides(bound, conclusion):
    parameters = {"bound_to": Category(bound)} if bound else {}
    rows = join_means(
        [verdict_of_basis("shape", "ok"), verdict_of_basis("address", "restricted", parameters=parameters)]
    )
    assert (rows[0].conclusion, rows[0].disagree) == (conclusion, True)


def test_of_several_calls_the_worst_counts():
    rows = join_means(
        [verdict_of_basis("call", "ok"), verdict_of_basis("call", "restricted"), verdict_of_basis("shape", "ok")]
    )
    assert rows[0].conclusion == "addresses"


@pytest.mark.parametrize(
    ("rule", "direction", "conclusion"),
    [("media.drop", "up", "alone"), ("media.drop", "down", "server"), ("stun.drop", "up", "server")],
)
def test_a_call_that_was_well_for_this_end_says_nothing_against_a_rule_on_what_it_sent(rule, direction, conclusion):
    (found,) = join_means(
        [verdict_of_basis("shape", "restricted", rule=rule, direction=direction), verdict_of_basis("call", "ok")]
    )
    assert found.conclusion == conclusion


def test_apps_are_kept_apart():
    rows = join_means([verdict_of_basis("shape", "ok"), verdict_of_basis("shape", "restricted", app="whatsapp")])
    assert [(each.app, each.conclusion) for each in rows] == [("telegram", "well"), ("whatsapp", "alone")]


def test_a_probe_that_could_not_tell_is_not_taken_for_likely():
    assert finding_word(verdict_of_basis("shape", "likely")) == "unknown"
    assert finding_word(verdict_of_basis("call", "likely")) == "likely"
