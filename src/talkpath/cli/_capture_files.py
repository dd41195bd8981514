"""Reads recordings for `talkpath capture`: several in processes of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import FileError

if TYPE_CHECKING:
    from talkpath.api.recording import Recording
    from talkpath.measure.call import Findings, Paired
    from talkpath.report.recordings.clock import RecordingClock

STDIN = "-"
LARGE_BYTES = 20_000_000
"""From this size on progress is shown, and several files are read by as many processes as there are cores."""


def jobs_for(names: Sequence[str]) -> int:
    """How many processes are worth their while for these files."""
    if len(names) == 1 or STDIN in names or sum(map(_file_size, names)) <= LARGE_BYTES:
        return 1
    return os.cpu_count() or 1


def read_input(name: str) -> Recording:
    """Read one file, or standard input."""
    from talkpath.api.recording import read_capture

    if name == STDIN:
        return read_capture(sys.stdin.buffer)
    shows_progress = sys.stderr.isatty() and _file_size(name) > LARGE_BYTES
    recording = read_capture(Path(name), progress=_print_progress if shows_progress else None)
    if shows_progress:
        click.echo("", err=True)
    return recording


def _file_size(name: str) -> int:
    path = Path(name)
    return path.stat().st_size if path.is_file() else 0


def _print_progress(packets: int) -> None:
    click.echo(f"\r{packets:,} packets", err=True, nl=False)


@dataclass(frozen=True, slots=True)
class Reported:
    """What is printed of one file: JSON, or the facts for the screen, or what was wrong with it."""

    name: str
    json: str = ""
    error: FileError | None = None
    findings: Findings | None = None
    endpoints: Sequence[Sequence[str]] = ()
    pairs: Sequence[Paired] = ()
    clock: RecordingClock | None = None


def recording_report(
    recording: Recording, as_json: bool, addresses: bool, pairs: tuple[Paired, ...] | None = None, number: int = 0
) -> Reported:
    """Take from a recording what is printed of it. `number` is its place where there are several, else 0: people name
    files after people, and JSON is passed on."""
    if as_json:
        from talkpath.report.recordings import capture_json

        endpoints = recording.endpoints if addresses else None
        record = capture_json.capture_result(str(number or STDIN), recording.findings, endpoints, pairs)
        return Reported(recording.name, json=capture_json.capture_line(record))
    return Reported(
        recording.name,
        findings=recording.findings,
        endpoints=[recording.endpoints(call) for call in range(len(recording.calls))] if addresses else (),
        pairs=pairs or (),
        clock=recording.clock,
    )


def each_report(names: Sequence[str], as_json: bool, addresses: bool, jobs: int) -> Iterator[Reported]:
    """Yield what is printed of each file, in their order."""
    look = partial(_look_at_file, as_json=as_json, addresses=addresses)
    numbers = range(1, len(names) + 1) if len(names) > 1 else [0]
    if jobs == 1 or STDIN in names:
        yield from map(look, names, numbers)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from talkpath.capture.calls import records  # noqa: F401 (once for all processes)

    # A process begins with what is loaded here; where there is no fork, each loads it itself.
    way = "fork" if "fork" in multiprocessing.get_all_start_methods() else None
    with ProcessPoolExecutor(jobs, multiprocessing.get_context(way)) as processes:
        yield from processes.map(look, names, numbers)


def _look_at_file(name: str, number: int, as_json: bool, addresses: bool) -> Reported:
    try:
        return recording_report(read_input(name), as_json, addresses, number=number)
    except FileError as error:
        return Reported(name, error=error)
