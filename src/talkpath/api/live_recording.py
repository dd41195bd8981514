"""Reads a stream of packets while it arrives, and gives recordings of it as files would give them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from talkpath.api.recording import Recording, read_stream
from talkpath.errors import PeerError, UsageError, file_read

if TYPE_CHECKING:
    from talkpath.capture.live.live_picture import LivePicture
    from talkpath.listening.control_traffic_session import ControlThread
    from talkpath.listening.followed_stream import FollowedStream
    from talkpath.listening.packet_streams import PacketStream
    from talkpath.probe.invite_link import InviteLink


def listen(
    source: str | Path = "",
    *,
    interface: str = "",
    link: str = "",
    light: bool = False,
    seconds: float = inf,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> Iterator[Recording]:
    """Read a stream of packets and yield its recording when it has ended; one of hours has several parts, each yielded
    when it has ended.

    `source` is a capture file, a named pipe, or "-" for standard input; `interface` the name of a network interface
    instead, or "any" (Linux, with the right CAP_NET_RAW). With the invite `link` of a test server control traffic runs
    beside each call, and the verdicts rest on both: 8 connections, 3 with `light`. It ends with the stream, or after so
    many `seconds` of it. `progress` is called once a second with the object of `listen --json` (spec/tp-007).

    `UsageError` or `FileError` where the source cannot be opened, or a file is given a link; `PeerError` where no
    control traffic can run.
    """
    from talkpath.listening.followed_stream import FollowedStream

    if bool(interface) == bool(source):
        raise UsageError("Name one source of packets: a file, or an interface.")
    name = interface or str(source)
    with closing(open_stream(name, bool(interface), sys.stdin.fileno)) as stream:
        if link and not stream.is_live:
            raise UsageError("A file is played: no control traffic can run beside its calls. Leave the link out.")
        with open_control(link, light) if link else nullcontext() as control:
            if control is not None:
                leave_out(control, stream)

            def look(picture: LivePicture) -> None:
                if progress is not None:
                    progress(live_object(picture))
                if picture.now_s >= seconds:
                    followed.stop()

            followed = FollowedStream(stream, look, control=control)
            yield from followed_recordings(os.path.basename(name), followed)


def live_object(picture: LivePicture) -> dict[str, Any]:
    """One moment of a stream as plain values."""
    import json

    from talkpath.report.recordings.live_json import live_line

    plain: dict[str, Any] = json.loads(live_line(picture))
    return plain


def open_control(link: str | InviteLink, light: bool) -> ControlThread:
    """The session with the test server of a link, to be entered. A link that was read may say its addresses."""
    from talkpath.listening.control_traffic_session import CONTROL_CONNECTIONS, LIGHT_CONTROL_CONNECTIONS, ControlThread
    from talkpath.probe.invite_link import parse_invite_link

    return ControlThread(
        parse_invite_link(link) if isinstance(link, str) else link,
        LIGHT_CONTROL_CONNECTIONS if light else CONTROL_CONNECTIONS,
    )


def leave_out(control: ControlThread, stream: PacketStream) -> None:
    """Leave control traffic out of what an interface shows; `PeerError` where none can run."""
    from talkpath.listening.packet_streams import InterfaceStream

    if control.session.how != "ready":
        raise PeerError(str(control.error or NO_CONTROL_NOTES[control.session.how]))
    if isinstance(stream, InterfaceStream):
        stream.left_out = control.far


NO_CONTROL_NOTES = {
    "refused": "The test server refused.",
    "lost": "The test server does not answer.",
    "connecting": "The test server does not answer.",
}


def open_stream(source: str, interface: bool, standard_input: Callable[[], int]) -> PacketStream:
    """Open an interface, a file, or what "-" stands for. `UsageError` or `FileError` where that is not possible."""
    from talkpath.listening.packet_streams import InterfaceStream, PipeStream, PlayedFile

    if interface:
        return InterfaceStream(source)
    if source == "-":
        return PipeStream(standard_input())
    path = Path(source)
    with file_read(path):
        return PipeStream(os.open(path, os.O_RDONLY)) if path.is_fifo() else PlayedFile(path.open("rb"))


def followed_recordings(name: str, followed: FollowedStream) -> Iterator[Recording]:
    """Yield the recordings of a stream's parts, each when it has ended, with the control traffic that ran beside its
    calls; most streams have one part."""
    recordings = (  # no name holds one while the next part is read
        read_stream(f"{name} ({number + 1})" if number else name, part, followed.limits)
        for number, part in enumerate(followed.parts())
    )
    control = followed.control
    yield from (recordings if control is None else map(partial(_with_control_traffic, control, followed), recordings))


def _with_control_traffic(control: ControlThread, followed: FollowedStream, recording: Recording) -> Recording:
    """Return a recording with the control traffic that ran beside its calls."""
    from talkpath.listening.control_facts import control_facts

    if followed.has_ended:
        control.stop()
    ended, control.session.accompanied = control.session.accompanied, []
    begun_ns = recording.measured.begun_ns
    found = [control_facts(one, begun_ns) for one in ended] if begun_ns is not None else []
    return replace(recording, controls=tuple(one for one in found if one is not None))
