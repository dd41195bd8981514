"""Nothing that was measured is lost by printing, whatever the terminal; and each command on what other systems lack.

The systems are this one with names taken away (factories/machines/lacking.py, which says what that cannot show).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from msgspec.structs import replace

from factories.checks.lab_checks import lab_bundle, lab_check
from factories.machines import lacking
from factories.machines.terminal import call_talkpath
from factories.networks.local_responder import FarEnd, Probe, free_ports, small_plan
from talkpath.cli import check, cli
from talkpath.errors import UsageError
from talkpath.evidence.bundle import read_bundle
from talkpath.lab import rehearsal
from talkpath.measure.facts import Plan
from talkpath.report import check_text

CALL = Path(__file__).parents[1] / "capture" / "lab" / "drop30-up.pcap.gz"
ENCODINGS = ("cp1251", "cp866", "cp1252", "latin-1", "ascii")
LINK = "talkpath://192.0.2.1:443?token=AAAAAAAAAAAAAAAAAAAAAA#AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "campaign": (("none", "--by", "x", "--until", "2099-01-01", "--key", "{new}.pem"),),
    "capture": (("{call}",), ("{call}", "--json"), ("{call}", "--html", "{new}.html")),
    "check": (("--dry-run", "--app", "webrtc"), ("none",)),
    "claims": ((), ("--json",), ("--hold", "{folder}")),
    "demo": (("--help",),),
    "endpoints": (("--dry-run", "--app", "telegram", "--tier", "2"),),
    "export": (("--ooni", "{bundle}"),),
    "judge": (
        ("{bundle}",),
        ("{bundle}", "--json"),
        ("{bundle}", "--language", "ru"),
        ("{bundle}", "--language", "fa"),
    ),
    "lab": (
        ("run", "--apps", "webrtc", "-k", "4", "-o", "{new}.talkpath"),
        ("--help",),
        ("locate", "--help"),
        ("country", "{call}", "--out", "{new}"),
    ),
    "letter": (("{bundle}", "-o", "{new}.html"), ("{bundle}", "-o", "{new}.html", "--language", "ar")),
    "listen": (("{call}",), ("{call}", "--json"), ("-i", "none0")),
    "locate": (("--dry-run", "--app", "webrtc"),),
    "observe": (
        ("events", "{folder}"),
        ("serve", "--data", "{new}", "--port", "0", "--help"),
        ("backup", "{new}", "--data", "{folder}"),
        ("restore", "{folder}", "--data", "{new}"),
        ("import", "{folder}", "--data", "{new}", "--simulated"),
        ("rebuild", "--data", "{folder}"),
        ("shapes", "--data", "{folder}"),
        ("stop", "XX", "--reason", "причина", "--data", "{folder}"),
        ("responders", "list", "--data", "{folder}"),
        ("responders", "approve", "none", "--data", "{folder}"),
        ("responders", "refuse", "none", "--reason", "причина", "--data", "{folder}"),
        ("responders", "remove", "none", "--reason", "причина", "--data", "{folder}"),
        ("responders", "text", "--data", "{folder}"),
    ),
    "report": (("{bundle}",), ("{bundle}", "--html", "{new}.html")),
    "respond": (("--help",), ("--help-all",), ("--doctor", "--host", "127.0.0.1", "--invite", "localhost")),
    "scrub": (("{call}", "-o", "{new}.pcapng"),),
    "shape": (("{call}", "--show"), ("{call}", "--json")),
    "share": (("{bundle}", "--to", "https://observatory.invalid/"),),
    "verify": (("{bundle}",), ("{bundle}", "--json")),
    "watch": (("none", "--times", "1"),),
    "withdraw": (("{bundle}",),),
}
CASES = [(name, *more) for name, each in COMMANDS.items() for more in each]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of a check that a rule acted on."""
    file = tmp_path_factory.mktemp("evidence") / "run.talkpath"
    file.write_bytes(lab_bundle(lab_check(5, "clean", "media.drop,app=webrtc,p=0.4")))
    return file


