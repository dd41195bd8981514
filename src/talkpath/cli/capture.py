"""`talkpath capture`: what happened to the calls in recordings."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._allocator import keep_freed_memory
from talkpath.cli._capture_files import STDIN, Reported, each_report, jobs_for, read_input, recording_report
from talkpath.cli._exit_codes import error_exit_code
from talkpath.cli._language import language_option
from talkpath.cli._run import tell_written
from talkpath.errors import FileError, UsageError

if TYPE_CHECKING:
    from talkpath.api.recording import Recording

SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file (spec tp-007).")
@click.option("--addresses", is_flag=True, help="Show addresses and ports on the screen.")
@click.option("--peer", type=click.Path(path_type=Path), help="The same call recorded at the other end.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a report with pictures to this file.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write a signed bundle here.")
@click.option("--parquet", type=click.Path(path_type=Path), help="Write all media packets to this Parquet file.")
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
    failed = 0
    if len(names) == 1:
        recording = read_input(names[0])
        pairs = recording.paired_with(read_input(str(peer))) if peer else None
        _write_outputs(recording, html, output, parquet, as_json)
        _print_report(recording_report(recording, as_json, addresses, pairs))
    else:
        for one in each_report(names, as_json, addresses, jobs or jobs_for(names)):
            failed = _print_report(one) or failed
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


def _print_report(one: Reported) -> int:
    """Print what there is of one file; the exit code that it makes."""
    if one.error is not None:
        from talkpath.report.printable import printable

        click.echo(f"talkpath: {printable(str(one.error))}", err=True)
        return error_exit_code(one.error)
    if one.findings is None or one.clock is None:
        click.echo(one.json.encode())
        return 0
    from talkpath.cli._screen import screen
    from talkpath.report.recordings import capture_text

    capture_text.show_capture(screen(), one.name, one.findings, one.endpoints, one.pairs, one.clock)
    return 0


def _write_outputs(
    recording: Recording, html: Path | None, output: Path | None, parquet: Path | None, as_json: bool
) -> None:
    """The files that were asked for."""
    if html:
        _write_html(recording, html)
    if output:
        from talkpath.evidence.file import write_file

        write_file(output, recording.bundle())
        tell_written(output, as_json)
    if parquet:
        recording.write_parquet(parquet)


def _write_html(recording: Recording, html: Path) -> None:
    try:
        html.write_text(recording.html(), encoding="utf-8")
    except OSError as error:
        raise FileError(f"{html.name} cannot be written ({error.strerror}); choose another place.") from None
