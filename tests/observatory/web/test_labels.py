"""Numbers and their intervals in words: none is printed that is the estimate and its own bound."""

from __future__ import annotations

import pytest

from talkpath.observatory.events.record import EVERYWHERE, Event
from talkpath.observatory.reach.estimate import Affected, ReachEstimate, estimate_union
from talkpath.observatory.reach.tables import Audience, NetworkUsers, Population, ReachTables
from talkpath.observatory.web.labels import assumption_text, reach_text, share_of_networks, share_of_reports
from talkpath.observatory.web.views.quotable import may_write, must_not
from talkpath.report.words.language import language, language_codes, speaking


@pytest.mark.parametrize(
    ("yes", "low", "high", "text"),
    [
        (9, 0.43, 0.95, "43 % to 95 % of networks"),
        (12, 0.735, 1.0, "at least 74 % of networks"),
        (0, 0.0, 0.265, "at most 26 % of networks"),
        (12, 0.999, 1.0, "100 % of networks"),
    ],
)
def test_shares_of_networks(yes: int, low: float, high: float, text: str):
    assert share_of_networks(yes, 12, low, high).replace("\u00a0", " ") == text


def test_shares_of_reports():
    said = [share_of_reports(*known).replace("\u00a0", " ") for known in ((0.8, 0.7, 0.9), (1.0, 0.8, 1.0), (1, 1, 1))]
    assert said == [
        "80 % say restricted (70 % to 90 %)",
        "100 % say restricted (at least 80 %)",
        "100 % say restricted",
    ]


def reach(estimate: float | None, low: float, high: float) -> str:
    return reach_text(ReachEstimate("XX", ("telegram",), "voice", estimate, low, high, 9, ()))


def test_people():
    assert reach(64.7e6, 57.1e6, 68e6) == "Telegram, voice: about 64.7 million people, 57.1 to 68.0 million."
    assert reach(68.01e6, 57.1e6, 68.04e6) == "Telegram, voice: about 68.0 million people, at least 57.1 million."
    assert reach(57.1e6, 57.11e6, 68e6) == "Telegram, voice: about 57.1 million people, at most 68.0 million."
    assert reach(4.2e6, 4.21e6, 4.19e6) == "Telegram, voice: about 4.2 million people."
    assert reach(None, 1e6, 2e6) == "Telegram together, voice: 1.0 to 2.0 million people."


def test_no_sentence_says_that_nobody_measured_before_where_somebody_found_nothing():
    event = Event("XX/AS64496/max/voice/2025-08-11/began", "AS64496", "XX", "max", "voice", "began", None,
                  "2025-08-11", "confirmed", 17, 6)  # fmt: skip
    assert "nobody knows since when" in " ".join(may_write(event, "2025-08-30", current=True))
    told = " ".join(may_write(event, "2025-08-30", current=True, well="2025-08-07"))
    assert "Reports of 2025-08-07 say that nothing was restricted then" in told
    assert "since when" not in told


def test_what_is_confirmed_says_on_how_many_test_servers_it_rests_and_never_that_people_are_independent():
    """It read "independent reports agree": one test server, or one hand with many addresses, makes such an event."""

    def event(servers: int, level: str = "confirmed", network: str = "AS64496") -> Event:
        return Event(f"XX/{network}/max/voice/2025-08-11/began", network, "XX", "max", "voice", "began", "2025-08-10",
                     "2025-08-11", level, 6, 5, servers=servers)  # fmt: skip

    def sentences(found: Event) -> str:
        return " ".join(may_write(found, "2025-08-30", current=True))

    assert "but one test server alone vouches for them" in sentences(event(1))
    assert "Test servers that vouch for them: 2." in sentences(event(2))
    assert "whatever any two of their test servers say" in sentences(event(3, "attack-resistant"))
    assert "alone" not in sentences(event(1, network=EVERYWHERE)), "on its other networks there may be several"
    assert "ndependent" not in sentences(event(2))
    assert any("“Independent people confirm it”" in said for said in must_not(event(2)))
    assert not any("Independent people" in said for said in must_not(event(2, "signal")))


@pytest.mark.parametrize("network", ["AS64496", EVERYWHERE])
def test_what_one_person_confirms_says_so(network: str):
    def sentences(contributors: int, level: str) -> str:
        event = Event(f"XX/{network}/max/voice/2025-08-11/began", network, "XX", "max", "voice", "began", "2025-08-10",
                      "2025-08-11", level, 6, contributors)  # fmt: skip
        return " ".join(may_write(event, "2025-08-30", current=True))

    assert "all reports may be one person's" in sentences(1, "confirmed")
    assert "reports agree" not in sentences(1, "confirmed")
    assert "reports agree" in sentences(2, "confirmed")
    assert "first sign, and not confirmed" in sentences(1, "signal")


@pytest.mark.parametrize("code", [code for code in language_codes() if code != "en"])
def test_what_was_assumed_for_a_number_is_in_the_language_of_the_page(code: str):
    """It stood in English beside a number in Russian: who cannot read it takes the number for a count."""
    audience = Audience("telegram", "XX", "2026-02", 95.3e6, 99.1e6, "a panel", "day")
    people = Population("XX", 123.1e6, "a census")
    users = (NetworkUsers("AS1", "XX", 1.0), NetworkUsers("AS2", "XX", 3.0))
    tables = ReachTables(audiences=(audience,), populations=(people,), networks=users)
    affected = [Affected("AS1", 3, 4), Affected("AS9", 3, 4)]
    reach = estimate_union("voice", {"telegram": affected}, [audience], tables)
    with speaking(language(code)):
        said = [assumption_text(sentence) for sentence in reach.assumptions]
    assert len(said) == 6
    assert not set(said) & set(reach.assumptions)
    assert any("Telegram" in sentence and "95.3–99.1" in sentence for sentence in said)
    assert assumption_text("Something else.") == "Something else."
