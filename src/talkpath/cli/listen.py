"""`talkpath listen`: the calls of a stream of packets, while they go on and when they are over.

With a link control traffic runs beside each call; where that cannot be, the reason is said.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from talkpath.cli._terminal.language import language_option
from talkpath.cli._terminal.output_file import NEW_FILE, free_place, output_option
from talkpath.cli.capture import print_report, recording_report
from talkpath.errors import PeerError, UsageError, file_written

if TYPE_CHECKING:
    from talkpath.api.recording import Recording
    from talkpath.capture.live.live_picture import LivePicture
    from talkpath.listening.control_traffic_session import ControlThread
    from talkpath.listening.followed_stream import FollowedStream, KeptStream
    from talkpath.listening.packet_streams import PacketStream
    from talkpath.measure.call import Findings
    from talkpath.report.recordings.control_sentences import ControlPlan

LINK_MARKS = ("talkpath://", "#")
WITHOUT_CONTROL_TRAFFIC = "Listening goes on without control traffic."


def source_and_link(words: tuple[str, ...], interface: str | None) -> tuple[str | None, str]:
    """Return the file, and the link, among what was named. `UsageError` for more than one of either."""
    links = [word for word in words if any(mark in word for mark in LINK_MARKS)]
    files = [word for word in words if word not in links]
    if len(links) > 1 or len(files) + (interface is not None) != 1:
        raise UsageError(
            "Name one source of packets, a file, - for standard input, or an interface with -i, and at most one link."
        )
    return (files[0] if files else None), (links[0] if links else "")


def plan_of(light: bool) -> ControlPlan:
    """What control traffic beside a call costs."""
    from talkpath.listening.control_traffic_session import CONTROL_CONNECTIONS, LIGHT_CONTROL_CONNECTIONS
    from talkpath.report.recordings.control_sentences import control_plan

    return control_plan(LIGHT_CONTROL_CONNECTIONS if light else CONTROL_CONNECTIONS)


def is_ready(control: ControlThread, stream: PacketStream, light: bool) -> bool:
    """Whether control traffic can run; otherwise the reason is said. An interface leaves it out of what it shows."""
    from talkpath.api.live_recording import leave_out
    from talkpath.report.printable import printable
    from talkpath.report.recordings.control_sentences import plan_words

    try:
        leave_out(control, stream)
    except PeerError as error:
        click.echo(f"talkpath: {printable(str(error))} {WITHOUT_CONTROL_TRAFFIC}", err=True)
        return False
    click.echo(f"talkpath: {plan_words(plan_of(light))}", err=True)
    return True


def read_earlier(bundles: Iterable[Path]) -> list[Findings]:
    """The recordings in bundles of earlier calls. `UsageError` for one that holds none."""
    from talkpath.api.verification import read_bundle

    out = []
    for path in bundles:
        findings = read_bundle(path).findings
        if findings is None:
            raise UsageError(f"{path.name} holds no recorded call; --with takes bundles that `listen -o` wrote.")
        out.append(findings)
    return out


def show_together(found: list[Findings], earlier: list[Findings], as_json: bool) -> None:
    """Print what the calls of this session and of earlier ones say together, where that is more than each says."""
    from talkpath.cli._terminal.screen import screen
    from talkpath.report.recordings import capture_json, capture_text
    from talkpath.verdict.bases.calls_together import verdicts_together

    if not earlier and len(found) < 2:
        return
    verdicts = verdicts_together([*earlier, *found])
    if as_json:
        click.echo(capture_json.together_text(verdicts))
    else:
        capture_text.show_together(screen(), verdicts)


@click.command()
@click.argument("words", nargs=-1, metavar="[FILE] [LINK]")
@click.option("-i", "interface", metavar="IFACE", help="Watch this network interface (Linux), or any.")
@click.option("--light", is_flag=True, help="Three control connections beside a call instead of eight.")
@click.option("--dry-run", is_flag=True, help="Print what control traffic would cost; send nothing.")
@click.option("--with", "earlier", multiple=True, type=click.Path(path_type=Path), help="A bundle of an earlier call.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a second, and the result at the end.")
@output_option
@click.option("--keep", type=NEW_FILE, help="Write a scrubbed capture here.")
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
    from talkpath.report.recordings.control_sentences import plan_words

    if dry_run:
        plan = plan_of(light)
        click.echo(json.dumps(plan._asdict()) if as_json else plan_words(plan))
        return
    source, link = source_and_link(words, interface)
    before = read_earlier(earlier)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    name = source or interface or ""
    stream = live_recording.open_stream(name, interface is not None, sys.stdin.fileno)
    if link and not stream.is_live:
        stream.close()
        raise UsageError("A file is played: no control traffic can run beside its calls. Leave the link out.")
    with (
        closing(stream),
        live_recording.open_control(link, light) if link else nullcontext() as control,
        _kept_in(keep, stream) if keep else nullcontext(stream) as followed,
    ):
        control = control if control is not None and is_ready(control, stream, light) else None
        recordings = shown_recordings(followed, os.path.basename(name), control, as_json=as_json)
        parts = map(partial(_told_part, output, as_json), recordings)  # it holds no part while the next is read
        found = [findings for findings in parts if findings.calls]  # a stream of days has parts without end
    show_together(found, before, as_json)


def shown_recordings(
    stream: PacketStream,
    name: str,
    control: ControlThread | None,
    *,
    apps: Sequence[str] = (),
    as_json: bool = False,
    one_call: bool = False,
) -> Generator[Recording]:
    """Follow the stream, and show its calls meanwhile; give the recording of each part of it when that has ended.
    `apps` are those in which a call is wanted; with `one_call` it ends once one is over."""
    from talkpath.api.live_recording import followed_recordings
    from talkpath.cli._terminal.screen import screen
    from talkpath.listening.followed_stream import FollowedStream, OneCall
    from talkpath.report.recordings.live_json import live_line
    from talkpath.report.recordings.live_text import LiveScreen

    live, wanted = LiveScreen(screen(stderr=True), apps), OneCall()

    def look(picture: LivePicture) -> None:
        if as_json:
            click.echo(live_line(picture).encode())
        else:
            live.show(picture)
        if one_call and wanted.is_over(picture):
            followed.stop()

    followed = FollowedStream(stream, look, control=control)
    with stopped_by_signals(followed), closing(live):
        for recording in followed_recordings(name, followed):
            live.close()
            yield recording
            del recording


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


def _told_part(output: Path | None, as_json: bool, recording: Recording) -> Findings:
    """Write the evidence of one part, with a number after the first, and show the part; return what was found in it."""
    from talkpath.evidence.file import write_file

    if output:
        write_file(free_place(output), recording.bundle())
    print_report(recording_report(recording, as_json))
    return recording.findings


@contextmanager
def _kept_in(keep: Path, stream: PacketStream) -> Iterator[KeptStream]:
    """Give the stream; what was read of it is written into that file, scrubbed, also where its showing fails."""
    from io import BytesIO

    from talkpath.capture.scrubbing.scrub import scrub_capture
    from talkpath.listening.followed_stream import KeptStream

    kept, out = KeptStream(stream), BytesIO()
    try:
        yield kept
    finally:
        kept.kept.seek(0)
        scrub_capture(kept.kept, out)
        with file_written(keep):
            keep.write_bytes(out.getvalue())
        if kept.is_full:
            click.echo(f"talkpath: {keep.name} has the first part alone: there was too much to keep.", err=True)
