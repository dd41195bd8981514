"""The register knows every report of the log, or the log takes nothing more."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from factories.observatories.log_entries import DAY, open_log, report_entry, verdict_entry
from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.records import Unfit
from talkpath.observatory.log.segments import LogError


def ids(log: Log) -> list[tuple[str, str]]:
    return [(type(record).__name__, record.id) for _, record in log.read()]


def test_a_lost_register_is_made_again(tmp_path: Path):
    log = open_log(tmp_path)
    log.commit([report_entry(1), report_entry(2)])
    log.close()
    (tmp_path / "ids.db").write_bytes(b"no database" * 100)
    log = open_log(tmp_path)
    assert log.commit([report_entry(1), report_entry(3)]) == [False, True]
    log.close()


def test_it_is_known_which_reports_only_older_rules_looked_at(tmp_path: Path):
    log = open_log(tmp_path)
    reports = [report_entry(number) for number in range(4)]
    log.commit(reports)
    log.commit([verdict_entry(one, rules=rules) for one, rules in zip(reports, (1, 2, 1), strict=False)])
    first, _, third, waiting = (one.record.id for one in reports)
    assert {known.received.id for known in log.register.older(2, 9)} == {first, third}
    assert len(log.register.older(2, 1)) == 1
    log.register.pass_over(first, 2)
    assert log.commit([verdict_entry(reports[2], again=True, rules=2)]) == [True]
    assert log.register.older(2, 9) == []
    known = log.register.find(third)
    assert known is not None
    assert (known.state, known.rules) == ("judged", 2)
    assert [known.received.id for known in log.register.waiting()] == [waiting]
    log.close()


def test_what_newer_rules_find_to_be_no_evidence_takes_the_place_of_a_verdict(tmp_path: Path):
    log = open_log(tmp_path)
    one = report_entry(1)
    log.commit([one])
    log.commit([verdict_entry(one)])
    entry = Unfit(one.record.id, DAY, "2", "no evidence")
    assert log.commit([LogEntry(entry)]) == [False]
    assert log.commit([LogEntry(replace(entry, measured="2026-11-23", again=True))]) == [True]
    known = log.register.find(one.record.id)
    assert known is not None
    assert (known.state, known.why, known.rules) == ("unfit", "no evidence", 2)
    log.close()


def test_a_register_of_an_older_form_is_made_again(tmp_path: Path):
    log = open_log(tmp_path)
    log.commit([report_entry(1)])
    log.commit([verdict_entry(report_entry(1))])
    log.close()
    with sqlite3.connect(tmp_path / "ids.db") as db:
        db.executescript("ALTER TABLE report DROP COLUMN why; PRAGMA user_version = 0;")
    db.close()
    log = open_log(tmp_path)
    assert [known.rules for known in log.register.older(2, 9)] == [1]
    log.close()


def test_a_register_that_fails_after_the_sync_doubles_nothing(tmp_path: Path):
    log, entries = open_log(tmp_path), [report_entry(number) for number in range(300)]
    log.commit([report_entry(1000)])
    pages = log.register._db.db.execute("PRAGMA page_count").fetchone()[0]
    log.register._db.db.execute(f"PRAGMA max_page_count = {pages}")  # stands for a full disk
    assert log.commit(entries) == [True] * len(entries), "they are durable, whatever the register says"
    assert "ids.db" in log.trouble
    with pytest.raises(LogError, match=r"ids\.db"):
        log.commit(entries)
    log.register._db.db.execute("PRAGMA max_page_count = 100000")
    assert log.commit(entries) == [False] * len(entries)
    assert log.trouble == ""
    assert len(ids(log)) == len(set(ids(log))) == len(entries) + 1
    log.close()


def test_a_register_that_failed_before_a_restart_is_told_at_the_next(tmp_path: Path):
    log, entries = open_log(tmp_path), [report_entry(number) for number in range(300)]
    log.commit([report_entry(1000)])
    pages = log.register._db.db.execute("PRAGMA page_count").fetchone()[0]
    log.register._db.db.execute(f"PRAGMA max_page_count = {pages}")
    log.commit(entries)
    log.close()
    log = open_log(tmp_path)
    assert log.commit(entries) == [False] * len(entries)
    log.close()
