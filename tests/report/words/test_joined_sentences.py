"""Sentences that join several means: each clause stays within its basis, and a disagreement is said."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from factories.checks.verdicts_by_means import joined_states, state_combinations, verdict_of_basis
from talkpath.report import joined_report
from talkpath.report.words.joined_sentences import joined_sentences
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.verdict.bases.joined_means import HELD_BACK_WORDS, join_means
from talkpath.verdict.model import Category, Number, Reason, Verdict

ISSUE = (
    "Calls shaped like Telegram's reach a test server; packets to Telegram's own call servers are lost on the way, "
    "whatever they carry. The means disagree, and that is telling: this is consistent with a rule about Telegram's "
    "addresses, which calls to a test server cannot show. A bad stretch of the way to its servers would look the same."
)


def at_hop(number: float, kind: str) -> Verdict:
    place = {"hop": Number(number, number, number), "hop_kind": Category(kind), "bound_to": Category("address")}
    reason = Reason("routes", {"servers": 3, "neutral": 3, "odds": 20})
    return verdict_of_basis("address", "insufficient", reason=reason, alternatives=("address.block",), parameters=place)


def test_an_order_bound_to_addresses_is_told_as_such():
    assert joined_sentences(join_means([verdict_of_basis("shape", "ok"), at_hop(3.0, "provider")])) == [ISSUE]


def test_call_servers_that_do_not_answer_may_be_down_and_what_is_proven_of_them_is_not():
    silent = verdict_of_basis("address", "insufficient", reason=Reason("outage"), alternatives=("address.block",))
    (line,) = joined_sentences(join_means([verdict_of_basis("shape", "ok"), silent]))
    assert line.endswith("An outage of Telegram, or trouble at its servers, would look the same.")
    assert "outage" not in joined_sentences(join_means([verdict_of_basis("shape", "ok"), at_hop(3.0, "provider")]))[0]


def test_what_a_single_call_or_silent_servers_fit_is_told_with_an_outage_that_would_look_the_same():
    for states in state_combinations():
        found = joined_states(*states)
        text, words = " ".join(joined_sentences([found])), {each.finding for each in found.findings}
        own = "likely" in words and found.conclusion in ("alone", "addresses", "calls_there", "both")
        assert ("outage" in text) == (own and "held" not in words), (states, text)
        assert ("signs of one restriction" in text) <= ("held" in words), (states, text)


def test_where_only_calls_of_the_persons_own_fail_the_other_end_is_named():
    """Nothing is known of it; a test server, or the app's own, that are not reached leave it out."""
    for states in state_combinations():
        found = joined_states(*states)
        held = {each.means for each in found.findings if each.finding in HELD_BACK_WORDS}
        assert ("other person's end" in " ".join(joined_sentences([found]))) == (held == {"call"}), states


def test_each_means_is_spoken_of_only_where_it_was_used():
    for states in state_combinations():
        text = " ".join(joined_sentences([joined_states(*states)]))
        server, addresses, call = (state is not None for state in states)
        assert ("test server" in text) <= server, (states, text)
        assert ("own call servers" in text) <= addresses, (states, text)
        assert ("your own telegram call" in text.lower()) <= call, (states, text)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("tls.hello_drop", "Telegram's servers for messages are reached by one kind of client, not by another"),
        ("signalling.block", "TLS handshakes with the names of Telegram's servers are held back on the way"),
    ],
)
def test_what_is_proven_about_first_messages_of_tls_is_no_silence_of_servers(rule: str, told: str):
    found = verdict_of_basis("signalling", "restricted", "text", rule=rule)
    (line,) = joined_sentences(join_means([verdict_of_basis("shape", "ok"), found]))
    assert told in line
    assert "do not answer" not in line


def test_a_disagreement_is_said_and_none_is_made_up():
    for states in state_combinations():
        found = joined_states(*states)
        assert ("disagree" in " ".join(joined_sentences([found]))) == found.disagree, states


def test_no_sentence_promises_calls_or_accuses_beyond_what_was_found():
    for states in state_combinations():
        found = joined_states(*states)
        text = " ".join(joined_sentences([found])).lower()
        assert "calls work" not in text
        assert "blocked by" not in text
        if not any(each.finding in HELD_BACK_WORDS for each in found.findings) and found.conclusion != "server":
            assert "consistent with" not in text, (states, text)
            assert "held back" not in text, (states, text)


def test_voice_and_video_that_differ_get_a_sentence_each():
    rows = join_means(
        [
            verdict_of_basis("shape", "ok"),
            verdict_of_basis("shape", "restricted", "video"),
            verdict_of_basis("address", "ok"),
        ]
    )
    first, second = joined_sentences(rows)
    assert first.startswith("Telegram, voice: ")
    assert second.startswith("Telegram, video: ")


def test_messages_stand_beside_the_calls():
    (line,) = joined_sentences(
        join_means([verdict_of_basis("shape", "ok"), verdict_of_basis("signalling", "restricted", "text")])
    )
    assert "Telegram's servers for messages do not answer" in line


@pytest.mark.parametrize("code", language_codes())
def test_every_language_has_all_of_it(code):
    with speaking(language(code)):
        pairs = [states for states in state_combinations() if states.count(None) == 1]
        lines = {" ".join(joined_sentences([joined_states(*states)])) for states in pairs}
        english = {line for line in lines if "test server" in line}
        assert code == "en" or not english


def test_the_table_has_a_column_for_each_means_and_a_dash_where_nothing_was_measured():
    rows = join_means(
        [
            verdict_of_basis("shape", "ok"),
            verdict_of_basis("shape", "ok", "video"),
            verdict_of_basis("address", "restricted", rule="media.drop", log10_e=6.0),
            verdict_of_basis("signalling", "ok", "text"),
            verdict_of_basis("call", "likely"),
        ]
    )
    text = io.StringIO()
    joined_report.show_joined(Console(file=text, width=110), rows)
    head, messages, voice, video, *_ = text.getvalue().splitlines()
    places = [head.index(title) for title in ("app", "medium", "calls to a test server", "its own call servers")]
    assert places == sorted(places)
    assert "your own call" in head
    assert messages.split()[:2] == ["Telegram", "messages"]
    assert messages.count("–") == 2
    assert "✗ held back" in voice
    assert "? perhaps held back" in voice
    assert video.count("–") == 1
    assert "– not tried" in text.getvalue()


def test_the_json_has_every_finding():
    (row,) = joined_report.joined_entries([joined_states("ok", "restricted")])
    assert row["conclusion"] == "addresses"
    assert row["disagree"] is True
    assert [(each["means"], each["finding"], each["state"]) for each in row["findings"]] == [
        ("server", "well", "ok"),
        ("addresses", "held", "restricted"),
    ]