@pytest.fixture
def rehearsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan is played in virtual time once, whatever the terminals that show what it costs."""
    kept: dict[str, dict[str, Any]] = {}
    real = rehearsal.rehearse_check

    def rehearse(plan: Plan) -> dict[str, Any]:
        if repr(plan) not in kept:
            kept[repr(plan)] = real(plan)
        return dict(kept[repr(plan)])

    monkeypatch.setattr(rehearsal, "rehearse_check", rehearse)


def filled(argv: tuple[str, ...], bundle: Path, tmp_path: Path) -> list[str]:
    """The arguments with the files of this test in them."""
    places = {"call": CALL, "bundle": bundle, "folder": bundle.parent, "new": tmp_path / "new"}
    return [word.format_map({name: str(place) for name, place in places.items()}) for word in argv]


def lines(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, those of groups in groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield from lines(command, *before, name) if isinstance(command, click.Group) else [(*before, name)]


def test_every_command_is_run_here() -> None:
    run = {case[:size] for case in CASES for size in (1, 2, 3)}
    assert set(lines(cli)) <= run


@pytest.mark.long
@pytest.mark.usefixtures("rehearsed_once")
@pytest.mark.parametrize("argv", CASES, ids=" ".join)
def test_every_terminal_takes_what_is_printed(argv: tuple[str, ...], bundle: Path, tmp_path: Path) -> None:
    """The same sentences come out, but for characters that this terminal has not; JSON is the same bytes."""
    (tmp_path / "utf-8").mkdir()
    usual = call_talkpath(*filled(argv, bundle, tmp_path / "utf-8"))
    for encoding in ENCODINGS:
        (tmp_path / encoding).mkdir()
        done = call_talkpath(*filled(argv, bundle, tmp_path / encoding), encoding=encoding)
        out = done.stdout
        assert done.returncode == usual.returncode, done.stderr
        assert b"Traceback" not in done.stderr
        if out.startswith((b"[", b"{")):
            assert json.loads(out.decode("utf-8").split("\n")[0])
        elif "ru" not in argv and "fa" not in argv:
            assert len(out.decode(encoding).split("\n")) >= len(usual.stdout.decode().split("\n")) // 2


def test_words_in_cyrillic_and_marks_stand_where_a_code_page_has_them(bundle: Path) -> None:
    words = call_talkpath("judge", str(bundle), "--language", "ru", encoding="cp1251").stdout.decode("cp1251")
    assert "Признаки ограничения" in words
    assert "x " in words
    assert "?" not in words
    assert b"x Signs of restriction" in call_talkpath("judge", str(bundle), encoding="ascii").stdout


def test_the_c_locale_shows_a_result(bundle: Path) -> None:
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-m", "talkpath", "judge", str(bundle)], env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "x Signs of restriction" in done.stdout.decode("ascii")


def test_evidence_is_there_though_showing_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("the screen is gone")

    monkeypatch.setattr(check, "measure_families", lambda *_: (lab_check(5), None))
    monkeypatch.setattr(check_text, "show_check", fails)
    file = tmp_path / "run.talkpath"
    with pytest.raises(RuntimeError, match="the screen is gone"):
        check.command.main([LINK, "-o", str(file), "--app", "webrtc"], standalone_mode=False)
    assert read_bundle(file.read_bytes())


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_measured_is_kept_where_judging_it_takes_more_memory_than_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: bool
) -> None:
    """Both checks, that over the other version of IP too, for a machine that has more."""
    first, other = lab_check(5), lab_check(6)
    second = replace(other, family=10 - first.family)
    file = tmp_path / "run.talkpath"

    def judge(*_: object) -> None:
        assert file.exists() == kept
        raise MemoryError

    monkeypatch.setattr(check, "measure_families", lambda *_: (first, second))
    monkeypatch.setattr("talkpath.report.check_json.judge_check", judge)
    with pytest.raises(UsageError, match=r"^This machine has too little memory to judge .*-o.*\.$"):
        check.command.main([LINK, "--app", "webrtc", *(["-o", str(file)] if kept else [])], standalone_mode=False)
    monkeypatch.undo()
    if kept:
        bundle = read_bundle(file.read_bytes())
        assert (bundle.verdict["verdicts"], bundle.second is not None) == ([], True)
        judged = call_talkpath("judge", str(file), "--json")
        assert judged.returncode == 0, judged.stderr
        assert json.loads(judged.stdout)["verdicts"]


def test_what_was_written_is_told_after_the_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "measure_families", lambda *_: (lab_check(5), None))
    told: list[str] = []
    monkeypatch.setattr(check_text, "show_check", lambda *_, **__: told.append("result"))
    monkeypatch.setattr(check, "tell_written", lambda *_: told.append("written"))
    call_talkpath("check", LINK, "-o", str(tmp_path / "run.talkpath"), "--app", "webrtc", encoding="cp866")
    assert told == ["result", "written"]


def on(system: str, *argv: str, encoding: str = "") -> subprocess.CompletedProcess[bytes]:
    """`talkpath ARGV` on that system, as far as this one can show it."""
    encoding = encoding or {"windows": "cp1251"}.get(system, "utf-8")
    env = {**os.environ, "PYTHONIOENCODING": encoding, "NO_COLOR": "1"}
    if system == "windows":
        env = {name: value for name, value in env.items() if not name.startswith(("LC_", "LANG"))} | {"LANGUAGE": "en"}
    return subprocess.run(
        [sys.executable, lacking.__file__, system, *argv], env=env, capture_output=True, input=b"n\n", timeout=120
    )


def on_terminal(system: str, *argv: str) -> tuple[int, bytes]:
    """Exit code and bytes of `talkpath ARGV` on a terminal of that system."""
    near, far = os.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    env |= {"PYTHONIOENCODING": "cp866", "TERM": "xterm-256color", "LANGUAGE": "en", "COLUMNS": "100"}
    line = [sys.executable, lacking.__file__, system, *argv]
    with subprocess.Popen(line, env=env, stdin=subprocess.DEVNULL, stdout=far, stderr=far) as child:
        os.close(far)
        shown = b""
        with suppress(OSError):  # the terminal is gone with the child
            while piece := os.read(near, 65536):
                shown += piece
    os.close(near)
    return child.returncode, shown


@pytest.mark.long
@pytest.mark.parametrize("argv", [COMMANDS["judge"][0], COMMANDS["capture"][0], COMMANDS["listen"][0]], ids=" ".join)
def test_a_console_without_escape_sequences_is_sent_none(argv: tuple[str, ...], bundle: Path, tmp_path: Path) -> None:
    command = next(name for name, each in COMMANDS.items() if argv in each)
    words = [command, *filled(argv, bundle, tmp_path)]
    code, shown = on_terminal("old-console", *words)
    assert code == 0, shown
    assert b"\x1b" not in shown
    assert len(shown) > 100
    assert b"\x1b[" in on_terminal("windows", *words)[1]


@pytest.mark.long
@pytest.mark.parametrize("argv", CASES, ids=" ".join)
@pytest.mark.parametrize("system", ["windows", "macos", "android"])
def test_every_command_on_every_system(system: str, argv: tuple[str, ...], bundle: Path, tmp_path: Path) -> None:
    done = on(system, *filled(argv, bundle, tmp_path))
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    assert done.returncode in (0, 2, 3), done.stderr


@pytest.mark.long
@pytest.mark.parametrize("system", ["windows", "macos", "android"])
def test_a_bundle_is_judged_on_every_system(system: str, bundle: Path) -> None:
    done = on(system, "judge", str(bundle), "--json")
    assert json.loads(done.stdout)["verdicts"][0]["rule"] == "media.drop"


def test_an_observatory_says_in_a_sentence_that_windows_does_not_run_one(tmp_path: Path) -> None:
    done = on("windows", "observe", "serve", "--data", str(tmp_path / "data"))
    assert done.returncode == 2
    assert b"on Windows use WSL or Docker" in done.stderr


@pytest.mark.long
@pytest.mark.parametrize("system", ["windows", "macos", "android"])
def test_a_check_on_loopback_leaves_its_evidence_on_every_system(system: str, tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        file = tmp_path / "run.talkpath"
        done = on(system, "check", far.link, *small_plan(tmp_path), "-o", str(file))
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert read_bundle(file.read_bytes())


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["ascii", "cp866", "cp1251"])
@pytest.mark.parametrize("system", ["linux", "windows"])
def test_a_test_server_starts_on_every_terminal(system: str, encoding: str, tmp_path: Path) -> None:
    """Its link, and the code for phones where the terminal has blocks: without them it is no code, and left out."""
    control, udp = free_ports(2)
    ports = ["--host", "127.0.0.1", "--port", str(control), "--ports", str(udp), "--tcp-ports", "", "--tls-ports", ""]
    arguments = ["respond", "--invite", "localhost", "--for", "0.0003", "--key-file", str(tmp_path / "key.pem"), *ports]
    done = on(system, *arguments, encoding=encoding)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert 'talkpath check "talkpath://localhost' in text
    assert ("█" in text) == (encoding == "cp866")
    assert "##" not in text


@pytest.mark.long
@pytest.mark.parametrize("system", ["windows", "macos"])
def test_what_was_measured_before_ctrl_c_is_kept_on_every_system(system: str, tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        program = [sys.executable, lacking.__file__, system]
        probe = Probe(tmp_path, far.link, *small_plan(tmp_path, watch_s=30.0), program=program)
        probe.said("WebRTC voice: ", times=2)
        time.sleep(7.0)  # the first question has been answered by then
        probe.send(signal.SIGINT)
        told = probe.end()
    assert "Traceback" not in told.stderr
    assert told.code in (0, 130), told.stderr
    assert told.facts is not None
    assert told.facts.health.ended == "interrupted"


@pytest.mark.long
def test_a_light_check_runs_in_the_memory_of_a_small_machine(tmp_path: Path) -> None:
    """docs/how-to/other-systems.md says what it takes; the limit here is half as much again."""
    if shutil.which("prlimit") is None:
        pytest.skip("needs prlimit: apt install util-linux")
    with FarEnd(tmp_path) as far:
        file = tmp_path / "run.talkpath"
        command = ["prlimit", f"--data={192 << 20}", sys.executable, "-m", "talkpath", "check", far.link, "--light"]
        done = subprocess.run([*command, "--app", "webrtc", "-o", str(file)], capture_output=True, timeout=120)
    assert done.returncode in (0, 3), done.stderr.decode(errors="replace")
    assert read_bundle(file.read_bytes())
