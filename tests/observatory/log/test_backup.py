"""A backup of an observatory that runs holds what cannot be made again; what is restored is that, or is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factories.machines.terminal import call_talkpath, say_talkpath
from factories.observatories.log_entries import open_log, report_entry
from talkpath.errors import BundleError, FileError, UsageError
from talkpath.observatory.log.backup import BACKUP_FILE, back_up_folder, restore_folder
from talkpath.observatory.log.packs import read_bundle_of
from talkpath.observatory.log.records import Received
from talkpath.observatory.log.seal import close_segment
from talkpath.observatory.log.segments import log_segments, read_log
from talkpath.observatory.responders.server_table import SERVERS_FILE, ServerTable
from talkpath.observatory.server import opened_log


def records(root: Path) -> list[Received]:
    return [record for _, record in read_log(root / "log") if isinstance(record, Received)]


def test_what_runs_is_copied_whole_and_every_record_has_its_bundle(tmp_path: Path):
    root, backup, back = (tmp_path / name for name in ("running", "backup", "back"))
    log, table = open_log(root), ServerTable(root)
    table.publish(b"the signed list")
    log.commit([report_entry(0)])
    stop = threading.Event()

    def go_on() -> None:
        for number in range(1, 2000):
            if stop.is_set():
                return
            log.commit([report_entry(number)])

    writing = threading.Thread(target=go_on)
    writing.start()
    try:
        for _ in range(5):
            back_up_folder(root, backup)
    finally:
        stop.set()
        writing.join()
    table.close()
    log.close()
    restore_folder(backup, back)
    restored = open_log(back)  # an end that was cut in the middle of a line is repaired
    found = records(back)
    assert found
    assert found == records(root)[: len(found)]
    assert all(read_bundle_of(back / "bundles", record) for record in found)
    restored.close()
    kept = ServerTable(back)
    assert kept.published() == b"the signed list"
    kept.close()


def test_only_what_changed_is_copied_again_and_what_was_removed_goes(tmp_path: Path):
    root, backup = tmp_path / "running", tmp_path / "backup"
    log = open_log(root)
    log.commit([report_entry(1)])
    (root / "key.pem").write_text("a key")
    (root / "events.jsonl").write_text("an event\n")
    names = back_up_folder(root, backup).files
    assert "key.pem" in names
    assert not {name.split("/")[0] for name in names} & {"index", "ids.db", "open", "lock"}
    before = (backup / "key.pem").stat().st_mtime_ns
    (root / "events.jsonl").unlink()
    assert "events.jsonl" not in back_up_folder(root, backup).files
    assert not (backup / "events.jsonl").exists()
    assert (backup / "key.pem").stat().st_mtime_ns == before
    assert (backup / "key.pem").stat().st_mode & 0o077 == 0
    (known,) = records(root)
    found = log.register.find(known.id)
    assert found is not None
    log.withdraw(found)
    back_up_folder(root, backup)
    assert known.id.encode() in (backup / "log" / (next((root / "log").iterdir()).name)).read_bytes()
    with pytest.raises(BundleError):
        read_bundle_of(backup / "bundles", known)
    log.close()


def harm_line(segment: Path) -> None:
    segment.write_bytes(segment.read_bytes().replace(b"received", b"recieved", 1))


def cut_records(segment: Path) -> None:
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:1]))


def lose_segment(segment: Path) -> None:
    segment.unlink()


@pytest.mark.parametrize(
    ("harm", "said"), [(harm_line, "lacks something"), (cut_records, "lacks"), (lose_segment, "lacks something")]
)
def test_a_log_that_went_back_is_not_put_over_a_good_copy(tmp_path: Path, harm: Callable[[Path], None], said: str):
    """A disk was lost and the service began anew, or a line was damaged: the nightly run must leave what is good."""
    root, backup, back = (tmp_path / name for name in ("running", "backup", "back"))
    log = open_log(root)
    log.commit([report_entry(1), report_entry(2)])
    log.close()
    before = records(root)
    back_up_folder(root, backup)
    harm(next((root / "log").iterdir()))
    (root / "key.pem").write_text("a key of another")
    with pytest.raises(FileError, match=said):
        back_up_folder(root, backup)
    restore_folder(backup, back)
    assert records(back) == before
    assert not (back / "key.pem").exists()


def test_a_journal_of_events_that_lost_a_line_is_not_put_over_a_good_copy(tmp_path: Path):
    root, backup = tmp_path / "running", tmp_path / "backup"
    open_log(root).close()
    journal = root / "events.jsonl"
    journal.write_text("an event\nanother\n")
    back_up_folder(root, backup)
    journal.write_text("an event\nanother\na third\n")
    back_up_folder(root, backup)
    journal.write_text("an event\n")
    with pytest.raises(FileError, match=r"lacks something of events\.jsonl"):
        back_up_folder(root, backup)
    assert (backup / "events.jsonl").read_text().endswith("a third\n")


def test_a_log_that_was_damaged_since_the_last_run_is_named_with_its_line(tmp_path: Path):
    root, backup = tmp_path / "running", tmp_path / "backup"
    log = open_log(root)
    log.commit([report_entry(1)])
    back_up_folder(root, backup)
    log.commit([report_entry(2), report_entry(3)])
    log.close()
    segment = next((root / "log").iterdir())
    first, second, third = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(first + second.replace(b"received", b"recieved", 1) + third)
    with pytest.raises(FileError, match="line 2, is damaged; nothing was copied"):
        back_up_folder(root, backup)


def test_an_end_that_was_repaired_since_the_last_run_is_no_loss(tmp_path: Path):
    root, backup = tmp_path / "running", tmp_path / "backup"
    log = open_log(root)
    log.commit([report_entry(1)])
    log.close()
    segment = next((root / "log").iterdir())
    whole = segment.read_bytes()
    segment.write_bytes(whole + b"8c736521 2 {half a li")
    back_up_folder(root, backup)
    segment.write_bytes(whole)
    back_up_folder(root, backup)
    assert (backup / "log" / segment.name).read_bytes() == whole


def test_a_run_that_fails_leaves_the_backup_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The disk of the backup is full in the middle of a run; the next one, with room, has all of it."""
    root, backup, back = (tmp_path / name for name in ("running", "backup", "back"))
    log = open_log(root)
    log.commit([report_entry(1)])
    back_up_folder(root, backup)
    log.commit([report_entry(2)])
    copy = shutil.copyfileobj

    def run_full(source: Any, target: Any, length: int) -> None:
        if source.name.endswith(".pack"):
            target.write(source.read(10))
            raise OSError(errno.ENOSPC, "full")
        copy(source, target, length)

    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfileobj", run_full)
        with pytest.raises(FileError, match="disk is full"):
            back_up_folder(root, backup)
        with pytest.raises(FileError, match="disk is full"):
            back_up_folder(root, tmp_path / "first")
    restore_folder(backup, back)
    assert len(records(back)) == 1
    back_up_folder(root, tmp_path / "first")  # its folder is not refused for what the full disk left
    back_up_folder(root, backup)
    restore_folder(backup, tmp_path / "later")
    assert len(records(tmp_path / "later")) == 2
    log.close()


