"""`talkpath demo` and `talkpath report` as a person runs them, in virtual time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from talkpath.cli import demo

SCENES = ("the-day-before", "the-day", "a-bad-evening")


def talkpath(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "talkpath", *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a demo in virtual time was run."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def done(folder: Path) -> subprocess.CompletedProcess[str]:
    """That demo, with its summary."""
    return talkpath("demo", "--driver", "sim", "--seed", "3", cwd=folder)


@pytest.mark.long
def test_it_exits_0_with_the_result_on_stdout_and_progress_on_stderr(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("SIMULATED")
    assert "\x1b" not in done.stdout
    assert "The day before" in done.stderr
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 100


@pytest.mark.parametrize(
    ("called", "path", "typed"),
    [(".venv/bin/talkpath", "", ".venv/bin/talkpath"), (".venv/bin/talkpath", "bin", "talkpath"),
     ("src/talkpath/__main__.py", "", "talkpath")],
)  # fmt: skip
def test_next_steps_are_what_a_shell_finds_here(
    called: str, path: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "talkpath"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / path) if path else str(tmp_path))
    monkeypatch.setattr(sys, "argv", [called, "demo"])
    assert demo._typed_command() == typed


def test_it_writes_what_it_says(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    written = sorted(path.name for path in (folder / "demo").iterdir())
    assert written == sorted(["demo.json", "report.html", *(f"{scene}.talkpath" for scene in SCENES)])
    assert json.loads((folder / "demo" / "demo.json").read_text("utf-8"))["seed"] == 3


@pytest.mark.long
@pytest.mark.parametrize("scene", SCENES)
def test_a_scene_is_judged_again_with_the_same_verdicts(
    done: subprocess.CompletedProcess[str], folder: Path, scene: str
) -> None:
    again = talkpath("judge", f"demo/{scene}.talkpath", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "The same verdicts as when it was written." in again.stdout


@pytest.mark.long
def test_a_scene_is_reported_as_text_json_and_html(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    text = talkpath("report", "demo/the-day.talkpath", cwd=folder)
    assert text.returncode == 0, text.stderr
    assert text.stdout.startswith("SIMULATED")
    page = talkpath("report", "demo/the-day.talkpath", "--html", "day.html", cwd=folder)
    assert (page.returncode, page.stdout) == (0, "")
    assert "SIMULATED" in (folder / "day.html").read_text("utf-8")
    plain = json.loads(talkpath("report", "demo/the-day.talkpath", "--json", cwd=folder).stdout)
    stored = json.loads((folder / "demo" / "demo.json").read_text("utf-8"))["scenes"][1]["check"]
    assert plain["verdicts"] == stored["verdicts"]
    assert plain["changes"] == []


@pytest.mark.long
def test_json_on_stdout_is_the_file(tmp_path: Path) -> None:
    run = talkpath("demo", "--driver", "sim", "--json", "--out", "there", cwd=tmp_path)
    assert json.loads(run.stdout) == json.loads((tmp_path / "there" / "demo.json").read_text("utf-8"))


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = talkpath("demo", "--driver", "sim", "--out", "file/demo", cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr == "talkpath: The folder of --out cannot be written; name another one. Nothing was played.\n"


@pytest.mark.parametrize(("name", "data", "code"), [("none", None, 2), ("bad", b"PK", 4)])
def test_a_bundle_that_cannot_be_read(tmp_path: Path, name: str, data: bytes | None, code: int) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    run = talkpath("report", name, cwd=tmp_path)
    assert run.returncode == code
    assert run.stderr.startswith("talkpath: The ")
    assert run.stderr.count("\n") == 1
