"""The plain detector, and the record of an event (spec/tp-008)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_days import dates, day

from talkpath.errors import UsageError
from talkpath.observatory.events import Event, detect, spans, standing, withdraw


def calendar(pattern: str, **said: object) -> list:
    """One character a day from 1 August 2025: R restricted, r and ok, o ok, i impaired, . nothing measured."""
    counts = {"R": {"restricted": 1}, "r": {"restricted": 1, "ok": 3}, "o": {"ok": 1}, "i": {"impaired": 1}}
    return [day("telegram", "voice", when, **counts[mark], **said)  # type: ignore[arg-type]
            for when, mark in zip(dates("2025-08-01", len(pattern)), pattern, strict=True) if mark != "."]  # fmt: skip


def told(events: list[Event]) -> list[tuple[str, str | None, str, str]]:
    return [(event.kind, event.onset_low, event.onset_high, event.level) for event in events]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("oooooo", []),
        ("iiiiii", []),
        ("......", []),
        ("ooRR", [("began", "2025-08-02", "2025-08-03", "confirmed")]),
        ("o..RR", [("began", "2025-08-01", "2025-08-04", "confirmed")]),  # the onset is as wide as the gap
        ("RR", [("began", None, "2025-08-01", "confirmed")]),  # restricted since the first day: since when is not known
        ("oR", [("began", "2025-08-01", "2025-08-02", "signal")]),  # one report is a signal
        ("oR...R", [("began", "2025-08-01", "2025-08-02", "signal")]),  # and so are two far apart
        ("oR.R", [("began", "2025-08-01", "2025-08-02", "confirmed")]),
        ("orrr", [("began", "2025-08-01", "2025-08-02", "confirmed")]),  # most users spared: restricted all the same
        ("oRRoo", [("began", "2025-08-01", "2025-08-02", "confirmed")]),  # two clear days are no end
        ("oRRooRR", [("began", "2025-08-01", "2025-08-02", "confirmed")]),
        ("oRRooo", [("began", "2025-08-01", "2025-08-02", "confirmed"),
                    ("ended", "2025-08-03", "2025-08-04", "confirmed")]),
        ("oRR.o.oo", [("began", "2025-08-01", "2025-08-02", "confirmed"),
                      ("ended", "2025-08-03", "2025-08-05", "confirmed")]),
        ("oRRoooRR", [("began", "2025-08-01", "2025-08-02", "confirmed"),
                      ("ended", "2025-08-03", "2025-08-04", "confirmed"),
                      ("began", "2025-08-06", "2025-08-07", "confirmed")]),
    ],
)  # fmt: skip
def test_what_is_seen_is_told_with_its_onset(pattern, expected):
    assert told(detect(calendar(pattern))) == expected


def test_another_rule_for_two_days_is_a_change():
    found = calendar("oRR") + [day("telegram", "voice", when, restricted=1, rule="stun.drop")
                               for when in dates("2025-08-05", 3)]  # fmt: skip
    began, changed = detect(found)
    assert (began.rule, changed.rule) == ("media.drop", "stun.drop")
    assert (changed.kind, changed.onset_low, changed.onset_high) == ("changed", "2025-08-03", "2025-08-05")
    assert changed.began == began.id


def test_one_day_of_another_name_and_days_without_a_name_are_none():
    rules = ["media.drop", "media.drop", "media.police", "media.drop", "media.unknown", "media.unknown", "media.drop"]
    found = [day("telegram", "voice", when, restricted=1, rule=rule)
             for when, rule in zip(dates("2025-08-01", 7), rules, strict=True)]  # fmt: skip
    assert [event.kind for event in detect(found)] == ["began"]


def test_bases_of_one_day_are_one_day():
    clear = [*calendar("o"), day("telegram", "voice", "2025-08-02", ok=1, basis="webrtc")]
    accused = [day("telegram", "voice", "2025-08-02", restricted=2)]
    (began,) = detect(clear + accused)
    assert (began.onset_low, began.onset_high, began.count) == ("2025-08-01", "2025-08-02", 2)


def test_streams_are_apart():
    found = calendar("oRR", network="AS1") + calendar("oRR", network="AS2") + calendar("ooo", network="AS3")
    found += [day("telegram", "video", "2025-08-01", restricted=2, network="AS1")]
    assert sorted((event.network, event.medium) for event in detect(found)) == [
        ("AS1", "video"), ("AS1", "voice"), ("AS2", "voice"),
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.text("Rroi.", min_size=1, max_size=40))
def test_events_alternate_and_lie_in_order(pattern):
    events = [event for event in detect(calendar(pattern)) if event.kind != "changed"]
    assert [event.kind for event in events] == (["began", "ended"] * len(events))[: len(events)]
    assert all(event.onset_low is None or event.onset_low < event.onset_high for event in events)
    assert len({event.id for event in events}) == len(events)
    assert ("R" in pattern or "r" in pattern) == bool(events)


@settings(max_examples=60, deadline=None)
@given(st.text("Rro.", min_size=1, max_size=20), st.randoms())
def test_the_order_of_reports_does_not_matter(pattern, random):
    found = calendar(pattern)
    shuffled = random.sample(found, len(found))
    assert detect(shuffled) == detect(found)


def test_what_is_withdrawn_stands_no_more_but_stays():
    events = detect(calendar("oRRooo"))
    taken = withdraw(events[0], "the responder was misconfigured")
    assert (taken.kind, taken.began, taken.reason) == ("withdrawn", events[0].id, "the responder was misconfigured")
    assert standing([*events, taken]) == []
    assert standing(events) == events
    with pytest.raises(UsageError, match="say why"):
        withdraw(events[0], " ")


def test_spans_are_those_of_confirmed_events():
    assert list(spans(detect(calendar("oRRRoooR")))) == [("2025-08-02", "2025-08-04")]
    assert list(spans(detect(calendar("RR")))) == [("2025-08-01", "9999-12-31")]


def test_an_event_is_a_frozen_record_that_is_read_back():
    (event,) = detect(calendar("oRR"))
    assert event.id == "RU/AS64496/telegram/voice/2025-08-02/began"
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
    with pytest.raises(AttributeError):
        event.level = "attack-resistant"  # type: ignore[misc]
