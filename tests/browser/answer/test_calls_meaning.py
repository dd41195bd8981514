"""What a verdict means for calls: every state and every rule has an effect, and only `ok` says that calls work."""

from __future__ import annotations

from typing import get_args

import pytest
from msgspec.structs import replace

from talkpath.apps.contract.shape import AffectedDirections
from talkpath.browser.answer.calls_meaning import calls_effect, calls_meaning, next_step, what_it_is_not
from talkpath.report.words import sentences
from talkpath.report.words.check_context import CheckContext
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.model import Reason, State, Verdict
from talkpath.verdict.rules import all_rules

ALONE = CheckContext()


def verdict(
    state: State, rule: str | None = None, *, lost: float = 0.2, medium: str = "voice", fitting: tuple[str, ...] = ()
) -> Verdict:
    return Verdict(
        app="webrtc",
        variant="dtls",
        medium=medium,  # type: ignore[arg-type]
        state=state,
        rule=rule,
        basis="webrtc",
        alternatives=fitting,
        figures={"calls_lost_up": lost},
        reason=Reason("hidden") if state == "insufficient" else None,
    )


@pytest.mark.parametrize(
    ("one", "effect"),
    [
        (verdict("ok"), "works"),
        (verdict("closed"), "never_starts"),
        (verdict("impaired"), "stutters"),
        (verdict("impaired", lost=0.8), "silent"),
        (verdict("unreachable"), "unknown"),
        (verdict("insufficient"), "unknown"),
        (verdict("restricted"), "stutters"),
        (verdict("restricted", "media.drop"), "stutters"),
        (verdict("restricted", "media.drop", lost=0.8), "silent"),
        (verdict("restricted", "media.drop", lost=1.0), "mute"),
        (verdict("restricted", "media.delay"), "late"),
        (verdict("restricted", "media.freeze", lost=0.8), "breaks_off"),
        (verdict("restricted", "stun.drop"), "never_starts"),
        (verdict("restricted", "dtls.hello_drop"), "never_starts"),
        (verdict("restricted", "media.unknown", fitting=("flow.block", "stun.drop")), "never_starts"),
        (verdict("restricted", "media.unknown", fitting=("media.drop", "media.freeze")), "stutters"),
        (verdict("restricted", "media.unknown", fitting=("flow.block", "media.drop"), lost=0.8), "silent"),
    ],
)
def test_the_effect_of_each_kind_of_verdict(one: Verdict, effect: str) -> None:
    assert calls_effect(one) == effect


def test_no_restriction_says_that_calls_work() -> None:
    effects = {calls_effect(verdict("restricted", rule)) for rule in all_rules()}
    assert not effects & {"works", "unknown"}


def test_every_effect_has_a_sentence_of_its_own_in_every_language() -> None:
    made = [verdict(state, lost=lost) for state in get_args(State) for lost in (0.2, 0.8, 1.0)]
    made += [verdict("restricted", rule) for rule in all_rules()]
    effects = {calls_effect(one): one for one in made}
    for code in language_codes():
        with speaking(language(code)):
            assert len({calls_meaning(one) for one in effects.values()}) == len(effects) == 8


@pytest.mark.parametrize(
    ("rule", "direction", "who"),
    [
        ("media.drop", "up", "The other person notices it, since it is what you send."),
        ("media.delay", "down", "You notice it, since it is what is sent to you."),
        ("media.drop", "both", ""),
        ("media.freeze", "up", ""),  # a call that breaks off does so for both
        ("stun.drop", "up", ""),
    ],
)
def test_what_one_of_the_two_hears_is_told_of_that_one(rule: str, direction: AffectedDirections, who: str) -> None:
    one = replace(verdict("restricted", rule), direction=direction)
    means = calls_meaning(one)
    assert means.endswith(who)
    assert ("notice" in means) is bool(who)


def test_advice_is_no_limit_of_a_verdict() -> None:
    for state in get_args(State):
        one = verdict(state)
        observed, certainty, last = sentences.verdict_lines(one)
        assert observed not in (what_it_is_not(one, ALONE), next_step(one, ALONE))
        assert last.endswith(next_step(one, ALONE))
        assert what_it_is_not(one, ALONE) in (certainty, last, last.removesuffix(next_step(one, ALONE)).strip())
        assert "Try again" not in what_it_is_not(one, ALONE)  # which would stand under what it does not mean
        assert next_step(one, ALONE) != what_it_is_not(one, ALONE)
