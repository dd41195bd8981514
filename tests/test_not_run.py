"""The list of what was not run: tests/conftest.py, run on three made-up tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MADE_UP = """
import pytest

def test_passes():
    pass

def test_needs_something():
    pytest.skip("needs chromium: apt install chromium")

def test_reads_captures(captures):
    pass

@pytest.mark.long
def test_takes_long():
    pass
"""


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_made_up.py").write_text(MADE_UP)
    (folder / "pytest.ini").write_text("[pytest]\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TALKPATH"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(folder)],
        cwd=folder,
        env=environment | {"TALKPATH_CAPTURES": str(folder / "none")} | env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_reasons_are_listed_and_fail_the_run_only_where_asked(tmp_path: Path, workers: tuple[str, ...]):
    lenient = run(tmp_path, *workers)
    assert lenient.returncode == 0, lenient.stdout
    assert "not run: 1 test, needs chromium: apt install chromium\n" in lenient.stdout
    assert "not run: 1 test, needs the public captures" in lenient.stdout
    strict = run(tmp_path, *workers, TALKPATH_NOTHING_SKIPPED="1")
    assert strict.returncode == 1, strict.stdout
    assert "apt install chromium (a failure: TALKPATH_NOTHING_SKIPPED is set)" in strict.stdout
    assert strict.stdout.count("a failure") == 1, "absent captures are no failure"


def test_captures_can_be_asked_for_alone(tmp_path: Path):
    told = run(tmp_path, "-m", "captures")
    assert "1 skipped, 3 deselected" in told.stdout


def test_long_ones_are_named_where_they_are_left_out(tmp_path: Path):
    line = "not run: the long tests (make test-long)\n"
    assert line in run(tmp_path, "-m", "not long").stdout
    assert line not in run(tmp_path).stdout
    assert "1 passed, 3 deselected" in run(tmp_path, "-m", "long").stdout
