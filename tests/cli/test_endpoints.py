"""`talkpath endpoints`: nothing leaves this machine unless it was named, shown and agreed to; then what was shown."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

AUDIT = """
import json, sys
seen = []
def hook(event, arguments):
    if event.startswith("socket.") and event not in ("socket.__new__", "socket.gethostname"):
        seen.append(event)
sys.addaudithook(hook)
sys.argv = ["talkpath", "endpoints", *json.loads(sys.argv[1])]
from talkpath.cli import main
try:
    main()
finally:
    sys.stderr.write("\\nsocket events: " + json.dumps(sorted(set(seen))) + "\\n")
"""
"""Python tells its audit hooks of every look-up, connection and datagram (library/audit_events)."""

HERE = """
[[endpoint]]
id = "relay"
app = "telegram"
kind = "stun"
host = "127.0.0.1"
port = 9
tier = 2
source = "this test"
date = 2026-11-01
confidence = "high"
[[endpoint]]
id = "neutral"
app = ""
kind = "stun"
host = "127.0.0.1"
port = 9
tier = 0
source = "this test"
date = 2026-11-01
confidence = "high"
[[endpoint]]
id = "resolver"
app = ""
kind = "resolver"
host = "127.0.0.1"
port = 9
tier = 0
source = "this test"
date = 2026-11-01
confidence = "high"
"""


def run(*arguments: str, stdin: int | None = subprocess.DEVNULL) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """The command, and what it did with sockets."""
    command = [sys.executable, "-c", AUDIT, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=stdin)
    assert "Traceback" not in done.stderr, done.stderr
    return done, json.loads(done.stderr.rsplit("socket events: ", 1)[1])


def here(folder: Path) -> list[str]:
    file = folder / "catalogue.toml"
    file.write_text(HERE, encoding="utf-8")
    return ["--catalogue", str(file), "--app", "telegram", "--tier", "2", "--gap", "0.1", "--every", "0.02"]


# -- nothing is sent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["0", "2", "3"])
@pytest.mark.parametrize("more", [["--dry-run"], ["--dry-run", "--json"], ["--dry-run", "--yes"]], ids=" ".join)
def test_a_dry_run_sends_nothing_and_looks_up_nothing(tier: str, more: Sequence[str]) -> None:
    done, events = run("--app", "telegram", "--app", "signal", "--tier", tier, *more)
    assert (done.returncode, events) == (0, [])
    assert "web.telegram.org" in done.stdout
    assert ("91.108.9.35" in done.stdout) == (tier >= "2")
    assert "whatsapp" not in done.stdout.lower()


def test_where_nobody_can_agree_nothing_is_sent() -> None:
    done, events = run("--app", "telegram", "--tier", "2")
    assert (done.returncode, done.stdout, events) == (2, "", [])
    assert "91.108.9.35" in done.stderr
    assert "Nothing was sent" in done.stderr


@pytest.mark.parametrize("said", ["n\n", "\n", "no\n", "\x04"])
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal: run it on Linux or macOS")
def test_who_does_not_agree_sends_nothing(said: str) -> None:
    near, far = pty.openpty()
    os.write(near, said.encode())
    done, events = run("--app", "telegram", stdin=far)
    os.close(near)
    os.close(far)
    assert events == []
    assert done.returncode in (3, 130)
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["--app", "kakaotalk"], ["--tier", "4", "--app", "signal"],
                                       ["--catalogue", "none.toml", "--app", "signal"]], ids=" ".join)  # fmt: skip
def test_what_makes_no_sense_sends_nothing(arguments: list[str]) -> None:
    done, events = run(*arguments, "--yes")
    assert (done.returncode, done.stdout, events) == (2, "", [])


def test_the_plan_as_json_has_every_rows_source() -> None:
    done, _ = run("--app", "meet", "--tier", "1", "--dry-run", "--json")
    told = json.loads(done.stdout)
    assert (told["schema"], told["most_times"]) == ("talkpath.endpoints-plan/1", 3)
    assert all(step["source"] and step["date"] and step["confidence"] for step in told["steps"])
    assert {step["app"] for step in told["steps"]} == {"meet", ""}


# -- something is ------------------------------------------------------------------------------------------------


def test_who_agrees_sends_what_was_shown_and_no_more(tmp_path: Path) -> None:
    """Towards a closed port of this machine: the hook sees it, and the answer is that nobody is there."""
    done, events = run(*here(tmp_path), "--yes", "--json")
    assert events == ["socket.connect", "socket.sendto"]
    assert done.returncode == 3
    assert "Nobody answered" in done.stderr
    told = json.loads(done.stdout)
    assert told["schema"] == "talkpath.endpoints/1"
    assert {each["host"] for each in told["exchanges"]} == {"relay", "neutral"}
    assert [(v["state"], v["reason"]["code"]) for v in told["verdicts"]] == [("insufficient", "no_control")]
    assert "127.0.0.1" not in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal: run it on Linux or macOS")
def test_who_says_yes_is_heard(tmp_path: Path) -> None:
    near, far = pty.openpty()
    os.write(near, b"y\n")
    done, events = run(*here(tmp_path), stdin=far)
    os.close(near)
    os.close(far)
    assert events == ["socket.connect", "socket.sendto"]
    assert "Could not tell" in done.stdout
    assert "127.0.0.1" in done.stderr  # the plan
    assert "127.0.0.1" not in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal: run it on Linux or macOS")
def test_a_reader_of_russian_is_asked_in_russian() -> None:
    near, far = pty.openpty()
    os.write(near, "нет\n".encode())
    done, events = run("--app", "telegram", "--language", "ru", stdin=far)
    os.close(near)
    os.close(far)
    assert (done.returncode, events) == (3, [])
    assert "Отправить это? [да/нет]: " in done.stderr
    assert "Ничего не отправлено." in done.stderr
