"""The rows of the open data: what is published of a report, and when (publication.py has the rule).

A row has the day that was measured, not the hour, and nothing of who sent it, not even a pseudonym. In a cell of too
few people the network is not named (AS0), nor the report and the test server that would lead to it, and where the whole
country's people are too few the row is left out. Under an order a prompt row names no transports; it comes again, with
them, among the delayed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from msgspec.structs import replace

from talkpath.observatory.events.record import UNKNOWN_NETWORK
from talkpath.observatory.log.records import (
    Counted,
    Imported,
    Judged,
    LoggedParameter,
    LoggedVerdict,
    VerdictRow,
    verdict_rows,
)
from talkpath.observatory.publication import Publication

Release = Literal["prompt", "delayed", "withheld"]
Ordered = Callable[[str, str, str], bool]
"""(country, app, day): was the app under an order there and then?"""

Cell = tuple[str, str, str, str, str]


class OpenRow(VerdictRow, frozen=True, kw_only=True, gc=False):
    """`transports` are those that carried a call of the app well enough to talk, `transports_tried` all that were
    asked."""

    measured: str
    parameters: dict[str, LoggedParameter]
    rules_version: str = ""
    transports: tuple[str, ...] = ()
    transports_tried: tuple[str, ...] = ()


class Dated(NamedTuple):
    """A row, and whether it is published at once, later, or never."""

    row: OpenRow
    release: Release


def open_rows(records: Iterable[Counted], rule: Publication, ordered: Ordered) -> Iterator[Dated]:
    """All rows of one day's records, each with when it is published."""
    every = list(records)
    people, places = _cell_people(every)
    for row in (row for record in every for row in _open_rows(record)):
        cell = (row.measured, row.country, row.network, row.app, row.medium)
        hidden = "" if row.source == "import" else _hidden_part(rule, len(people[cell]), len(places[_of_country(cell)]))
        if hidden == "row":
            yield Dated(row, "withheld")
        else:
            yield from _published_when(
                replace(row, report="", responder="", network=UNKNOWN_NETWORK, placed="") if hidden else row,
                rule,
                ordered,
            )


def _hidden_part(rule: Publication, people: int, in_country: int) -> str:
    """What may not be shown of a row: nothing (""), its "network", or the "row"."""
    return "" if not rule.by_country(people) else "row" if rule.by_country(in_country) else "network"


def _published_when(row: OpenRow, rule: Publication, ordered: Ordered) -> Iterator[Dated]:
    """When a row is published: measurements that others have published already at once."""
    under = row.source != "import" and ordered(row.country, row.app, row.measured)
    if rule.release_day(row.state, row.received, ordered=under) > row.received:
        yield Dated(row, "delayed")
    elif under and row.transports_tried:
        yield Dated(replace(row, transports=(), transports_tried=()), "prompt")
        yield Dated(row, "delayed")
    else:
        yield Dated(row, "prompt")


def _cell_people(records: Iterable[Counted]) -> tuple[dict[Cell, set[int]], dict[Cell, set[int]]]:
    """The contributors of each network's cell and of each country's; only those of one day key can be counted, so it is
    at least so many."""
    by_key: dict[int, tuple[dict[Cell, set[int]], dict[Cell, set[int]]]] = {}
    for record in records:
        if isinstance(record, Imported) or not record.contributor:
            continue
        cells, places = by_key.setdefault(record.contributor_key, (defaultdict(set), defaultdict(set)))
        for app, medium in [(said.app, said.medium) for said, _ in verdict_rows(record)]:
            cell = (record.measured, record.country, record.network, app, medium)
            cells[cell].add(record.contributor)
            places[_of_country(cell)].add(record.contributor)
    return _largest_count(cells for cells, _ in by_key.values()), _largest_count(
        places for _, places in by_key.values()
    )


def _largest_count(found: Iterable[dict[Cell, set[int]]]) -> dict[Cell, set[int]]:
    most: dict[Cell, set[int]] = defaultdict(set)
    for cells in found:
        for cell, people in cells.items():
            most[cell] = max(most[cell], people, key=len)
    return most


def _of_country(cell: Cell) -> Cell:
    return (*cell[:2], "", *cell[3:])


def _open_rows(record: Counted) -> Iterator[OpenRow]:
    for said, columns in verdict_rows(record):
        own = _of_check(record, said) if isinstance(record, Judged) else {}
        yield OpenRow(measured=record.measured, parameters=said.parameters, **columns, **own)


def _of_check(record: Judged, said: LoggedVerdict) -> dict[str, Any]:
    asked = [one for one in record.carried if (one.app, one.medium) == (said.app, said.medium)]
    carried = tuple(name for one in asked for name in one.carries)
    tried = (*carried, *(name for one in asked for name in one.fails))
    return {"rules_version": record.rules_version, "transports": carried, "transports_tried": tried}
