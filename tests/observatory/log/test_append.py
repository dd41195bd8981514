"""What is written of many parts: all of them in order, or none."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from talkpath.observatory.log import segments
from talkpath.observatory.log.segments import AppendFile, LogError

PARTS = (b"one", b"", b"two and more", b"three")


@pytest.mark.parametrize("together", [1, 3, 100])
@pytest.mark.parametrize("cut_short", [0, 1, 4, 1000])
def test_all_parts_are_there_in_order_however_little_the_system_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int, cut_short: int
):
    monkeypatch.setattr(segments, "MAX_APPENDED_TOGETHER", together)
    monkeypatch.setattr(os, "writev", lambda handle, parts: os.write(handle, b"".join(parts)[:cut_short]))
    file = AppendFile(tmp_path / "file")
    file.add(b"before ")
    file.add_all(PARTS)
    assert (tmp_path / "file").read_bytes() == b"before " + b"".join(PARTS)
    assert file.size_bytes == len(b"before " + b"".join(PARTS))
    file.close()


def test_none_is_there_where_the_disk_is_full_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(segments, "MAX_APPENDED_TOGETHER", 1)
    file = AppendFile(tmp_path / "file")
    file.add(b"before")

    def full(handle: int, parts: Sequence[bytes]) -> int:
        if parts[0] == PARTS[2]:
            raise OSError(errno.ENOSPC, "")
        return os.write(handle, parts[0])

    with monkeypatch.context() as patched:
        patched.setattr(os, "writev", full)
        with pytest.raises(LogError, match="make room"):
            file.add_all(PARTS)
    assert (tmp_path / "file").read_bytes() == b"before"
    file.add(b" and after")
    assert (tmp_path / "file").read_bytes() == b"before and after"
    file.close()
