"""`talkpath capture`: what happened to the calls in recordings. Several are read in processes of their own.

Each block of a capture needs the same arrays again. Given back to the system in between, their pages are cleared anew
for each block, a twentieth of the time; so glibc's allocator is told to keep what is freed. And the thread that reads
ahead gets no memory of its own, which nobody else could use.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._terminal.exit_codes import error_exit_code
from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import NEW_FILE, output_option, tell_written
from talkpath.errors import FileError, UsageError, file_written

if TYPE_CHECKING:
    from talkpath.api.recording import Recording
    from talkpath.report.recordings.clock import RecordingClock
    from talkpath.verdict.bases.calls_together import JudgedRecording

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
    return Path(name).stat().st_size if Path(name).is_file() else 0


def _print_progress(packets: int) -> None:
    click.echo(f"\r{packets:,} packets", err=True, nl=False)


@dataclass(frozen=True, slots=True)
class Reported:
    """What is printed of one file: JSON, or the facts for the screen, or what was wrong with it."""

    name: str
    json: str = ""
    error: FileError | None = None
    judged: JudgedRecording | None = None
    endpoints: Sequence[Sequence[str]] = ()
    clock: RecordingClock | None = None


def recording_report(recording: Recording, as_json: bool, addresses: bool = False, number: int = 0) -> Reported:
    """Take from a recording what is printed of it. `number` is its place where there are several, else 0: people name
    files after people, and JSON is passed on."""
    if as_json:
        from talkpath.report.recordings import capture_json

        record = capture_json.capture_result(
            str(number or STDIN), recording.judged, recording.endpoints if addresses else None
        )
        return Reported(recording.name, json=capture_json.capture_line(record))
    return Reported(
        recording.name,
        judged=recording.judged,
        endpoints=[recording.endpoints(call) for call in range(len(recording.calls))] if addresses else (),
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


SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file (spec tp-007).")
@click.option("--addresses", is_flag=True, help="Show addresses and ports on the screen.")
@click.option("--peer", type=click.Path(path_type=Path), help="The same call recorded at the other end.")
@click.option("--html", type=NEW_FILE, help="Write a report with pictures to this file.")
@output_option
@click.option("--parquet", type=NEW_FILE, help="Write all media packets to this Parquet file.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), help="Files to read at once. Default: as many as cores if they are large."
)
@language_option
def command(
    files: tuple[str, ...],
    as_json: bool,
    addresses: bool,
    peer: Path | None,
    html: Path | None,
    output: Path | None,
    parquet: Path | None,
    jobs: int | None,
) -> None:
    """Find the calls in capture files and say how each went.

    FILE is a pcap or pcapng file, also gzipped, a folder of such files, or - for standard input. A dump of
    chrome://webrtc-internals and a debug log of Signal are read too: the app's own statistics. Files that cannot be
    read are named, the others are still reported, and the exit code is then 2.
    """
    gc.disable()  # a run makes no garbage in circles worth the time to look for it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix is multiplied: numpy's threads cost 0.08 s of a core
    keep_freed_memory()
    names = list(_capture_names(files))
    if len(names) != 1 and (peer or html or output or parquet):
        raise UsageError("--peer, --html, --parquet and -o take one recording at a time; name one file.")
    if peer and Path(names[0]).exists() and peer.exists() and peer.samefile(names[0]):
        raise UsageError("The recording of --peer is the same file; name the one of the other end.")
    failed = 0
    if len(names) == 1:
        recording = read_input(names[0])
        recording = recording.beside(read_input(str(peer))) if peer else recording
        _write_outputs(recording, html, output, parquet, as_json)
        print_report(recording_report(recording, as_json, addresses))
    else:
        for one in each_report(names, as_json, addresses, jobs or jobs_for(names)):
            failed = print_report(one) or failed
    gc.freeze()  # nor at its end
    click.get_current_context().exit(failed)


def _capture_names(files: tuple[str, ...]) -> Iterator[str]:
    """The files asked for; of a folder all captures in it, in order of their name."""
    for name in files:
        path = Path(name)
        if name != STDIN and path.is_dir():
            inside = sorted(str(file) for file in path.rglob("*") if file.name.lower().endswith(SUFFIXES))
            if not inside:
                raise UsageError(f"There is no capture in the folder {path.name}; name files of type {SUFFIXES[0]}.")
            yield from inside
        else:
            yield name


def print_report(one: Reported) -> int:
    """Print what there is of one file; the exit code that it makes."""
    if one.error is not None:
        from talkpath.report.printable import printable

        click.echo(f"talkpath: {printable(str(one.error))}", err=True)
        return error_exit_code(one.error)
    if one.judged is None or one.clock is None:
        click.echo(one.json.encode())
        return 0
    from talkpath.cli._terminal.screen import screen
    from talkpath.report.recordings import capture_text

    capture_text.show_capture(screen(), one.name, one.judged, one.endpoints, one.clock)
    return 0


def _write_outputs(
    recording: Recording, html: Path | None, output: Path | None, parquet: Path | None, as_json: bool
) -> None:
    """The files that were asked for."""
    if html:
        with file_written(html):
            html.write_text(recording.html(), encoding="utf-8")
    if output:
        from talkpath.evidence.file import write_file

        write_file(output, recording.bundle())
        tell_written(output, as_json)
    if parquet:
        recording.write_parquet(parquet)


TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Options of mallopt(3)."""
KEPT_BYTES, MAPPED_BYTES = 1 << 29, 1 << 24
"""So much is kept; what is larger than MAPPED_BYTES has pages of its own, which are given back."""


def keep_freed_memory() -> None:
    """Set the options; does nothing where the C library has no mallopt."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, value in ((TRIM_THRESHOLD, KEPT_BYTES), (MMAP_THRESHOLD, MAPPED_BYTES), (ARENA_MAX, 1)):
        mallopt(option, value)
