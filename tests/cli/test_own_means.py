"""`talkpath check --own`: the app's own servers are asked after the check, and one table joins what was found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from talkpath.cli.check import command
from talkpath.lab.drivers import namespace

TRIES = 2  # as in tests/lab/whole_checks/test_netns_rows.py
SCRIPT = Path(__file__).with_name("own_means_in_namespace.py")


def run(*argv: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(command, argv, standalone_mode=True)
    return outcome.exit_code, f"{outcome.output}{outcome.exception or ''}"


def in_namespace(*argv: str) -> dict[str, Any]:
    """What the script in the lab found."""
    if reason := namespace.available():
        pytest.skip(reason)
    done = subprocess.run(
        namespace.wrapped([sys.executable, str(SCRIPT), *argv]), env={**os.environ}, capture_output=True, timeout=280
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.long
def test_an_order_bound_to_addresses_is_seen_though_the_check_alone_calls_it_ok() -> None:
    for _ in range(TRIES):
        found = in_namespace("udp.block,app=telegram,to=app", "--json")
        told = json.loads(found["out"])
        if told["valid"]:
            break
    if not told["valid"]:
        pytest.skip(f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet")
    assert found["reached"] == [{}, {}]  # nothing got past the rule, and nothing was meant to arrive but greetings
    assert [(each["app"], each["state"]) for each in told["verdicts"]] == [("telegram", "ok")]
    voice = next(each for each in told["joined"] if each["medium"] == "voice")
    assert {each["means"]: each["finding"] for each in voice["findings"]} == {"server": "well", "addresses": "held"}
    assert (voice["conclusion"], voice["disagree"]) == ("addresses", True)
    assert told["own_servers"]["tier"] == 3
    assert found["written"] == ["run-servers.talkpath", "run.talkpath"]
    assert "198.18." not in found["out"]


def test_it_asks_only_the_servers_of_apps_that_were_named() -> None:
    code, output = run("--own", "--yes", "host:1#key")
    assert code != 0
    assert "--app" in output


def test_nothing_is_measured_where_nobody_could_agree_to_the_plan() -> None:
    code, output = run("--own", "--app", "telegram", "host:1#key")
    assert code != 0
    assert "--yes" in output


def test_the_plan_shows_both_parts_and_sends_nothing() -> None:
    code, output = run("--own", "--app", "telegram/libtgvoip", "--dry-run")
    assert code == 0
    assert "one STUN greeting" in output
    assert "telegram libtgvoip voice" in output
