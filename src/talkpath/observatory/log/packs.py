"""Where bundles lie: one after the other in a pack beside the segment of the log that names them.

    bundles/000017-2026-11-24.pack

The log has each bundle's SHA-256, and where it begins and how long it is; what is read is checked against it. One sync
makes all bundles of a group durable. A removed one is overwritten in place, and a whole pack is deleted when its time
is over.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from talkpath.errors import BundleError
from talkpath.observatory.log.records import Received
from talkpath.serving.private_files import sync_folder

PACK_NAME = re.compile(r"(\d{6,})-(\d{4}-\d\d-\d\d)\.pack")


class NotKeptError(BundleError):
    """The bundle was removed, or its time is over."""


def pack_path(folder: Path, number: int, day: str) -> Path:
    """Where the pack of a segment lies."""
    return folder / f"{number:06d}-{day}.pack"


def read_bundle_of(folder: Path, received: Received) -> bytes:
    """The bundle's bytes; `NotKeptError` where it was removed, its time is over, or the disk changed it."""
    try:
        with pack_path(folder, received.segment, received.day).open("rb") as file:
            file.seek(received.at)
            data = file.read(received.size_bytes)
    except FileNotFoundError:
        data = b""
    if hashlib.sha256(data).hexdigest() != received.id:
        raise NotKeptError("The bundle is no longer kept.")
    return data


def remove_bundle(folder: Path, received: Received) -> bool:
    """Overwrite it with zeros, on the disk when this returns; False where it is gone already, or its pack is."""
    try:
        handle = os.open(pack_path(folder, received.segment, received.day), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        was_there = any(os.pread(handle, received.size_bytes, received.at))
        os.pwrite(handle, bytes(received.size_bytes), received.at)
        os.fdatasync(handle)
    finally:
        os.close(handle)
    return was_there


def drop_packs(folder: Path, before: str) -> int:
    """Delete the packs of days before that one; how many there were."""
    old = [path for path in folder.iterdir() if (match := PACK_NAME.fullmatch(path.name)) and match[2] < before]
    for path in old:
        path.unlink()
    if old:
        sync_folder(folder)
    return len(old)
