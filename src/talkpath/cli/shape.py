"""`talkpath shape`: what a call in a recording looks like, without anything of what was said or to whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from talkpath.errors import UsageError, file_written

if TYPE_CHECKING:
    from talkpath.apps.recorded.record import RecordedShape


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write (NAME.shape).")
@click.option("--show", is_flag=True, help="Print each kind of packet: what stays of its bytes, and what is random.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object in place of text.")
@click.option("--flow", type=click.IntRange(1, 1000), help="Take flow N, counted by packets, where no call is found.")
@click.option("--name", help="What the calls are called in results. Default: the name of the file to write.")
def command(
    files: tuple[Path, ...], out: Path | None, show: bool, as_json: bool, flow: int | None, name: str | None
) -> None:
    """Make the shape of a call from recordings of it.

    FILE is a pcap or pcapng file with one call, at most 16 of them: several recordings of an app tell structure from
    chance better than one. Or it is a shape, to look at with --show. Kept are kinds of packets, their sizes, gaps and
    structure; no address, name, key or content is. `talkpath check --like NAME.shape` makes calls like it.
    """
    from talkpath.apps.recorded.shape_text import write_shape_text
    from talkpath.capture.shapes.read_recordings import shape_of_files

    if out is None and not show and not as_json:
        raise UsageError("Say where the shape shall be written (-o NAME.shape), or --show to look at it.")
    shape = shape_of_files(files, name=name or (out.stem if out else ""), flow=flow)
    if out is not None:
        with file_written(out):
            out.write_bytes(write_shape_text(shape))
    show_shape(shape, as_json, with_kinds=show)


def show_shape(shape: RecordedShape, as_json: bool, *, with_kinds: bool = True) -> None:
    """Print what a shape holds; a stranger may have written it."""
    import msgspec

    from talkpath.report.printable import printable
    from talkpath.report.recordings.recorded_shape import kind_lines, shape_record, summary_lines

    if as_json:
        click.echo(msgspec.json.encode(shape_record(shape)))
        return
    for line in (*summary_lines(shape), *(kind_lines(shape) if with_kinds else ())):
        click.echo(printable(line))
