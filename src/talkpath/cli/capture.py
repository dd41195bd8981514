"""`talkpath capture`: what happened to the calls in recordings."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from talkpath.cli._language import language_option
from talkpath.errors import UsageError, WireError

if TYPE_CHECKING:
    from talkpath.capture.calls.records import Recorded
    from talkpath.measure.call import Paired
    from talkpath.wire.pcap.read import Source

SUFFIXES = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz")
LARGE_BYTES = 20_000_000


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file (spec tp-007).")
@click.option("--addresses", is_flag=True, help="Show addresses and ports on the screen.")
@click.option("--peer", type=click.Path(path_type=Path), help="The same call recorded at the other end.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a report with pictures into this file.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the evidence here.")
@click.option("--parquet", type=click.Path(path_type=Path), help="Write all media packets into this file.")
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
    """Find the calls in FILE... (pcap or pcapng, also gzipped; a folder; - is standard input) and say how they went.
    Of many files those that cannot be read are named, and the exit code is 2."""
    gc.disable()  # a run makes no garbage in circles worth the time to look for it
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix is multiplied: numpy's threads cost 0.08 s of a core
    names = list(_names(files))
    if len(names) != 1 and (peer or html or output or parquet):
        raise UsageError("--peer, --html, --parquet and -o take one recording at a time; name one file.")
    failed = 0
    for name in names:
        try:
            found = _recorded(name)
        except UsageError as error:
            if len(names) == 1:
                raise
            click.echo(f"talkpath: {error}", err=True)
            failed = error.exit_code
            continue
        pairs = _paired(found, peer) if peer else None
        if as_json:
            _print_json(name, found, addresses, pairs)
        else:
            _show(name, found, addresses, pairs or ())
        _write(name, found, html, output, parquet)
    gc.freeze()  # nor at its end
    click.get_current_context().exit(failed)


def _write(name: str, found: Recorded, html: Path | None, output: Path | None, parquet: Path | None) -> None:
    if html:
        _write_html(name, found, html)
    if output:
        _write_evidence(found, output)
    if parquet:
        from talkpath.capture.table import write_parquet

        write_parquet(found, parquet)


def _names(files: tuple[str, ...]) -> Iterator[str]:
    """The files asked for; of a folder all captures in it, in order of their name."""
    for name in files:
        path = Path(name)
        if name != "-" and path.is_dir():
            inside = sorted(str(one) for one in path.rglob("*") if one.name.lower().endswith(SUFFIXES))
            if not inside:
                raise UsageError(f"There is no capture in the folder {path.name}; name files of type {SUFFIXES[0]}.")
            yield from inside
        else:
            yield name


def _recorded(name: str) -> Recorded:
    from talkpath.capture.calls.records import recorded
    from talkpath.capture.scan import scan

    if name == "-":
        return recorded(scan(cast("Source", sys.stdin.buffer)))
    path = Path(name)
    try:
        with path.open("rb", buffering=0) as file:
            loud = path.stat().st_size > LARGE_BYTES and sys.stderr.isatty()
            found = scan(file, _progress if loud else None)
    except OSError as error:
        raise UsageError(f"The file {path.name} cannot be read ({error.strerror}); is its name right?") from None
    except WireError as error:
        raise UsageError(f"{path.name}: {error}") from None
    if loud:
        click.echo("", err=True)
    return recorded(found)


def _progress(packets: int) -> None:
    click.echo(f"\r{packets:,} packets", err=True, nl=False)


def _paired(found: Recorded, peer: Path) -> tuple[Paired, ...]:
    from talkpath.capture.calls.pairing import paired

    return paired(found, _recorded(str(peer)))


def _endpoints(found: Recorded, call: int) -> list[str]:
    """`ip:port-ip:port/udp` of each flow, the local end first."""
    flows = found.endpoints(call)
    return [f"{_text(*near.reveal())}-{_text(*far.reveal())}/{protocol}" for near, far, protocol in flows]


def _text(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _print_json(name: str, found: Recorded, addresses: bool, pairs: tuple[Paired, ...] | None) -> None:
    from talkpath.report.recordings import json

    endpoints = (lambda call: _endpoints(found, call)) if addresses else None
    click.echo(json.text(json.result(Path(name).name, found.findings, endpoints, pairs)))


def _show(name: str, found: Recorded, addresses: bool, pairs: tuple[Paired, ...]) -> None:
    from talkpath.cli._screen import screen
    from talkpath.report.recordings import text

    calls = range(len(found.findings.calls))
    endpoints = [_endpoints(found, call) for call in calls] if addresses else ()
    text.show(screen(), Path(name).name, found.findings, endpoints, pairs)


def _write_evidence(found: Recorded, output: Path) -> None:
    import msgspec

    from talkpath.evidence.bundle import write_capture
    from talkpath.evidence.file import write_file
    from talkpath.report.recordings import json
    from talkpath.wire.control.sign import Signer

    said = msgspec.to_builtins(json.result("-", found.findings))
    write_file(output, write_capture(found.findings, said, Signer.fresh()))


def _write_html(name: str, found: Recorded, html: Path) -> None:
    from talkpath.report.recordings.html import capture_page

    try:
        html.write_text(capture_page(Path(name).name, found.findings), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{html.name} cannot be written ({error.strerror}); choose another place.") from None
