"""`talkpath listen`: the calls of a stream of packets, while they go on and when they are over."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.cli._language import language_option
from talkpath.errors import FileError, UsageError

if TYPE_CHECKING:
    from talkpath.api.recording import Recording
    from talkpath.capture.live.live_picture import LivePicture
    from talkpath.listening.control_thread import ControlThread
    from talkpath.listening.followed_stream import FollowedStream
    from talkpath.listening.kept_stream import KeptStream
    from talkpath.listening.packet_streams import PacketStream
    from talkpath.measure.call import Findings


@click.command()
@click.argument("words", nargs=-1, metavar="[FILE] [LINK]")
@click.option("-i", "interface", metavar="IFACE", help="Watch this network interface (Linux), or any.")
@click.option("--light", is_flag=True, help="Three control connections beside a call instead of eight.")
@click.option("--dry-run", is_flag=True, help="Print what control traffic would cost; send nothing.")
@click.option("--with", "earlier", multiple=True, type=click.Path(path_type=Path), help="A bundle of an earlier call.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a second, and the result at the end.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write a signed bundle here.")
@click.option("--keep", type=click.Path(dir_okay=False, path_type=Path), help="Write a scrubbed capture here.")
@language_option
def command(
    words: tuple[str, ...],
    interface: str | None,
    light: bool,
    dry_run: bool,
    earlier: tuple[Path, ...],
    as_json: bool,
    output: Path | None,
    keep: Path | None,
) -> None:
    """Show calls while they go on, in a stream of packets.

    FILE is a pcap or pcapng file, a named pipe, or - for standard input. Ctrl-C ends it and prints the result. Nothing
    is written unless -o or --keep says so.

    With the LINK of a test server control traffic runs beside each call: random bytes, as long as its packets, at the
    same moments. Then the result says whether the line carried that while the call suffered.
    """
    from talkpath.api import live_recording
    from talkpath.cli import _listen_control as controlling
    from talkpath.cli._run import refuse_overwrite
    from talkpath.listening.kept_stream import KeptStream

    if dry_run:
        controlling.show_plan(light, as_json)
        return
    source, link = controlling.source_and_link(words, interface)
    for path in (output, keep):
        refuse_overwrite(path)
    before = controlling.read_earlier(earlier)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    name = source or interface or ""
    stream = live_recording.open_stream(name, interface is not None, sys.stdin.fileno)
    if link and not stream.is_live:
        stream.close()
        raise UsageError("A file is played: no control traffic can run beside its calls. Leave the link out.")
    kept = KeptStream(stream) if keep else None
    found: list[Findings] = []
    with closing(stream), live_recording.open_control(link, light) if link else nullcontext() as control:
        if control is not None and not controlling.is_ready(control, stream, light):
            control = None
        for number, recording in enumerate(_followed_recordings(kept or stream, name, as_json, control), 1):
            if recording.findings.calls:  # a stream of days has parts without end
                found.append(recording.findings)
            if output:
                _write_bundle(recording, output, number)
            _show_recording(recording, as_json)
    if keep and kept:
        _write_capture(kept, keep)
    controlling.show_together(found, before, as_json)


def _followed_recordings(
    stream: PacketStream, name: str, as_json: bool, control: ControlThread | None
) -> Iterator[Recording]:
    """Follow the stream; give the recording of each part of it when that has ended."""
    from talkpath.api import live_recording
    from talkpath.cli._screen import screen
    from talkpath.listening.accompanist import ControlTrafficScheduler
    from talkpath.listening.followed_stream import FollowedStream
    from talkpath.report.recordings.live_text import LiveScreen

    live = LiveScreen(screen(stderr=True))
    accompanist = ControlTrafficScheduler(control.companion, time.monotonic) if control else None
    followed = FollowedStream(stream, _print_line if as_json else live.show, accompanist=accompanist)
    with stopped_by_signals(followed), closing(live):
        for recording in live_recording.followed_recordings(os.path.basename(name), followed, control):
            live.close()
            yield recording


def _print_line(picture: LivePicture) -> None:
    from talkpath.report.recordings.live_json import live_line

    click.echo(live_line(picture).encode())


@contextmanager
def stopped_by_signals(followed: FollowedStream) -> Iterator[None]:
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


def _show_recording(recording: Recording, as_json: bool) -> None:
    from talkpath.report.recordings import capture_json, capture_text

    if as_json:
        click.echo(capture_json.capture_line(capture_json.capture_result("-", recording.findings)).encode())
        return
    from talkpath.cli._screen import screen

    capture_text.show_capture(screen(), recording.name, recording.findings, clock=recording.clock)


def _write_bundle(recording: Recording, output: Path, number: int) -> None:
    """Write the evidence of one part; those after the first get a number."""
    from talkpath.evidence.file import write_file

    path = output if number == 1 else output.with_stem(f"{output.stem}-{number}")
    write_file(path, recording.bundle())


def _write_capture(kept: KeptStream, keep: Path) -> None:
    from io import BytesIO

    from talkpath.capture.scrubbing.scrub import scrub_capture

    out = BytesIO()
    kept.kept.seek(0)
    scrub_capture(kept.kept, out)
    try:
        keep.write_bytes(out.getvalue())
    except OSError as error:
        raise FileError(f"{keep.name} cannot be written ({error.strerror}); choose another place.") from None
    if kept.is_full:
        click.echo(f"talkpath: {keep.name} has the first part alone: there was too much to keep.", err=True)
