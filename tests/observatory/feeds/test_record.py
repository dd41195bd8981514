"""What an observatory does after each look: the journal, the feeds, and the events under the names that they keep."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from msgspec.structs import replace
from test_journal import event

from talkpath.observatory.events.record import Event
from talkpath.observatory.feeds.journal import read_journal
from talkpath.observatory.feeds.publish import ATOM_NAMESPACE, record_events
from talkpath.observatory.publication import Publication

TODAY = "2025-08-20"


def look(folder: Path, *events: Event) -> list[Event]:
    return record_events(
        events, folder / "events.jsonl", Publication(), TODAY, folder / "feeds", "https://here.example"
    )


def titles(folder: Path, name: str) -> list[str]:
    entries = ElementTree.parse(folder / "feeds" / f"{name}.atom").getroot().findall(f"{{{ATOM_NAMESPACE}}}entry")
    return [entry.findtext(f"{{{ATOM_NAMESPACE}}}title") or "" for entry in entries]


def test_an_event_keeps_its_address_and_what_was_taken_back_is_still_there(tmp_path: Path):
    first = event(level="confirmed")
    assert look(tmp_path, first) == [first]
    moved = replace(first, id="XX/AS1/max/voice/2025-08-12/began", onset_high="2025-08-12")
    assert look(tmp_path, moved) == [replace(moved, id=first.id)]
    kept, withdrawn = look(tmp_path)
    assert (kept.id, withdrawn.kind, withdrawn.began) == (first.id, "withdrawn", first.id)
    assert look(tmp_path) == [kept, withdrawn]
    assert len(read_journal(tmp_path / "events.jsonl")) == 3


def test_each_country_has_a_feed_and_none_tells_what_pages_do_not(tmp_path: Path):
    began = event(level="confirmed")
    ended = event("2025-08-18", "2025-08-17", "ended", level="confirmed", began=began.id)
    elsewhere = event(network="AS2", country="YY", level="confirmed")
    goes_on = event(network="AS3", level="confirmed")
    look(tmp_path, began, ended, goes_on, elsewhere, event(network="AS4", contributors=2))
    assert [title.split(" on ")[1][:3] for title in titles(tmp_path, "XX")] == ["AS3", "AS1"]
    assert len(titles(tmp_path, "YY")) == 1
    assert len(titles(tmp_path, "events")) == 3
    assert not any("no more signs" in title for title in titles(tmp_path, "events"))  # others are still held back


def test_an_empty_observatory_has_an_empty_feed(tmp_path: Path):
    assert look(tmp_path) == []
    assert titles(tmp_path, "events") == []
