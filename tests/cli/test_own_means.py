"""`talkpath check --own`: the app's own servers are asked after the check, and one table joins what was found."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from proof.accompanied_calls import play_accompanied_call
from talkpath.api.recording import Recording
from talkpath.capture.app_stats.reading import AppStatistics
from talkpath.capture.live.live_picture import LivePicture
from talkpath.cli.check import command
from talkpath.cli.check import own_means as _own_call
from talkpath.cli.check.own_means import OwnAnswers, OwnCall, show_joined
from talkpath.lab.drivers import namespace
from talkpath.lab.scenario import Scenario
from talkpath.report.recordings.live_json import what_to_do_now
from talkpath.verdict.bases.accompanied_call import MOST_LATE_MS
from talkpath.verdict.model import Verdict

TRIES = 3
TOO_BUSY = f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet"
SCRIPT = Path(__file__).with_name("own_means_in_namespace.py")


def run(*argv: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(command, argv, standalone_mode=True)
    return outcome.exit_code, f"{outcome.output}{outcome.exception or ''}"


def in_namespace(*argv: str) -> dict[str, Any]:
    """What the script in the lab found."""
    if reason := namespace.why_unavailable():
        pytest.skip(reason)
    done = subprocess.run(
        namespace.namespace_command([sys.executable, str(SCRIPT), *argv]),
        env={**os.environ},
        capture_output=True,
        timeout=280,
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
        pytest.skip(TOO_BUSY)
    assert found["reached"] == [{}, {}]  # nothing got past the rule, and nothing was meant to arrive but greetings
    assert [(each["app"], each["state"]) for each in told["verdicts"]] == [("telegram", "ok")]
    voice = next(each for each in told["joined"] if each["medium"] == "voice")
    assert {each["means"]: each["finding"] for each in voice["findings"]} == {"server": "well", "addresses": "likely"}
    assert (voice["conclusion"], voice["disagree"]) == ("addresses", True)
    assert told["own_servers"]["tier"] == 3
    assert found["written"] == ["run-servers.talkpath", "run.talkpath"]
    assert "198.18." not in found["out"]


@pytest.mark.long
def test_a_call_of_the_persons_own_is_watched_beside_control_traffic_and_joined() -> None:
    for _ in range(TRIES):
        found = in_namespace("media.freeze,app=telegram,to=app,after_s=4", "--call", "eth0")
        if max(found["control_late_ms"], default=0.0) <= MOST_LATE_MS:
            break
    else:
        pytest.skip(TOO_BUSY)
    told = " ".join(found["out"].split())
    assert found["code"] == 0, found["errors"]
    assert "8 connections to the test server of the link carry random bytes" in found["errors"]
    assert "control connections to another server lost 0.0% at the same moments" in told
    assert "your own Telegram call failed, while the line carried the same traffic to another server" in told
    assert found["written"] == ["run-call.talkpath", "run-servers.talkpath", "run.talkpath"]
    assert "198.18." not in found["out"]


def own_call(rule: str = "") -> Recording:
    """A call of the person's own in the lab, as it was listened to."""
    scenario = Scenario.parse("clean", [rule] if rule else [], seed=1)
    findings = play_accompanied_call("telegram", 20.0, scenario, seed=1).findings
    measured = AppStatistics(findings, 0)
    return Recording("call", measured, findings.controls)


SHAPE_OK = Verdict("telegram", "reflector", "voice", "ok", None)


def joined(recording: Recording) -> tuple[dict[str, Any], dict[str, Any]]:
    """The whole object, and what it joins of voice."""
    out = StringIO()
    with redirect_stdout(out):
        show_joined([SHAPE_OK], OwnAnswers(None, recording), ["telegram"], {"schema": "s"}, as_json=True)
    told = json.loads(out.getvalue())
    (voice,) = told["joined"]
    return told, voice


def test_the_persons_call_stands_beside_the_check_in_one_table() -> None:
    told, voice = joined(own_call("media.freeze,app=telegram,to=app,after_s=4"))
    assert {each["means"]: each["finding"] for each in voice["findings"]} == {"server": "well", "call": "likely"}
    assert (voice["conclusion"], voice["disagree"]) == ("addresses", True)
    assert told["own_call"]["calls"][0]["verdict"]["alternatives"][0] == "media.freeze"
    assert "own_servers" not in told
    _, well = joined(own_call())
    assert (well["conclusion"], well["disagree"]) == ("well", False)


