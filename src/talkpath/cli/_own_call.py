"""The person's own call in `check --own`: watched on this device while they make it, beside control traffic."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from talkpath.errors import TalkpathError, UsageError

if TYPE_CHECKING:
    from talkpath.api.recording import Recording
    from talkpath.capture.live.live_picture import LivePicture
    from talkpath.listening.control_thread import ControlThread
    from talkpath.listening.packet_streams import PacketStream
    from talkpath.verdict.model import Verdict

ANY_INTERFACE = "any"
OWN_CALL_NAME = "call"
ANY_WEBRTC = "webrtc"


@dataclass(frozen=True, slots=True)
class OwnCall:
    """Where to watch for a call of the person's own. `interface` is "" where none was named: then whoever sits at a
    terminal is asked, and all interfaces are watched. `agreed`: nothing is asked."""

    interface: str = ""
    agreed: bool = False

    def show_plan(self) -> None:
        """What is watched and sent, before any of it."""
        from talkpath.cli._listen_control import plan_of
        from talkpath.report.recordings.control_plan import plan_words
        from talkpath.report.words.joined_sentences import own_call_plan

        click.echo(f"{own_call_plan()} {plan_words(plan_of(light=False))}")

    def wanted(self, apps: Sequence[str]) -> bool:
        """Whether a call is to be watched: it was named before, or whoever sits here says so. Where the device does not
        let this process watch, that is said. Who agreed to everything before is asked nothing."""
        from talkpath.cli._listen_control import plan_of
        from talkpath.report.recordings.control_plan import plan_words
        from talkpath.report.words.joined_sentences import own_call_question

        if not self.interface and (self.agreed or not (sys.stdin.isatty() and sys.stderr.isatty())):
            return False
        if not _can_watch(self.interface or ANY_INTERFACE):
            return False
        if self.interface and self.agreed:
            return True
        click.echo(f"\ntalkpath: {plan_words(plan_of(light=False))}", err=True)
        return click.confirm(own_call_question(apps), default=False, err=True)

    def watch(self, apps: Sequence[str], link: str) -> Recording | None:
        """Watch until one call is over; None where nothing could be watched."""
        from talkpath.api import live_recording

        try:
            stream = live_recording.open_stream(self.interface or ANY_INTERFACE, True, sys.stdin.fileno)
            with closing(stream), live_recording.open_control(link, False) if link else nullcontext() as control:
                return _follow_stream(stream, _ready_session(control, stream), apps)
        except TalkpathError as error:
            click.echo(f"talkpath: {error}", err=True)
            return None


def _can_watch(interface: str) -> bool:
    from talkpath.api.live_recording import open_stream
    from talkpath.report.words.joined_sentences import without_own_call

    try:
        open_stream(interface, True, sys.stdin.fileno).close()
    except UsageError as error:
        click.echo(f"talkpath: {without_own_call()} {error}", err=True)
        return False
    return True


def _ready_session(control: ControlThread | None, stream: PacketStream) -> ControlThread | None:
    """The session where control traffic can run; otherwise the reason is said."""
    from talkpath.cli._listen_control import is_ready

    return control if control is not None and is_ready(control, stream, light=False) else None


def _follow_stream(stream: PacketStream, control: ControlThread | None, apps: Sequence[str]) -> Recording | None:
    from talkpath.api import live_recording
    from talkpath.cli._screen import screen
    from talkpath.cli.listen import stopped_by_signals
    from talkpath.listening.accompanist import ControlTrafficScheduler
    from talkpath.listening.followed_stream import FollowedStream
    from talkpath.listening.one_call import OneCall
    from talkpath.report.recordings.live_text import LiveScreen

    live, one_call = LiveScreen(screen(stderr=True), apps), OneCall()

    def look(picture: LivePicture) -> None:
        live.show(picture)
        if one_call.is_over(picture):
            followed.stop()

    accompanist = ControlTrafficScheduler(control.companion, time.monotonic) if control else None
    followed = FollowedStream(stream, look, accompanist=accompanist)
    with stopped_by_signals(followed), closing(live):
        return next(live_recording.followed_recordings(OWN_CALL_NAME, followed, control), None)


def call_verdicts_of(recording: Recording, apps: Sequence[str]) -> list[Verdict]:
    """What the person's calls of these apps say, each and together."""
    from msgspec.structs import replace

    from talkpath.verdict.bases.accompanied_call import attempt_verdicts, call_verdicts
    from talkpath.verdict.bases.calls_together import verdicts_together

    findings = recording.findings
    every = [*call_verdicts(findings), *attempt_verdicts(findings), *verdicts_together([findings])]
    said = app_as_said(recording, apps)
    counted = (replace(verdict, app=said) if said and verdict.app == ANY_WEBRTC else verdict for verdict in every)
    return [verdict for verdict in counted if verdict.app in apps]


def app_as_said(recording: Recording, apps: Sequence[str]) -> str:
    """The app whose call a recorded one counts as because the person was asked to call in it: it looks like any WebRTC
    call, as that app's do, and neither its shape nor an address tells the app. "" where there is no such call."""
    from talkpath.apps import shapes
    from talkpath.apps.families.rtc_call import RtcCall

    findings = recording.findings
    seen = {one.app for one in findings.calls} or {one.app for one in findings.attempts}
    looks_so = {arm.app for arm, shape in shapes().items() if isinstance(shape, RtcCall)} - {ANY_WEBRTC}
    is_sure = len(apps) == 1 and apps[0] in looks_so and apps[0] not in seen
    return apps[0] if is_sure and ANY_WEBRTC in seen else ""


def show_call(recording: Recording, apps: Sequence[str]) -> None:
    """Print what was seen, and that it does not count where it was no call of these apps."""
    from talkpath.cli._screen import screen
    from talkpath.report.recordings import capture_text
    from talkpath.report.words.joined_sentences import call_as_said, no_own_call

    capture_text.show_capture(screen(), recording.name, recording.findings, clock=recording.clock)
    if said := app_as_said(recording, apps):
        click.echo(call_as_said(said))
    if not call_verdicts_of(recording, apps):
        click.echo(no_own_call(apps))


def call_record(recording: Recording, apps: Sequence[str]) -> dict[str, Any]:
    """The object `own_call` of tp-004."""
    said = app_as_said(recording, apps)
    return recording.record | ({"counted_as": said} if said else {})
