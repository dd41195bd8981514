"""What is found in the day counts of an observatory: events, claims held, reach. Pure, and slow: not for a request.

`look` runs in a process of its own (`Lookout`), so that no detector ever shares the ingest's.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from talkpath.observatory.claims import Claim, current, load
from talkpath.observatory.claims_grammar import parse
from talkpath.observatory.detect.assumptions import FOLDER, OBSERVATORY
from talkpath.observatory.detect.country import roll_up
from talkpath.observatory.detect.find import find
from talkpath.observatory.events import Event
from talkpath.observatory.events_counts import of_index
from talkpath.observatory.events_days import Day
from talkpath.observatory.index.queries import DayCount
from talkpath.observatory.ledger import Entry, Evidence, hold, placed
from talkpath.observatory.ledger_published import load_published
from talkpath.observatory.orphan import end_with_parent
from talkpath.observatory.reach import Reach
from talkpath.observatory.reach_events import all_reach
from talkpath.observatory.reach_tables import load_tables
from talkpath.observatory.web.source import Totals

NOWHERE = "ZZ"


class Findings(Struct, frozen=True):
    """All of them, and what they rest on."""

    totals: Totals
    countries: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    entries: tuple[Entry, ...] = ()
    reach: tuple[Reach, ...] = ()


NOTHING = Findings(Totals(0, 0, 0, "", ""))


class Box(Struct, frozen=True):
    """A made-up country: the folder that it was played into, where that is known, and its code, which claims are held
    against."""

    folder: Path | None
    country: str


def look(counts: Sequence[DayCount], box: Box | None = None) -> Findings:
    """Everything that follows from the counts. Of a made-up country nobody is presumed to lie unseen: the detector's
    assumptions are those for a folder in hand, and claims are held as if said of it."""
    if not counts:
        return NOTHING
    placed_counts = [count for count in counts if count.country != NOWHERE]
    days = [as_day(count) for count in placed_counts if count.source != "tap" and _decided(count)]
    heard = list(of_index(placed_counts))
    events = find(heard, FOLDER if box else OBSERVATORY)
    claims = [_moved(claim, box.country) if box else claim for claim in current(load())]
    return Findings(
        totals=_totals(placed_counts),
        countries=tuple(_countries(placed_counts)),
        events=(*events, *roll_up(events, heard)),
        entries=tuple(hold(claims, Evidence(days, events, load_published()))),
        reach=tuple(all_reach(days, events, load_tables(box.folder if box else None))) if days else (),
    )


def as_day(count: DayCount) -> Day:
    """What claims are held against."""
    return Day(
        network=count.network,
        country=count.country,
        app=count.app,
        medium=count.medium,
        day=count.day,
        basis=count.basis,
        restricted=count.restricted,
        ok=count.ok,
        closed=count.closed,
        impaired=count.impaired,
        contributors=count.contributors,
        rules=_spelt(count.rules),
        ways=_spelt(count.directions),
        ps=() if count.p is None else (count.p,),
        simulated=count.simulated,
    )


class Lookout:
    """Runs `look` in one process of its own."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, get_context("spawn"), end_with_parent)

    def look(self, counts: Sequence[DayCount], box: Box | None = None) -> Findings:
        """Waits for it."""
        return self._pool.submit(look, counts, box).result()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(cancel_futures=True)


def _moved(claim: Claim, country: str) -> Claim:
    return replace(claim, predicate=str(placed(parse(claim.predicate), country))) if claim.predicate else claim


def _decided(count: DayCount) -> int:
    return count.restricted + count.ok + count.closed + count.impaired


def _spelt(counts: dict[str, int]) -> tuple[str, ...]:
    return tuple(name for name, number in sorted(counts.items()) for _ in range(number))


def _countries(counts: Sequence[DayCount]) -> list[str]:
    networks = {(count.country, count.network) for count in counts}
    names = {country for country, _ in networks}
    return sorted(names, key=lambda name: (-sum(country == name for country, _ in networks), name))


def _totals(counts: Sequence[DayCount]) -> Totals:
    return Totals(
        reports=sum(_decided(count) for count in counts),
        networks=len({(count.country, count.network) for count in counts}),
        countries=len({count.country for count in counts}),
        first_day=min((count.day for count in counts), default=""),
        last_day=max((count.day for count in counts), default=""),
    )