@pytest.mark.long
@pytest.mark.parametrize(
    ("terminal", "answer", "told"),
    [
        (False, "", "If a proxy is set in Telegram, messages go by way of it"),
        (True, "y", "messages of Telegram that work show nothing of this"),
        (True, "n", ""),
    ],
)
def test_where_a_call_seems_held_back_the_person_is_asked_for_a_proxy_of_their_own(
    terminal: bool, answer: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = StringIO(f"{answer}\n")
    for end in (typed, sys.stderr):
        monkeypatch.setattr(end, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    frozen = own_call("media.freeze,app=telegram,to=app,after_s=4")
    show_joined([SHAPE_OK], OwnAnswers(None, frozen), ["telegram"], {}, as_json=False)
    out, asked = capsys.readouterr()
    assert ("Is a proxy for messages set in Telegram on this device?" in asked) is terminal
    assert told in out
    assert ("proxy" in out) is bool(told)


def test_whose_call_was_well_is_asked_nothing_of_a_proxy(capsys: pytest.CaptureFixture[str]) -> None:
    show_joined([SHAPE_OK], OwnAnswers(None, own_call()), ["telegram"], {}, as_json=False)
    assert "proxy" not in "".join(capsys.readouterr())


def test_a_call_of_another_app_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    show_joined([SHAPE_OK], OwnAnswers(None, own_call()), ["whatsapp"], {}, as_json=False)
    told = capsys.readouterr().out
    assert "No call of WhatsApp was seen on this device" in told
    assert "your own call" not in told


def call_like_any(app: str) -> Recording:
    """A call whose packets tell no app."""
    findings = play_accompanied_call("signal", 8.0, Scenario.parse("clean", [], seed=1), seed=1, flows=3).findings
    (call,) = findings.calls
    findings = msgspec.structs.replace(findings, calls=(msgspec.structs.replace(call, app=app, app_confidence=0.5),))
    return Recording("call", AppStatistics(findings, 0), findings.controls)


def counted(recording: Recording, *apps: str) -> list[str]:
    return [verdict.app for verdict in _own_call.call_verdicts_of(recording, apps)]


def test_a_call_like_any_webrtc_call_counts_for_the_app_that_the_person_was_asked_to_call_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recording = call_like_any("webrtc")
    assert counted(recording, "signal") == ["signal"]
    assert _own_call.call_record(recording, ["signal"])["counted_as"] == "signal"
    _own_call.show_call(recording, ["signal"])
    assert "It counts as one in Signal, as you said." in capsys.readouterr().out


@pytest.mark.parametrize("apps", [["telegram"], ["signal", "telegram"]])
def test_it_counts_for_no_app_whose_calls_look_otherwise_nor_for_one_of_two(apps: list[str]) -> None:
    recording = call_like_any("webrtc")
    assert counted(recording, *apps) == []
    assert "counted_as" not in _own_call.call_record(recording, apps)


@pytest.mark.parametrize("app", ["meet", "rtp"])
def test_a_call_that_another_app_or_no_webrtc_made_does_not_count_as_said(app: str) -> None:
    assert counted(call_like_any(app), "signal") == []


def test_where_nothing_can_be_watched_that_is_said_and_the_servers_are_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refused)
    assert not OwnCall("eth0", agreed=True).wanted(["telegram"])
    assert "cannot be watched from here; the check goes on without it" in capsys.readouterr().err


def test_a_call_is_asked_for_on_a_terminal_alone() -> None:
    assert not OwnCall().wanted(["telegram"])
    code, output = run("--call", "eth0", "--app", "telegram", "host:1#key")
    assert code != 0
    assert "--own" in output


@pytest.mark.parametrize(("answer", "wanted"), [("y", True), ("n", False)])
def test_on_a_terminal_the_person_is_asked_and_told_what_is_sent(
    answer: str, wanted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_own_call, "_can_watch", lambda interface: interface == "any")
    terminal = StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert OwnCall().wanted(["telegram"]) is wanted
    asked = capsys.readouterr().err
    assert "8 connections to the test server" in asked
    assert "Make a call yourself in Telegram now" in asked


def test_whoever_is_to_call_is_told_in_which_app() -> None:
    assert what_to_do_now(LivePicture(packets=1), ["telegram"]).startswith("Call somebody in Telegram now")
    assert what_to_do_now(LivePicture(packets=1)).startswith("Call somebody now")


def test_it_asks_only_the_servers_of_apps_that_were_named() -> None:
    code, output = run("--own", "--yes", "host:1#key")
    assert code != 0
    assert "--app" in output


def test_nothing_is_measured_where_nobody_could_agree_to_the_plan() -> None:
    code, output = run("--own", "--app", "telegram", "host:1#key")
    assert code != 0
    assert "--yes" in output


@pytest.mark.long
def test_the_plan_shows_both_parts_and_sends_nothing() -> None:
    code, output = run("--own", "--app", "telegram/direct", "--dry-run")
    assert code == 0
    assert "you are asked first whether you want to make a call of your own" in output
    assert "one STUN greeting" in output
    assert "telegram direct voice" in output
