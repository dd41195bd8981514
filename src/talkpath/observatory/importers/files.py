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


class ImportCount(Struct, frozen=True):
    """How many of each were taken, were there already, or were refused. `others` are of no kind that is imported."""

    bundles: int = 0
    taps: int = 0
    measurements: int = 0
    known: int = 0
    refused: int = 0
    unfit: int = 0
    others: int = 0


def import_ooni(log: Log, file: Path, progress: OnProgress = lambda count: None) -> ImportCount:
    """Take OONI's measurements; `progress` is called with how many lines were read."""
    measurements = known = refused = others = count = 0
    stopped = _stopped_countries(log)
    for group in _grouped_by(read_ooni(file)):
        found = [one for one in group if isinstance(one, Imported)]
        entries = [LogEntry(one) for one in found if one.country not in stopped]
        refused += len(found) - len(entries)
        taken = log.commit(entries)
        measurements, known = measurements + sum(taken), known + taken.count(False)
        refused += sum(isinstance(one, WireError) for one in group)
        others, count = others + group.count(None), count + len(group)
        progress(count)
    return ImportCount(measurements=measurements, known=known, refused=refused, others=others)


def import_folder(
    log: Log,
    folder: Path,
    listed: Mapping[str, str],
    simulated: bool,
    jobs: int = 1,
    progress: OnProgress = lambda count: None,
) -> ImportCount:
    """Take a folder's bundles and taps; `progress` is called with how many bundles were judged."""
    bundles = known = refused = taps = 0
    stopped = _stopped_countries(log)
    for group in _grouped_by(folder_bundles(folder)):
        entries = [_log_entry(data) for data in group if _record_fits(data, simulated, stopped)]
        taken = log.commit(entries)
        bundles, known, refused = bundles + sum(taken), known + taken.count(False), refused + len(group) - len(entries)
    unfit = judge_waiting(log, listed, simulated, jobs, progress)
    for some in _grouped_by(folder_taps(folder)):
        kind = [tap for tap in some if isinstance(tap, WireError) or tap.simulated == simulated]
        entries = [LogEntry(tap) for tap in kind if isinstance(tap, Tap) and tap.country not in stopped]
        counted = log.commit(entries)
        taps, known, refused = taps + sum(counted), known + counted.count(False), refused + len(kind) - len(entries)
    return ImportCount(bundles=bundles, taps=taps, measurements=0, known=known, refused=refused, unfit=unfit)


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


def _log_entry(data: bytes) -> LogEntry:
    name = hashlib.sha256(data).hexdigest()
    seal = read_seal(data)
    sender, run = (report_pseudonym(name), "") if seal.simulated else (0, seal.run)
    return LogEntry(Received(name, "", len(data), contributor=sender, run=run), data)


def _stopped_countries(log: Log) -> frozenset[str]:
    """The countries that nothing is taken from."""
    return frozenset(known.country for known in stopped_countries(log.folder.root))


def _record_fits(data: bytes, simulated: bool, stopped: frozenset[str]) -> bool:
    try:
        seal = read_seal(data)
    except BundleError:
        return False
    country = seal.receipt.country if seal.receipt else ""
    return seal.kind == "check" and seal.simulated == simulated and country not in stopped


def _grouped_by(items: Iterable[Item]) -> Iterator[list[Item]]:
    found = iter(items)
    while group := list(islice(found, GROUP)):
        yield group
