"""The log keeps what it acknowledged, once, whatever happens to the process, the disk and the clock."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from factories.observatories.log_entries import DAY, Clock, open_log, report_entry, tap_entry, verdict_entry
from talkpath.errors import BundleError, FileError, UsageError
from talkpath.observatory.log.folder import Folder
from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.packs import drop_packs
from talkpath.observatory.log.records import Received, Withdrawn
from talkpath.observatory.log.segments import (
    MAX_LOG_LINE_BYTES,
    AppendFile,
    LogError,
    decode_line,
    encode_line,
    line_number,
)


def ids(log: Log) -> list[tuple[str, str]]:
    return [(type(record).__name__, record.id) for _, record in log.read()]


def test_what_was_acknowledged_is_there_after_opening_again(tmp_path: Path):
    log, entries = open_log(tmp_path), [report_entry(1), tap_entry(1), report_entry(2)]
    assert log.commit(entries) == [True, True, True]
    assert log.commit([verdict_entry(entries[0])]) == [True]
    before = list(log.read())
    log.close()
    log = open_log(tmp_path)
    assert list(log.read()) == before
    assert [number for number, _ in before] == [1, 2, 3, 4]
    known = log.register.find(entries[0].record.id)
    assert known is not None
    assert (known.state, known.measured) == ("judged", "2026-11-23")
    assert log.bundle(known.received) == entries[0].data
    assert [found.received.id for found in log.register.waiting()] == [entries[2].record.id]
    log.close()


def test_the_same_report_is_taken_once(tmp_path: Path):
    log = open_log(tmp_path)
    assert log.commit([report_entry(1), report_entry(1), tap_entry(1), tap_entry(1)]) == [True, False, True, False]
    assert log.commit([report_entry(1), tap_entry(1), report_entry(2)]) == [False, False, True]
    log.close()
    log = open_log(tmp_path)
    assert log.commit([report_entry(2), report_entry(1)]) == [False, False]
    assert len(ids(log)) == 3
    log.close()


def test_a_verdict_belongs_to_a_report_and_comes_once_unless_again(tmp_path: Path):
    log, one = open_log(tmp_path), report_entry(1)
    assert log.commit([verdict_entry(one)]) == [False]
    log.commit([one])
    assert log.commit([verdict_entry(one)]) == [True]
    assert log.commit([verdict_entry(one)]) == [False]
    assert log.commit([verdict_entry(one, "restricted", again=True)]) == [True]
    log.close()


def test_a_second_writer_is_refused(tmp_path: Path):
    log = open_log(tmp_path)
    with pytest.raises(UsageError, match="Another process writes"):
        open_log(tmp_path)
    log.commit([report_entry(1)])
    log.close()
    open_log(tmp_path).close()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        Folder(tmp_path / "file" / "below")


def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path: Path):
    """The limit on a file's size stands for the disk: the same partial write, then an error."""
    log = open_log(tmp_path)
    log.commit([report_entry(number) for number in range(5)])
    before = list(log.read())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(LogError, match="nothing was taken"):
            log.commit([report_entry(number, 1000) for number in range(5, 15)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(log.read()) == before
    assert log.commit([report_entry(7, 1000)]) == [True]
    known = log.register.find(report_entry(7, 1000).record.id)
    assert known is not None
    assert log.bundle(known.received) == report_entry(7, 1000).data
    log.close()
    log = open_log(tmp_path)
    assert [number for number, _ in log.read()] == [1, 2, 3, 4, 5, 6]
    log.close()


def test_after_a_failed_sync_nothing_more_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = AppendFile(tmp_path / "x")

    def fail(handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    file.add(b"one")
    with pytest.raises(LogError, match="disk failed"):
        file.sync()
    monkeypatch.undo()
    with pytest.raises(LogError, match="disk failed"):
        file.add(b"two")
    file.close()


def test_a_clock_that_is_set_back_loses_nothing(tmp_path: Path):
    clock = Clock("2026-11-24")
    log = open_log(tmp_path, clock)
    for day in ("2026-11-24", "2026-11-26", "2026-11-23", "2026-11-24"):
        clock.day = day
        assert log.commit([report_entry(len(ids(log)))]) == [True]
    log.close()
    log = open_log(tmp_path, clock)
    assert [number for number, _ in log.read()] == [1, 2, 3, 4]
    assert [record.day for _, record in log.read()] == ["2026-11-24", "2026-11-26", "2026-11-23", "2026-11-24"]
    for _, record in log.read():
        assert isinstance(record, Received)
        assert log.bundle(record)
    log.close()


def test_a_clock_before_a_sealed_day_is_refused(tmp_path: Path):
    log = open_log(tmp_path, Clock("2026-11-20"), sealed_until="2026-11-21")
    with pytest.raises(LogError, match="clock"):
        log.commit([report_entry(1)])
    log.close()


@given(cut=st.integers(1, 400), garbage=st.binary(max_size=40))
def test_a_torn_end_is_cut_off(tmp_path_factory: pytest.TempPathFactory, cut: int, garbage: bytes):
    root = tmp_path_factory.mktemp("torn")
    log = open_log(root)
    log.commit([report_entry(1)])
    log.commit([report_entry(2)])
    log.close()
    (segment,) = (root / "log").iterdir()
    whole = segment.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    torn = garbage.replace(b"\n", b"")
    segment.write_bytes(whole[: len(whole) - min(cut, last)] + torn)
    (root / "ids.db").unlink()
    log = open_log(root)
    kept = 2 if segment.read_bytes() == whole else 1
    assert len(ids(log)) == kept
    assert log.commit([report_entry(2), report_entry(3)]) == [kept == 1, True]
    log.close()


def test_damage_before_the_end_is_told_and_nothing_is_thrown_away(tmp_path: Path):
    log = open_log(tmp_path)
    log.commit([report_entry(1), report_entry(2), report_entry(3)])
    log.close()
    (segment,) = (tmp_path / "log").iterdir()
    damaged = segment.read_bytes().replace(b'"received"', b'"recieved"', 1)
    segment.write_bytes(damaged)
    with pytest.raises(FileError, match=r"line 1, is damaged before the file's end"):
        open_log(tmp_path)
    assert segment.read_bytes() == damaged


@given(st.binary(max_size=80))
def test_no_garbage_is_a_line(data: bytes):
    assert line_number(data) is None


def test_a_changed_bit_is_no_line():
    line = encode_line(7, tap_entry(1).record)
    assert decode_line(line) == (7, tap_entry(1).record)
    for at in range(len(line) * 8):
        changed = bytearray(line)
        changed[at // 8] ^= 1 << at % 8
        assert line_number(bytes(changed)) is None


def test_withdrawn_before_sealing_it_is_removed_and_may_come_again(tmp_path: Path):
    log, one = open_log(tmp_path), report_entry(1)
    log.commit([one, report_entry(2)])
    known = log.register.find(one.record.id)
    assert known is not None
    assert not log.withdraw(known).tombstone
    assert log.register.find(one.record.id) is None
    with pytest.raises(BundleError):
        log.bundle(known.received)
    (pack,) = (tmp_path / "bundles").iterdir()
    assert one.data[:32] not in pack.read_bytes()
    assert log.commit([verdict_entry(one)]) == [False], "a judge that was late"
    assert log.commit([one]) == [True]
    log.close()


def test_withdrawn_after_sealing_it_is_a_tombstone(tmp_path: Path):
    clock = Clock()
    log, one = open_log(tmp_path, clock), report_entry(1)
    log.commit([one])
    clock.day = "2026-11-27"
    log.seal_until(DAY)
    known = log.register.find(one.record.id)
    assert known is not None
    assert log.withdraw(known).tombstone
    assert log.commit([one, verdict_entry(one)]) == [False, False]
    assert isinstance(list(log.read())[-1][1], Withdrawn)
    log.close()


def test_bundles_go_when_their_time_is_over(tmp_path: Path):
    clock = Clock()
    log = open_log(tmp_path, clock)
    log.commit([report_entry(1)])
    clock.day = "2026-11-25"
    log.commit([report_entry(2)])
    assert drop_packs(tmp_path / "bundles", "2026-11-25") == 1
    with pytest.raises(BundleError):
        log.bundle(next(known.received for known in log.register.waiting() if known.received.day == DAY))
    log.close()


def test_no_line_is_longer_than_its_bound_and_what_is_larger_harms_no_later_record(tmp_path: Path):
    log, one = open_log(tmp_path), report_entry(1)
    log.commit([one])
    large = replace(verdict_entry(one).record, responder_class="x" * MAX_LOG_LINE_BYTES)  # type: ignore[type-var]
    with pytest.raises(LogError, match="larger than a line"):
        log.commit([LogEntry(large), report_entry(2)])
    assert log.commit([verdict_entry(one), report_entry(2)]) == [True, True]
    lines = next((tmp_path / "log").glob("*.log")).read_bytes().splitlines(keepends=True)
    assert max(map(len, lines)) <= MAX_LOG_LINE_BYTES
    assert [name for name, _ in ids(log)] == ["Received", "Judged", "Received"]
    log.close()


def test_what_an_older_version_wrote_longer_can_be_read_and_sealed():
    large = replace(verdict_entry(report_entry(1)).record, responder_class="x" * MAX_LOG_LINE_BYTES)  # type: ignore[type-var]
    assert decode_line(encode_line(7, large)) == (7, large)
