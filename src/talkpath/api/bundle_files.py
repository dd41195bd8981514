"""Reads evidence bundles from files or from memory."""

from __future__ import annotations

from pathlib import Path

from talkpath.evidence.bundle import Bundle as Bundle
from talkpath.evidence.bundle import read_bundle as _decode
from talkpath.evidence.file import read_bytes

BundleSource = str | Path | bytes
"""Where a bundle is: a path, or its bytes."""


def read_bundle(source: BundleSource) -> Bundle:
    """Read a bundle (spec/tp-003) and check that every bit is as it was signed.

    `source` is a path or the bytes of the file. `BundleError` where the file was changed, is damaged or is no bundle;
    `FileError` where it cannot be read.
    """
    return _decode(source if isinstance(source, bytes) else read_bytes(Path(source)))


def read_once(source: BundleSource | Bundle) -> Bundle:
    """The bundle itself where it was read already."""
    return source if isinstance(source, Bundle) else read_bundle(source)
