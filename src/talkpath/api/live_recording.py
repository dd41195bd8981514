"""Reads a stream of packets while it arrives, and gives recordings of it as files would give them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from talkpath.api.recording import Recording, read_stream
from talkpath.errors import UsageError

if TYPE_CHECKING:
    from talkpath.listening.control_thread import ControlThread
    from talkpath.listening.followed_stream import FollowedStream
    from talkpath.listening.packet_streams import PacketStream


def open_stream(source: str, interface: bool, standard_input: Callable[[], int]) -> PacketStream:
    """Open an interface, a file, or what "-" stands for. `UsageError` where that is not possible."""
    from talkpath.listening.packet_streams import Interface, Pipe, PlayedFile

    if interface:
        return Interface(source)
    if source == "-":
        return Pipe(standard_input())
    path = Path(source)
    try:
        if path.is_fifo():
            return Pipe(os.open(path, os.O_RDONLY))
        return PlayedFile(path.open("rb"))
    except OSError as error:
        raise UsageError(f"The file {path.name} cannot be read ({error.strerror}); is its name right?") from None


def recordings(name: str, followed: FollowedStream, control: ControlThread | None = None) -> Iterator[Recording]:
    """Yield the recordings of a stream's parts, each when it has ended; most streams have one part. `control` runs
    control traffic beside its calls."""
    for number, part in enumerate(followed.parts()):
        recording = read_stream(f"{name} ({number + 1})" if number else name, part)
        yield recording if control is None else _accompanied(recording, control, followed.has_ended)


def _accompanied(recording: Recording, control: ControlThread, is_last: bool) -> Recording:
    """Return a recording with the control traffic that ran beside its calls."""
    from talkpath.listening.control_facts import control_facts

    if is_last:
        control.stop()
    ended, control.companion.accompanied = control.companion.accompanied, []
    begun_ns = recording.measured.begun_ns
    found = [control_facts(one, begun_ns) for one in ended] if begun_ns is not None else []
    return replace(recording, controls=tuple(one for one in found if one is not None))
