"""Segments are read from the middle as they are from their beginning, and without what lies before."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories.observatories.log_entries import open_log, tap_entry
from talkpath.errors import FileError, UsageError
from talkpath.observatory.log.log import Log
from talkpath.observatory.log.seal import close_segment
from talkpath.observatory.log.segments import NEAR_BYTES, log_segments, read_log

LINES = 2000


@pytest.fixture
def log(tmp_path: Path) -> Log:
    made = open_log(tmp_path)
    made.commit([tap_entry(number) for number in range(LINES)])
    made.close()
    return made


def test_what_comes_after_a_number_is_the_same_wherever_it_begins(log: Log):
    every = list(read_log(log.folder.log))
    assert [number for number, _ in every] == list(range(1, LINES + 1))
    for after in (*range(0, LINES, 37), LINES - 1, LINES, LINES + 1):
        assert list(read_log(log.folder.log, after)) == every[after:]


def test_what_lies_far_before_is_not_read_again(log: Log):
    (segment,) = log_segments(log.folder.log)
    data = bytearray(segment.path.read_bytes())
    assert len(data) > 4 * NEAR_BYTES
    data[20] ^= 1
    segment.path.write_bytes(data)
    assert [number for number, _ in read_log(log.folder.log, LINES - 5)] == list(range(LINES - 4, LINES + 1))
    with pytest.raises(FileError, match="line 1: a line of the log is damaged"):
        list(read_log(log.folder.log))


def test_a_damaged_line_among_those_that_are_looked_at_leaves_none_out(log: Log):
    (segment,) = log_segments(log.folder.log)
    lines = segment.path.read_bytes().splitlines(keepends=True)
    for at in range(LINES // 2 - 3, LINES // 2 + 3):  # where it is looked first
        lines[at] = b"x" * len(lines[at][:-1]) + b"\n"
    segment.path.write_bytes(b"".join(lines))
    after = LINES * 3 // 4
    try:
        found = [number for number, _ in read_log(log.folder.log, after)]
    except UsageError:
        return  # told, as when it is read from its beginning
    assert found == list(range(after + 1, LINES + 1))


@pytest.mark.parametrize("damage", ["head", "body", "end"])
def test_a_damaged_sealed_segment_is_named(log: Log, damage: str):
    """The log is not opened, and whoever reads it is told which file to bring back."""
    (segment,) = log_segments(log.folder.log)
    close_segment(segment, lambda number, record: False)
    (segment,) = log_segments(log.folder.log)
    data = bytearray(segment.path.read_bytes())
    if damage == "end":
        del data[len(data) // 2 :]
    else:
        data[0 if damage == "head" else len(data) // 2] ^= 0xFF
    segment.path.write_bytes(data)
    with pytest.raises(FileError, match=segment.path.name):
        list(read_log(log.folder.log))
    with pytest.raises(FileError, match=segment.path.name):
        open_log(log.folder.root)
