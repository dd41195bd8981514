"""`talkpath --version` says which build it is, and whether its files are as they were built."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
from pathlib import Path

import pytest

from factories.machines.terminal import say_talkpath
from talkpath import version

FILES = {"talkpath/__init__.py": b"", "talkpath/measure/loss.py": b"LOSS = 1\n"}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where a wheel with two files is installed; what pip adds is in RECORD as well."""
    info = tmp_path / "talkpath-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: talkpath\nVersion: 1\n")
    with (info / "RECORD").open("w", newline="") as file:
        rows = csv.writer(file)
        for name, data in FILES.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.writerow([name, f"sha256={digest}", len(data)])
        rows.writerows([["talkpath/__pycache__/x.pyc", "", ""], ["../bin/talkpath", "sha256=abc", "3"]])
    (found,) = importlib.metadata.distributions(path=[str(tmp_path)])
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: found)
    return tmp_path


def test_what_is_as_it_was_built(installed: Path) -> None:
    lines = [
        row for row in (installed / "talkpath-1.dist-info/RECORD").read_text().splitlines() if row[:9] == "talkpath/"
    ]
    build = version.wheel_build(line.rpartition(",")[0] for line in lines if "__pycache__" not in line)
    assert say_talkpath("--version").stdout == f"talkpath, version {version.VERSION}, build {build}, as it was built\n"


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_a_file_that_differs_is_named(installed: Path, harm: str) -> None:
    file = installed / "talkpath/measure/loss.py"
    file.write_bytes(b"LOSS = 0\n") if harm == "change" else file.unlink()
    assert version.build_text().endswith("NOT as it was built: talkpath/measure/loss.py differs")


def test_a_checkout_is_no_release() -> None:
    assert say_talkpath("--version").stdout.endswith("from a checkout, which nobody released\n")


def test_nothing_installed_at_all_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert version.build_text() == "from a checkout, which nobody released"
