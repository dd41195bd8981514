"""The feed: valid Atom, nothing that may not be published, corrections among the rest."""

from __future__ import annotations

from xml.etree import ElementTree

from msgspec.structs import replace
from test_journal import AT, event

from talkpath.observatory.feeds.journal import new_lines
from talkpath.observatory.feeds.publish import ATOM_NAMESPACE, atom_feed, published_lines
from talkpath.observatory.publication import Publication

NS = f"{{{ATOM_NAMESPACE}}}"
NOW = "2025-09-02T00:00:00Z"


def test_each_line_is_an_entry_and_the_newest_is_first():
    journal = new_lines([], [event(level="confirmed", simulated=True)], AT)
    journal += new_lines(journal, [], NOW)
    root = ElementTree.fromstring(atom_feed(journal, NOW, address="https://observatory.example"))
    titles = [entry.findtext(f"{NS}title") for entry in root.findall(f"{NS}entry")]
    assert root.findtext(f"{NS}title") == "SIMULATED: talkpath, events"
    assert titles[0].startswith(
        "SIMULATED: taken back: signs of a restriction of voice calls that look like Max's on AS1 (XX)"
    )
    assert titles[1].startswith("SIMULATED: signs of a restriction of voice calls that look like Max's on AS1 (XX)")
    assert root.findtext(f"{NS}updated") == NOW
    assert len({entry.findtext(f"{NS}id") for entry in root.findall(f"{NS}entry")}) == 2
    (link,) = root.findall(f"{NS}entry")[1].findall(f"{NS}link")
    assert link.get("href") == f"https://observatory.example/event/{journal[0].event.id}"
    terms = [category.get("term") for category in root.findall(f"{NS}entry")[1].findall(f"{NS}category")]
    assert terms == ["XX", "AS1", "max", "voice", "began", "confirmed"]


def test_an_empty_feed_is_one():
    root = ElementTree.fromstring(atom_feed([], NOW))
    assert root.findtext(f"{NS}updated") == NOW
    assert root.findall(f"{NS}entry") == []


def test_small_cells_are_not_in_it():
    journal = new_lines([], [event(contributors=4), event(network="AS2", contributors=5)], AT)
    assert [told.event.network for told in published_lines(journal, Publication(), "2025-09-01")] == ["AS2"]


def test_an_event_of_a_country_names_no_network_with_too_few_people():
    """Feeds and webhooks look at one line at a time, and named them all; how many there are is told."""
    few, many = event(contributors=4), event(network="AS2", contributors=5)
    country = event(network="*", contributors=5, networks=("AS1", "AS2"), hit=2, measured=3)
    journal = new_lines([], [few, many, country], AT)
    shown = published_lines(journal, Publication(), "2025-09-01")
    assert {told.event.network: told.event.networks for told in shown} == {"AS2": (), "*": ("AS2",)}
    assert ", 2 of 3 networks" in atom_feed(shown, NOW)
    journal += new_lines(journal, [event(contributors=5), many, country], NOW)
    assert published_lines(journal, Publication(), "2025-09-02")[1].event.networks == ("AS1", "AS2")


def test_what_still_carries_is_told_late():
    journal = new_lines([], [event(level="confirmed", carries=("tls/443",))], AT)
    (early,) = published_lines(journal, Publication(), "2025-09-01")
    (late,) = published_lines(journal, Publication(), "2025-09-30")
    assert (early.event.carries, late.event.carries) == ((), ("tls/443",))
    assert replace(early.event, carries=("tls/443",)) == late.event


def test_an_operator_is_named_where_it_is_known():
    journal = new_lines([], [event(), event(network="AS2")], AT)
    root = ElementTree.fromstring(atom_feed(journal, NOW, operators={"AS1": "Northline"}))
    texts = {entry.findtext(f"{NS}title"): entry.findtext(f"{NS}content") for entry in root.findall(f"{NS}entry")}
    named = [title for title, text in texts.items() if "operated by Northline" in (text or "")]
    assert len(texts) == 2
    assert [" on AS1 " in (title or "") for title in named] == [True]
