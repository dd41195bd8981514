"""The journal: what is told, told again, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from talkpath.errors import FileError
from talkpath.observatory.events.record import Event
from talkpath.observatory.feeds.journal import current_events, new_lines, read_journal, write_journal

AT = "2025-09-01T00:00:00Z"
ROW = st.tuples(st.integers(10, 28), st.sampled_from(["signal", "confirmed"]), st.sampled_from("12"))


def event(high: str = "2025-08-13", low: str | None = "2025-08-11", kind: str = "began", **said) -> Event:
    fields = {"network": "AS1", "country": "XX", "app": "max", "medium": "voice", "level": "signal", "count": 3,
              "contributors": 5, "rule": "media.drop", **said}  # fmt: skip
    name = f"XX/{fields['network']}/max/voice/{high}/{kind}"
    return Event(id=name, kind=kind, onset_low=low, onset_high=high, **fields)


def told(journal):
    return [(one.number, one.event.kind, one.event.id, one.event.level) for one in journal]


def test_a_new_event_is_told_once():
    first = new_lines([], [event()], AT)
    assert told(first) == [(1, "began", event().id, "signal")]
    assert new_lines(first, [replace(event(), count=99, contributors=7)], AT) == []  # more of the same is no news


def test_it_is_told_again_when_enough_people_tell_it():
    first = new_lines([], [event(contributors=4)], AT)
    assert len(new_lines(first, [event(contributors=5)], AT)) == 1


def test_a_level_that_rises_is_told_under_the_same_id():
    first = new_lines([], [event()], AT)
    again = new_lines(first, [event(level="confirmed")], AT)
    assert told(again) == [(2, "began", event().id, "confirmed")]


def test_an_event_whose_date_moved_keeps_its_id_and_so_does_what_belongs_to_it():
    first = new_lines([], [event()], AT)
    moved = event("2025-08-12", "2025-08-10")
    end = event("2025-08-30", "2025-08-29", "ended", began=moved.id)
    again = new_lines(first, [moved, end], AT)
    assert told(again) == [(2, "began", event().id, "signal"), (3, "ended", end.id, "signal")]
    assert again[1].event.began == event().id


def test_what_is_found_no_more_is_taken_back_with_a_reason():
    first = new_lines([], [event()], AT)
    (gone,) = new_lines(first, [], AT)
    assert (gone.event.kind, gone.event.began) == ("withdrawn", event().id)
    assert gone.event.reason
    assert current_events([*first, gone]) == {}
    back = new_lines([*first, gone], [event()], AT)
    assert told(back) == [(3, "began", f"{event().id}/2", "signal")]  # what was taken back stays taken back


def test_another_network_is_another_event():
    first = new_lines([], [event()], AT)
    assert len(new_lines(first, [event(), event(network="AS2")], AT)) == 1


@given(st.lists(st.lists(ROW, max_size=4, unique_by=lambda row: row[2]), max_size=6))
def test_whatever_is_found_the_journal_ends_with_just_that(rounds):
    journal: list = []
    for found in rounds:
        events = [event(f"2025-08-{day}", f"2025-08-{day - 3:02}", level=level, network=f"AS{network}")
                  for day, level, network in found]  # fmt: skip
        journal += new_lines(journal, events, AT)
        stands = sorted((one.network, one.onset_high, one.level) for one in current_events(journal).values())
        assert stands == sorted((one.network, one.onset_high, one.level) for one in events)
        assert new_lines(journal, events, AT) == []
    assert [one.number for one in journal] == list(range(1, len(journal) + 1))


def test_it_is_appended_and_a_line_cut_short_was_never_told(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    assert read_journal(path) == []
    first = new_lines([], [event()], AT)
    write_journal(path, first)
    with path.open("ab") as file:
        file.write(b'{"number": 2, "at"')
    assert read_journal(path) == first
    again = new_lines(first, [event(level="confirmed")], AT)
    write_journal(path, again)
    assert read_journal(path) == [*first, *again]


def test_a_file_that_is_none_is_said_so_and_left_alone(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"not this\n")
    with pytest.raises(FileError, match=r"events\.jsonl, line 1, is no event"):
        read_journal(path)
    assert path.read_bytes() == b"not this\n"
