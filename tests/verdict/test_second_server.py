"""What a second test server adds to the verdicts of the first."""

from __future__ import annotations

import pytest

from talkpath.verdict.bases.second_server import second_opinions, wants_second
from talkpath.verdict.model import State, Verdict


def verdict(state: State, app: str = "webrtc", log10_e: float | None = None) -> Verdict:
    return Verdict(app=app, variant="voice", medium="voice", state=state, log10_e=log10_e)


@pytest.mark.parametrize(
    ("first", "second", "agreement"),
    [
        ("restricted", "restricted", "two_of_two"),
        ("restricted", "closed", "two_of_two"),
        ("closed", "closed", "two_of_two"),
        ("unreachable", "unreachable", "two_of_two"),
        ("restricted", "ok", "one_of_two"),
        ("closed", "ok", "one_of_two"),
        ("restricted", "impaired", "unknown"),
        ("closed", "insufficient", "unknown"),
    ],
)
def test_agreement(first: State, second: State, agreement: str):
    (opinion,) = second_opinions([verdict(first)], [verdict(second)])
    assert (opinion.state, opinion.second, opinion.agreement) == (first, second, agreement)


def test_both_e_values_are_joined_by_their_product():
    (opinion,) = second_opinions([verdict("restricted", log10_e=6.0)], [verdict("restricted", log10_e=5.5)])
    assert opinion.log10_e == 11.5


@pytest.mark.parametrize(("first", "second"), [("restricted", "ok"), ("closed", "restricted")])
def test_no_e_value_is_told_where_one_of_both_does_not_accuse(first: State, second: State):
    (opinion,) = second_opinions([verdict(first, log10_e=6.0)], [verdict(second, log10_e=5.0)])
    assert opinion.log10_e is None


def test_only_what_was_asked_has_an_opinion():
    first = [verdict("restricted"), verdict("ok", "signal"), verdict("impaired", "viber"), verdict("closed", "zoom")]
    assert [one.app for one in wants_second(first)] == ["webrtc", "zoom"]
    assert [one.app for one in second_opinions(first, [verdict("ok"), verdict("ok", "signal")])] == ["webrtc"]
