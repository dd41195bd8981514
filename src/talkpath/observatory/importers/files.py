"""Imports files into a log from the command line: a folder of bundles and taps, or OONI's measurements.

Contract: what is there already is not taken again, so that an import that was stopped can be run again. A bundle that
does not verify, or a line that is no tap, stops nothing: it is counted and reported, and so is what comes from a
country on the stop list.

Reads a folder of bundles and taps, as `talkpath lab country` writes it.

Nobody can tell who sent what is in a folder. In a made-up country each check and each tap is another person's: the
pseudonym is made from it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from talkpath.apps import apps
from talkpath.errors import BundleError, FileError, WireError
from talkpath.evidence.bundle import MAX_BUNDLE_BYTES, read_seal
from talkpath.observatory.findings.detector_input import TapLine
from talkpath.observatory.importers.ooni import read_ooni
from talkpath.observatory.judging.judges import Judges
from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.records import Imported, Received, Record, Tap
from talkpath.observatory.log.stop_list import stopped_countries


def folder_bundles(folder: Path) -> Iterator[bytes]:
    """The bundles, in order of their names; `FileError` where there is no such folder."""
    if not folder.is_dir():
        raise FileError("There is no such folder of bundles; name one that holds .talkpath files.")
    for path in sorted(folder.rglob("*.talkpath")):
        with path.open("rb") as file:
            yield file.read(MAX_BUNDLE_BYTES + 1)


def folder_taps(folder: Path) -> Iterator[Tap | WireError]:
    """The taps of taps.jsonl, and `WireError` for each line that is none."""
    file = folder / "taps.jsonl"
    for number, line in enumerate(file.read_bytes().splitlines() if file.is_file() else ()):
        try:
            tap = msgspec.json.decode(line, type=TapLine)
            date.fromisoformat(tap.day)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            tap = None
        if tap is None or tap.app not in apps():
            yield WireError("a line of taps.jsonl is no tap")
            continue
        name = hashlib.sha256(line + str(number).encode()).hexdigest()
        yield Tap(
            id=name,
            day=tap.day,
            measured=tap.day,
            app=tap.app,
            medium=tap.medium,
            network=tap.network,
            country=tap.country,
            placed="import",
            contributor=report_pseudonym(name) if tap.simulated else 0,
            simulated=tap.simulated,
        )


def report_pseudonym(name: str) -> int:
    """The pseudonym of whoever made the one report of that id."""
    return int(name[:15], 16) or 1


GROUP = 256
OnProgress = Callable[[int], None]
Item = TypeVar("Item")
STOPPED, OTHER_TEST = "of a country on the stop list", "of other tests or of no known network"


class ImportCount(Struct, frozen=True):
    """How many of each were taken, were there already, or were refused, and why. `others` are of no kind that is
    imported."""

    bundles: int = 0
    taps: int = 0
    measurements: int = 0
    known: int = 0
    refused: int = 0
    unfit: int = 0
    others: int = 0
    why_refused: dict[str, int] = {}


def import_ooni(log: Log, file: Path, progress: OnProgress = lambda count: None) -> ImportCount:
    """Take OONI's measurements; `progress` is called with how many lines were read."""
    stopped = _stopped_countries(log)
    new, known, refused = _take_all(log, (_measurement_entry(one, stopped) for one in read_ooni(file)), progress)
    others = refused.pop(OTHER_TEST, 0)
    return ImportCount(measurements=new, known=known, refused=refused.total(), others=others, why_refused=dict(refused))


def import_folder(
    log: Log,
    folder: Path,
    listed: Mapping[str, str],
    simulated: bool,
    jobs: int = 1,
    progress: OnProgress = lambda count: None,
) -> ImportCount:
    """Take a folder's bundles and taps; `progress` is called with how many bundles were judged."""
    stopped = _stopped_countries(log)
    bundles, known, refused = _take_all(
        log, (_bundle_entry(data, simulated, stopped) for data in folder_bundles(folder))
    )
    unfit = judge_waiting(log, listed, simulated, jobs, progress)
    taps, known_taps, refused_taps = _take_all(
        log, (_tap_entry(tap, simulated, stopped) for tap in folder_taps(folder))
    )
    refused += refused_taps
    return ImportCount(
        bundles=bundles,
        taps=taps,
        known=known + known_taps,
        refused=refused.total(),
        unfit=unfit,
        why_refused=dict(refused),
    )


def _take_all(
    log: Log, found: Iterable[LogEntry | str], progress: OnProgress = lambda count: None
) -> tuple[int, int, Counter[str]]:
    """Take the entries: how many were new, how many there already, and how many were refused for which reason. Each
    text in `found` is such a reason."""
    new, known, refused = 0, 0, Counter[str]()
    for group in _grouped_by(found):
        fresh = log.commit([one for one in group if isinstance(one, LogEntry)])
        new, known = new + sum(fresh), known + fresh.count(False)
        refused.update(one for one in group if isinstance(one, str))
        progress(new + known + refused.total())
    return new, known, refused


def judge_waiting(
    log: Log, listed: Mapping[str, str], simulated: bool, jobs: int = 1, progress: OnProgress = lambda count: None
) -> int:
    """Judge all that nobody judged yet; how many were unfit."""
    outcomes: Counter[str] = Counter()

    def count(outcome: str) -> None:
        outcomes[outcome] += 1
        progress(outcomes.total())

    async def commit(record: Record) -> bool:
        return log.commit([LogEntry(record)])[0]

    async def judge_all() -> None:
        made = Judges(log=log, commit=commit, listed=listed, simulated=simulated, on_outcome=count, processes=jobs)
        with closing(made) as judges:
            while await judges.judge_waiting():
                pass

    asyncio.run(judge_all())
    return outcomes["unfit"]


def _bundle_entry(data: bytes, simulated: bool, stopped: frozenset[str]) -> LogEntry | str:
    try:
        seal = read_seal(data)
    except BundleError as error:
        return str(error)
    if refusal := _refusal(seal.simulated, simulated, seal.receipt.country if seal.receipt else "", stopped):
        return refusal
    name = hashlib.sha256(data).hexdigest()
    sender, run = (report_pseudonym(name), "") if seal.simulated else (0, seal.run)
    return (
        LogEntry(Received(name, "", len(data), contributor=sender, run=run), data)
        if seal.kind == "check"
        else "no check"
    )


def _tap_entry(tap: Tap | WireError, simulated: bool, stopped: frozenset[str]) -> LogEntry | str:
    if isinstance(tap, WireError):
        return str(tap)
    return _refusal(tap.simulated, simulated, tap.country, stopped) or LogEntry(tap)


def _measurement_entry(one: Imported | WireError | None, stopped: frozenset[str]) -> LogEntry | str:
    if isinstance(one, Imported):
        return STOPPED if one.country in stopped else LogEntry(one)
    return str(one or OTHER_TEST)


def _refusal(made_up: bool, simulated: bool, country: str, stopped: frozenset[str]) -> str:
    """Why an observatory of that kind does not take something; "" where it does."""
    if made_up != simulated:
        return "made by the lab: --simulated takes that" if made_up else "not made by the lab: leave --simulated out"
    return STOPPED if country in stopped else ""


def _stopped_countries(log: Log) -> frozenset[str]:
    """The countries that nothing is taken from."""
    return frozenset(known.country for known in stopped_countries(log.folder.root))


def _grouped_by(items: Iterable[Item]) -> Iterator[list[Item]]:
    found = iter(items)
    while group := list(islice(found, GROUP)):
        yield group
