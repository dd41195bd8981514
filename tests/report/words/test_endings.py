"""Why a check did not begin or ended early: what was seen, both explanations, and what would tell them apart."""

from __future__ import annotations

import pytest

from print_sentences import LOST, NEVER_OPENED
from talkpath.measure.facts import ControlAttempt, Reach
from talkpath.report.words.endings import ending_words, without_a_server
from talkpath.report.words.language import language, language_codes, speaking

DURING = ("responder_lost", "network_lost", "interrupted")
TELLS = "try this link from another network, and another test server from this one"
THE_WAY = "something on the way"


@pytest.mark.parametrize("ended", ["done", "budget"])
def test_a_check_that_ended_as_planned_needs_no_words(ended: str) -> None:
    assert ending_words(ended, Reach(), measured=True) == ending_words(ended, Reach(), measured=False) == ""


@pytest.mark.parametrize("reach", NEVER_OPENED, ids=lambda reach: f"{reach.control} {len(reach.attempts)}")
def test_what_was_seen_has_both_explanations_and_a_next_step(reach: Reach) -> None:
    text = ending_words("responder_lost", reach, measured=False)
    assert "ither " in text
    assert THE_WAY in text or reach.control == "unresolved"
    assert TELLS in text
    assert "kept" not in text


@pytest.mark.parametrize("reach", LOST, ids=lambda reach: f"{reach.lost} {reach.again}")
def test_a_server_that_was_lost_may_have_been_cut_off(reach: Reach) -> None:
    text = ending_words("responder_lost", reach, measured=True)
    assert "either the server" in text
    assert THE_WAY in text
    assert TELLS in text


def test_what_the_server_did_itself_is_blamed_on_nobody_else() -> None:
    """A close_notify is encrypted: nobody on the path can forge one."""
    text = ending_words("responder_lost", Reach(lost="closed", again="refused"), measured=True)
    assert "itself" in text
    assert THE_WAY not in text


@pytest.mark.parametrize(("twin", "said"), [("answered", "TLS is treated apart"), ("silent", "not answered either")])
def test_the_random_bytes_beside_the_client_hello_are_told(twin: str, said: str) -> None:
    attempts = (ControlAttempt(443, "silent", "bare"), ControlAttempt(443, twin, "random"))
    assert said in ending_words("responder_lost", Reach(control="silent", attempts=attempts), measured=False)


@pytest.mark.parametrize("code", DURING)
def test_what_was_measured_until_then_is_kept(code: str) -> None:
    with_some, with_none = (ending_words(code, Reach(), measured=measured) for measured in (True, False))
    assert with_some.endswith("What was measured until then is judged all the same.")
    assert with_none.endswith("Nothing had been measured yet.")
    assert with_some.partition(". ")[0] == with_none.partition(". ")[0]


@pytest.mark.parametrize("code", language_codes())
def test_every_ending_has_words_of_its_own(code: str) -> None:
    with speaking(language(code)):
        texts = [ending_words("responder_lost", reach, measured=True) for reach in [*NEVER_OPENED, *LOST, Reach()]]
        texts += [ending_words(ended, Reach(), measured=True) for ended in DURING[1:]]
    different = {reach.control for reach in NEVER_OPENED if reach.control in ("failed", "not_tls", "other_key")}
    assert len(set(texts)) == len(texts) - len(different)  # of these the random bytes say nothing


def test_without_a_server_three_ways_lead_on() -> None:
    text = without_a_server()
    assert [line.strip()[:2] for line in text.splitlines() if line.strip()[:2] in ("1.", "2.", "3.")] == [
        "1.",
        "2.",
        "3.",
    ]
    for command in (
        "talkpath respond --invite",
        "talkpath check",
        "talkpath respond --doctor",
        "talkpath capture",
    ):
        assert command in text
