"""`talkpath listen`: the calls of a stream of packets, while they go on and when they are over."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.cli._language import language_option
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.api.recording import Recording
    from talkpath.capture.live.live_picture import LivePicture
    from talkpath.listening.followed_stream import FollowedStream
    from talkpath.listening.kept_stream import KeptStream
    from talkpath.listening.packet_streams import PacketStream


@click.command()
@click.argument("source", required=False, metavar="[FILE]")
@click.option("-i", "interface", metavar="IFACE", help="Watch this network interface (Linux), or any.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a second, and the result at the end.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write a signed bundle here.")
@click.option("--keep", type=click.Path(dir_okay=False, path_type=Path), help="Write a scrubbed capture here.")
@language_option
def command(source: str | None, interface: str | None, as_json: bool, output: Path | None, keep: Path | None) -> None:
    """Show calls while they go on, in a stream of packets.

    FILE is a pcap or pcapng file, a named pipe, or - for standard input. Ctrl-C ends it and prints the result. Nothing
    is written unless -o or --keep says so.
    """
    from talkpath.api import live_recording
    from talkpath.cli._run import refuse_overwrite
    from talkpath.listening.kept_stream import KeptStream

    if (source is None) == (interface is None):
        raise UsageError("Name one source of packets: a file, - for standard input, or an interface with -i.")
    for path in (output, keep):
        refuse_overwrite(path)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    stream = live_recording.open_stream(interface or source or "", interface is not None, sys.stdin.fileno)
    kept = KeptStream(stream) if keep else None
    try:
        for number, recording in enumerate(_recordings(kept or stream, interface or source or "", as_json), 1):
            _show(recording, as_json)
            if output:
                _write_bundle(recording, output, number)
    finally:
        stream.close()
    if keep and kept:
        _write_capture(kept, keep)


def _recordings(stream: PacketStream, name: str, as_json: bool) -> Iterator[Recording]:
    """Follow the stream; give the recording of each part of it when that has ended."""
    from talkpath.api import live_recording
    from talkpath.cli._screen import screen
    from talkpath.listening.followed_stream import FollowedStream
    from talkpath.report.recordings.live_text import LiveScreen

    live = LiveScreen(screen(stderr=True))
    followed = FollowedStream(stream, _print_line if as_json else live.show)
    with _stopped_by_signals(followed), closing(live):
        for recording in live_recording.recordings(os.path.basename(name), followed):
            live.close()
            yield recording


def _print_line(picture: LivePicture) -> None:
    from talkpath.report.recordings.live_json import live_line

    click.echo(live_line(picture))


@contextmanager
def _stopped_by_signals(followed: FollowedStream) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the stream in order, so that its result is told; a second one ends at once."""

    def stop(number: int, _: object) -> None:
        followed.stop()
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(recording: Recording, as_json: bool) -> None:
    from talkpath.report.recordings import capture_json, capture_text

    if as_json:
        click.echo(capture_json.text(capture_json.result(recording.name, recording.findings)))
        return
    from talkpath.cli._screen import screen

    capture_text.show(screen(), recording.name, recording.findings, clock=recording.clock)


def _write_bundle(recording: Recording, output: Path, number: int) -> None:
    """Write the evidence of one part; those after the first get a number."""
    from talkpath.evidence.file import write_file

    path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
    write_file(path, recording.bundle())


def _write_capture(kept: KeptStream, keep: Path) -> None:
    from io import BytesIO

    from talkpath.capture.scrubbing.scrub import scrub

    out = BytesIO()
    kept.kept.seek(0)
    scrub(kept.kept, out)
    try:
        keep.write_bytes(out.getvalue())
    except OSError as error:
        raise UsageError(f"{keep.name} cannot be written ({error.strerror}); choose another place.") from None
    if kept.is_full:
        click.echo(f"talkpath: {keep.name} has the first part alone: there was too much to keep.", err=True)
