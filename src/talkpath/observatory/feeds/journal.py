"""The journal: every event as it was published, and when. No line is ever changed; later lines correct earlier ones.

Events are found anew each time from all counts, and late reports can move them. `new_lines` compares: an event that was
found again keeps the id under which it was first published, one whose level, dates or rule changed is published again,
and one that is no longer found is withdrawn, with the reason. So a reader of the journal can see what was said at any
time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.errors import FileError, in_place_of
from talkpath.grouping import grouped_by_key
from talkpath.observatory.events.record import LAST_DAY, Event, withdrawal_of
from talkpath.observatory.log.segments import BRING_BACK
from talkpath.serving.private_files import open_private

FIRST_DAY = "0000-01-01"
NO_OPERATORS: Mapping[str, str] = {}  # names of the operators of networks, where none are known
GONE_REASON = "Reports that came later, or were taken back, speak against it."


class JournalLine(Struct, frozen=True):
    """One line of the journal. `number` counts from 1, `at` is UTC as RFC 3339 has it."""

    number: int
    at: str
    event: Event


def read_journal(path: Path) -> list[JournalLine]:
    """All lines; none where there is no such file. A last line that a crash cut short was never published."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [_read_line(path.name, at, line) for at, line in enumerate(whole.splitlines(), 1)]


def _read_line(name: str, at: int, line: bytes) -> JournalLine:
    with in_place_of(msgspec.MsgspecError, FileError(f"{name}, line {at}, is no event; {BRING_BACK}")):
        return msgspec.json.decode(line, type=JournalLine)


def write_journal(path: Path, news: Sequence[JournalLine]) -> None:
    """Append lines; they are on the disk when this returns."""
    kept = len(path.read_bytes().rpartition(b"\n")[0]) + 1 if path.exists() and path.stat().st_size else 0
    with (
        in_place_of(OSError, FileError(f"{path.name} cannot be written; name a journal elsewhere. Nothing was told.")),
        open_private(path, "ab") as file,
    ):
        file.truncate(kept if kept > 1 else 0)
        file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in news))
        file.flush()
        os.fsync(file.fileno())


def current_events(journal: Iterable[JournalLine]) -> dict[str, Event]:
    """The latest version of each event, by id, without those that were withdrawn."""
    found: dict[str, Event] = {}
    for line in journal:
        if line.event.kind == "withdrawn":
            found.pop(line.event.began, None)
        else:
            found[line.event.id] = line.event
    return found


def with_journal_ids(journal: Sequence[JournalLine], found: Sequence[Event]) -> list[Event]:
    """The events under the ids by which they were first published; a new event gets an id that none ever had."""
    used = {line.event.id for line in journal}
    free = grouped_by_key((_event_stream(one), one) for one in current_events(journal).values())
    names: dict[str, str] = {}
    for event in found:
        alike = free.get(_event_stream(event), [])
        before = _same_restriction(event, alike)
        if before is not None:
            alike.remove(before)
        names[event.id] = before.id if before else _unused_name(event.id, used)
    return [replace(event, id=names[event.id], began=names.get(event.began, event.began)) for event in found]


def new_lines(journal: Sequence[JournalLine], found: Sequence[Event], at: str, least: int = 5) -> list[JournalLine]:
    """The lines to be published now: new events, changed ones, and those that are no longer found.

    An event is also published again when `least` people have come to report it: then it may be shown.
    """
    known, now = current_events(journal), with_journal_ids(journal, found)
    changed = [one for one in now if one.id not in known or _news_of(one, least) != _news_of(known[one.id], least)]
    stand = {one.id for one in now}
    changed += [withdrawal_of(one, GONE_REASON) for name, one in known.items() if name not in stand]
    first = journal[-1].number + 1 if journal else 1
    return [JournalLine(number, at, event) for number, event in enumerate(changed, first)]


def withdrawn_events(journal: Iterable[JournalLine]) -> list[Event]:
    """The events that were withdrawn, each as it was last published, followed by its withdrawal."""
    last: dict[str, Event] = {}
    found: list[Event] = []
    for line in journal:
        if line.event.kind == "withdrawn":
            found += [last[line.event.began], line.event]
        else:
            last[line.event.id] = line.event
    return found


def _same_restriction(event: Event, alike: Sequence[Event]) -> Event | None:
    """The event of the same stream and kind whose time overlaps; one of the same id comes before others."""
    found = [
        one
        for one in alike
        if (one.onset_low or FIRST_DAY) <= event.onset_high <= LAST_DAY
        and (event.onset_low or FIRST_DAY) <= one.onset_high
    ]
    return max(found, key=lambda one: (one.id == event.id, one.onset_high), default=None)


def _event_stream(event: Event) -> tuple[str, ...]:
    return event.country, event.network, event.app, event.medium, event.kind


def _news_of(event: Event, least: int) -> tuple[object, ...]:
    """What makes an event news. Counts grow every day, and are not news."""
    return event.level, event.onset_low, event.onset_high, event.rule, event.networks, event.contributors >= least


def _unused_name(name: str, used: set[str]) -> str:
    again = (f"{name}/{number}" for number in range(2, len(used) + 3))
    return name if name not in used else next(other for other in again if other not in used)
