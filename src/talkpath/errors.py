"""The one error tree. Every error that talkpath raises on purpose is one of these:

    TalkpathError
    ├── UsageError    what was asked for makes no sense, or takes what this machine lacks
    ├── FileError     a file cannot be read or written, or is not what it is said to be
    ├── WireError     bytes that are no value of the format they claim to be
    ├── PeerError     the other end could not be used: absent, refused, wrong
    └── BundleError   evidence that does not verify

A message is one sentence: what happened, where, what to do next. It never holds an address.
A network failure during a measurement is a value in the facts, never one of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding bytes from outside raises where they are no value of the type."""


class TalkpathError(Exception):
    """Anything that talkpath raises on purpose."""


class UsageError(TalkpathError):
    """What was asked for makes no sense, or takes a package, a port or a right that this machine lacks."""


class FileError(TalkpathError):
    """A file that was named cannot be read or written, or is not what it is said to be."""


class WireError(TalkpathError):
    """Bytes that are no value of the format. All that a codec may raise."""


class PeerError(TalkpathError):
    """The far end is absent, refuses, speaks another version, or is not who the link says."""


class BundleError(TalkpathError):
    """Evidence that does not verify."""


@contextmanager
def in_place_of(met: type[Exception] | tuple[type[Exception], ...], told: Exception) -> Iterator[None]:
    """Whoever meets such an error inside is told the other one."""
    try:
        yield
    except met:
        raise told from None


@contextmanager
def file_read(path: Path) -> Iterator[None]:
    """A file that somebody named is read inside."""
    try:
        yield
    except OSError as error:
        raise FileError(f"The file {path.name} cannot be read ({error.strerror}); is its name right?") from None


@contextmanager
def file_written(path: Path) -> Iterator[None]:
    """A file that somebody named is written inside."""
    try:
        yield
    except OSError as error:
        raise FileError(f"{path.name} cannot be written ({error.strerror}); choose another place.") from None
