"""Reads a stream of packets while it arrives, and gives recordings of it as files would give them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from talkpath.api.recording import Recording, read_stream
from talkpath.errors import UsageError

if TYPE_CHECKING:
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


def recordings(name: str, followed: FollowedStream) -> Iterator[Recording]:
    """Yield the recordings of a stream's parts, each when it has ended; most streams have one part."""
    for number, part in enumerate(followed.parts()):
        yield read_stream(f"{name} ({number + 1})" if number else name, part)
