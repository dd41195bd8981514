"""`talkpath capture`: what happened to the calls in recordings."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.cli._language import language_option
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.api.recording import Recording
    from talkpath.measure.call import Paired

SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")
STDIN = "-"
LARGE_BYTES = 20_000_000
"""From this file size on, progress is shown."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file (spec tp-007).")
@click.option("--addresses", is_flag=True, help="Show addresses and ports on the screen.")
@click.option("--peer", type=click.Path(path_type=Path), help="The same call recorded at the other end.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a report with pictures to this file.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write a signed bundle here.")
@click.option("--parquet", type=click.Path(path_type=Path), help="Write all media packets to this Parquet file.")
@language_option
def command(
    files: tuple[str, ...],
    as_json: bool,
    addresses: bool,
    peer: Path | None,
    html: Path | None,
    output: Path | None,
    parquet: Path | None,
) -> None:
    """Find the calls in capture files and say how each went.

    FILE is a pcap or pcapng file, also gzipped, a folder of such files, or - for standard input. Files that cannot be
    read are named, the others are still reported, and the exit code is then 2.
    """
    gc.disable()  # a run makes no garbage in circles worth the time to look for it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix is multiplied: numpy's threads cost 0.08 s of a core
    names = list(_names(files))
    if len(names) != 1 and (peer or html or output or parquet):
        raise UsageError("--peer, --html, --parquet and -o take one recording at a time; name one file.")
    failed = 0
    for name in names:
        try:
            recording = _read(name)
        except UsageError as error:
            if len(names) == 1:
                raise
            from talkpath.report.printable import printable

            click.echo(f"talkpath: {printable(str(error))}", err=True)
            failed = error.exit_code
            continue
        pairs = recording.paired_with(_read(str(peer))) if peer else None
        if as_json:
            _print_json(recording, addresses, pairs)
        else:
            _show(recording, addresses, pairs or ())
        _write(recording, html, output, parquet)
    gc.freeze()  # nor at its end
    click.get_current_context().exit(failed)


def _names(files: tuple[str, ...]) -> Iterator[str]:
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


def _read(name: str) -> Recording:
    from talkpath.api.recording import read_capture

    if name == STDIN:
        return read_capture(sys.stdin.buffer)
    path = Path(name)
    shows_progress = sys.stderr.isatty() and path.is_file() and path.stat().st_size > LARGE_BYTES
    recording = read_capture(path, progress=_print_progress if shows_progress else None)
    if shows_progress:
        click.echo("", err=True)
    return recording


def _print_progress(packets: int) -> None:
    click.echo(f"\r{packets:,} packets", err=True, nl=False)


def _print_json(recording: Recording, addresses: bool, pairs: tuple[Paired, ...] | None) -> None:
    from talkpath.report.recordings import capture_json

    endpoints = recording.endpoints if addresses else None
    click.echo(capture_json.text(capture_json.result(recording.name, recording.findings, endpoints, pairs)))


def _show(recording: Recording, addresses: bool, pairs: tuple[Paired, ...]) -> None:
    from talkpath.cli._screen import screen
    from talkpath.report.recordings import capture_text

    endpoints = [recording.endpoints(call) for call in range(len(recording.calls))] if addresses else ()
    capture_text.show(screen(), recording.name, recording.findings, endpoints, pairs, recording.clock)


def _write(recording: Recording, html: Path | None, output: Path | None, parquet: Path | None) -> None:
    """The files that were asked for."""
    if html:
        _write_html(recording, html)
    if output:
        from talkpath.evidence.file import write_file

        write_file(output, recording.bundle())
    if parquet:
        recording.write_parquet(parquet)


def _write_html(recording: Recording, html: Path) -> None:
    try:
        html.write_text(recording.html(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{html.name} cannot be written ({error.strerror}); choose another place.") from None
