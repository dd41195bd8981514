"""`talkpath watch` with real processes on 127.0.0.1: bounded, every check told and kept, all of them taken together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from factories.machines.terminal import say_talkpath
from factories.networks.local_responder import TALKPATH, FarEnd, run_talkpath, small_plan
from talkpath.evidence.bundle import read_facts


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["127.0.0.1:1#" + "A" * 43], "Say how long"),
        (["127.0.0.1:1#" + "A" * 43, "--times", "2", "--every", "1"], "at least 10 minutes"),
        (["127.0.0.1:1#" + "A" * 43, "--times", "1"], "--times"),
        (["no link", "--times", "2"], "The link"),
        (["127.0.0.1:1#" + "A" * 43, "--times", "2", "-o", "/no/such/folder"], "does not exist"),
        ([], "Say how long"),
    ],
    ids=str,
)
def test_what_makes_no_sense(arguments: list[str], said: str) -> None:
    done = say_talkpath("watch", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_two_checks_are_told_kept_and_taken_together(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    with FarEnd(tmp_path) as far:
        done = run_talkpath(
            "watch", far.link, *small_plan(tmp_path), "--times", "2", "--every", "0.01", "-o", str(folder), "--json"
        )
    assert done.returncode in (0, 3), done.stderr  # 3: this machine was too busy for both
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["number"] for line in lines] == [1, 2]
    assert {line["schema"] for line in lines} == {"talkpath.watch/1"}
    assert {line["check"]["schema"] for line in lines} == {"talkpath.check/1"}
    if done.returncode == 0:
        (together,) = lines[-1]["together"]
        counted = [line for line in lines if line["check"]["valid"]]
        assert together["figures"]["checks"] == len(counted)
        assert together["state"] != "restricted"
    bundles = sorted(folder.iterdir())
    assert [bundle.name for bundle in bundles] == ["check-0001.talkpath", "check-0002.talkpath"]
    assert len({read_facts(bundle.read_bytes()).seed for bundle in bundles}) == 2
    assert "127.0.0.1" not in done.stdout


def test_who_goes_on_in_the_same_folder_replaces_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    with FarEnd(tmp_path) as far:
        again = ("watch", far.link, *small_plan(tmp_path), "--times", "2", "--every", "0.01", "-o", str(folder))
        run_talkpath(*again)
        first = {file.name: file.read_bytes() for file in folder.iterdir()}
        done = run_talkpath(*again, "--json")
    names = [f"check-{number:04}.talkpath" for number in range(1, 5)]
    assert sorted(file.name for file in folder.iterdir()) == names
    assert {name: (folder / name).read_bytes() for name in first} == first
    assert [json.loads(line)["number"] for line in done.stdout.splitlines()] == [1, 2], "it may be another network"


def test_stopped_between_two_checks_it_tells_what_there_is(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        command = [*TALKPATH, "watch", far.link, *small_plan(tmp_path), "--times", "2", "--every", "30"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert running.stdout is not None
        first = running.stdout.readline()
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        rest, stderr = running.communicate(timeout=90)
    assert "WebRTC (voice)" in first
    assert running.returncode in (0, 3)
    assert "All checks together:" in rest or "No check could tell" in rest  # as on a machine that is too busy
    assert "talkpath: Stopped." in stderr
    assert ": calls beside control traffic\n" in stderr  # what is measured is shown while it is


@pytest.mark.long
def test_a_campaign_runs_until_it_is_stopped_and_its_rule_stands_with_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKPATH_PRIVATE_SERVERS", "1")
    with FarEnd(tmp_path) as far:
        until = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        made = run_talkpath("campaign", far.link, "--by", "a test", "--until", until, "--key", str(tmp_path / "key"))
        command = [*TALKPATH, "watch", "--campaign", made.stdout.strip(), "--yes", *small_plan(tmp_path)]
        own = {**os.environ, "TALKPATH_PRIVATE_SERVERS": "1"}
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=own)
        assert running.stdout is not None
        first = running.stdout.readline()
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        rest, stderr = running.communicate(timeout=90)
    assert "WebRTC (voice)" in first
    assert "All checks together:" in rest or "No check could tell" in rest  # as on a machine that is too busy
    shown, _, after = stderr.partition("talkpath: Stopped")
    assert "calls themselves “a test”" in shown
    assert "No result ends it earlier, and every check counts." in after
