"""Whoever waits for the disk waits together, and each hears of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from factories.observatories.log_entries import Clock, open_log, report_entry
from talkpath.observatory.log.committer import APART_S, CROWD, Committer
from talkpath.observatory.log.segments import LogError


def test_many_who_wait_share_a_sync(tmp_path: Path):
    log = open_log(tmp_path)
    groups: list[int] = []
    committer = Committer(log, groups.append)
    futures = [committer.submit(*report_entry(number)) for number in range(200)]
    futures += [committer.submit(*report_entry(number)) for number in range(50)]
    assert sum(future.result(60) for future in futures) == 200
    committer.close()
    assert sum(groups) == 250
    assert len(groups) < 250
    log.close()


def test_while_many_come_they_gather_and_one_alone_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = open_log(tmp_path)
    groups: list[int] = []
    slept_s: list[float] = []
    monkeypatch.setattr("talkpath.observatory.log.committer.sleep", slept_s.append)
    committer = Committer(log, groups.append)
    for number in range(CROWD):
        assert committer.submit(*report_entry(number)).result(60)
    assert (groups[: CROWD - 1], slept_s) == ([1] * (CROWD - 1), []), "each came after the one before was done"
    with log._lock:
        crowd = [committer.submit(*report_entry(100 + number)) for number in range(2 * CROWD)]
    assert all(future.result(60) for future in crowd)
    assert committer.submit(*report_entry(200)).result(60)
    gathered = len(slept_s)
    assert gathered >= 1
    assert all(0.0 <= pause_s <= APART_S for pause_s in slept_s)
    assert committer.submit(*report_entry(201)).result(60)
    assert len(slept_s) == gathered, "the group before it was one alone"
    committer.close()
    log.close()


def test_a_group_that_fails_is_told_to_everybody_and_the_next_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = open_log(tmp_path)
    committer = Committer(log)

    async def outcomes() -> list[object]:
        async with asyncio.timeout(60):
            return await asyncio.gather(
                *(committer.wait(*report_entry(number)) for number in (1, 2)), return_exceptions=True
            )

    with monkeypatch.context() as patched:
        patched.setattr(log, "commit", lambda group: 1 / 0)
        assert [type(outcome) for outcome in asyncio.run(outcomes())] == [ZeroDivisionError, ZeroDivisionError]
    assert asyncio.run(outcomes()) == [True, True]
    committer.close()
    log.close()


def test_whoever_no_longer_waits_keeps_nobody_else_from_hearing(tmp_path: Path):
    """A future that was cancelled once ended the only thread that writes."""
    log = open_log(tmp_path)
    committer = Committer(log)
    with log._lock:  # nothing is written meanwhile
        gone, heard = (committer.submit(*report_entry(number)) for number in (1, 2))
        assert gone.cancel()

    async def waits() -> list[bool]:
        given_up = asyncio.create_task(committer.wait(*report_entry(3)))
        with log._lock:
            await asyncio.sleep(0)
            given_up.cancel()
            following = asyncio.create_task(committer.wait(*report_entry(4)))
            await asyncio.sleep(0)
        return [await following, await committer.wait(*report_entry(4))]

    assert asyncio.run(waits()) == [True, False]
    assert heard.result(60)
    assert committer.submit(*report_entry(5)).result(60)
    committer.close()
    log.close()


def test_whoever_waits_hears_of_an_error(tmp_path: Path):
    clock = Clock("2026-11-20")
    log = open_log(tmp_path, clock, sealed_until="2026-11-21")
    committer = Committer(log)
    with pytest.raises(LogError, match="clock"):
        committer.submit(*report_entry(1)).result(60)
    clock.day = "2026-11-24"
    assert committer.submit(*report_entry(1)).result(60)
    committer.close()
    log.close()
