"""The record of an event (spec/tp-008), and what stands."""

from __future__ import annotations

import msgspec
import pytest

from factories.observatories.network_days import dates_from, events_of_days, network_day
from talkpath.errors import UsageError
from talkpath.observatory.events.record import Event, not_withdrawn, restricted_spans, withdrawal_of


def calendar(pattern: str, **said: object) -> list:
    """One character a day from 1 August 2025: R restricted, r and ok, o ok, i impaired, . nothing measured."""
    counts = {"R": {"restricted": 1}, "r": {"restricted": 1, "ok": 3}, "o": {"ok": 1}, "i": {"impaired": 1}}
    return [
        network_day("telegram", "voice", when, **counts[mark], **said)  # type: ignore[arg-type]
        for when, mark in zip(dates_from("2025-08-01", len(pattern)), pattern, strict=True)
        if mark != "."
    ]


def test_what_is_withdrawn_stands_no_more_but_stays():
    events = events_of_days(calendar("ooRRRRoooooooo"))
    taken = withdrawal_of(events[0], "the responder was misconfigured")
    assert (taken.kind, taken.began, taken.reason) == ("withdrawn", events[0].id, "the responder was misconfigured")
    assert not_withdrawn([*events, taken]) == []
    assert not_withdrawn(events) == events
    with pytest.raises(UsageError, match="say why"):
        withdrawal_of(events[0], " ")


def test_spans_are_those_of_confirmed_events():
    assert list(restricted_spans(events_of_days(calendar("ooRRRRRoooooooo")))) == [("2025-08-03", "2025-08-07")]
    assert list(restricted_spans(events_of_days(calendar("RR")))) == [("2025-08-01", "9999-12-31")]
    assert list(restricted_spans(events_of_days(calendar("ooooR")))) == []


def test_an_event_is_a_frozen_record_that_is_read_back():
    (event,) = events_of_days(calendar("oRR"))
    assert event.id == "RU/AS64496/telegram/voice/2025-08-02/began"
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
    with pytest.raises(AttributeError):
        event.level = "attack-resistant"  # type: ignore[misc]