def test_a_day_that_was_sealed_since_the_last_run_is_copied_as_it_is_now(tmp_path: Path):
    root, backup = tmp_path / "running", tmp_path / "backup"
    log = open_log(root)
    log.commit([report_entry(1), report_entry(2)])
    log.close()
    back_up_folder(root, backup)
    (segment,) = log_segments(root / "log")
    close_segment(segment, lambda number, record: number == 1)
    assert [name for name in back_up_folder(root, backup).files if name.startswith("log/")] == [
        f"log/{segment.path.name}.gz"
    ]
    assert len(records(backup)) == 1


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_a_damaged_backup_is_refused_before_anything_is_written(tmp_path: Path, harm: str):
    root, backup = tmp_path / "running", tmp_path / "backup"
    log = open_log(root)
    log.commit([report_entry(1)])
    log.close()
    back_up_folder(root, backup)
    (copy,) = (backup / "bundles").iterdir()
    copy.write_bytes(b"other") if harm == "change" else copy.unlink()
    with pytest.raises(BundleError, match="not as it was backed up"):
        restore_folder(backup, tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("name", ["../outside", "/outside", "log/../../outside"])
def test_a_manifest_leads_nowhere_else(tmp_path: Path, name: str):
    entry = {"size_bytes": 0, "sha256": "", "changed_ns": 0}
    (tmp_path / BACKUP_FILE).write_text(json.dumps({"files": {name: entry}}))
    with pytest.raises(UsageError, match="holds no backup"):
        restore_folder(tmp_path, tmp_path / "back")


def test_folders_that_are_none_are_told_so(tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a letter").write_text("dear")
    with pytest.raises(UsageError, match="holds no observatory"):
        back_up_folder(tmp_path, tmp_path / "backup")
    open_log(tmp_path / "running").close()
    with pytest.raises(UsageError, match="an empty one"):
        back_up_folder(tmp_path / "running", tmp_path / "full")
    with pytest.raises(UsageError, match="holds no backup"):
        restore_folder(tmp_path / "full", tmp_path / "back")
    back_up_folder(tmp_path / "running", tmp_path / "backup")
    with pytest.raises(UsageError, match="not empty"):
        restore_folder(tmp_path / "backup", tmp_path / "full")


def test_by_the_commands(tmp_path: Path):
    """As the page has them: the way back is read once, and the list of test servers is told where it is empty."""
    data, backup, back = (str(tmp_path / name) for name in ("running", "backup", "back"))
    log = opened_log(Path(data), simulated=False)
    log.commit([report_entry(1), report_entry(2)])
    log.close()
    ServerTable(Path(data)).close()
    said = say_talkpath("observe", "backup", backup, "--data", data).stdout
    assert said.endswith("`talkpath observe restore` puts them back.\n")
    assert "2 records are back" in say_talkpath("observe", "restore", backup, "--data", back).stdout
    assert (Path(back) / SERVERS_FILE).exists()
    assert "No test server was offered yet" in say_talkpath("observe", "responders", "list", "--data", back).stdout
    assert call_talkpath("observe", "responders", "list", "--data", back, "--json").stdout == b""
    segment = next((Path(back) / "log").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b"received", b"recieved", 1))
    done = say_talkpath("observe", "rebuild", "--data", back)
    assert f"{segment.name}, line 1, is damaged" in done.stderr
    assert done.returncode == 2


def test_a_backup_to_what_is_no_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    root = tmp_path / "running"
    open_log(root).close()
    with pytest.raises(FileError, match="cannot be written"):
        back_up_folder(root, Path(os.devnull))
