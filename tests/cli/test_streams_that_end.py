"""Standard output and standard error that take nothing, or no more: what was asked to be kept is kept, nobody sees a
traceback, and the exit code says what became of the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from factories.checks.lab_checks import lab_bundle, lab_check

CALL = Path(__file__).parents[1] / "capture" / "lab" / "drop30-up.pcap.gz"
COMMANDS = [
    (("--version",), 0),
    (("judge", "--help"), 0),
    (("judge", "{bundle}"), 0),
    (("judge", "{bundle}", "--json"), 0),
    (("verify", "{bundle}"), 0),
    (("judge", "{call}"), 4),
    (("capture", "{call}", "-o", "{new}.talkpath"), 0),
    (("capture", "{call}", "--json", "--html", "{new}.html"), 0),
    (("listen", "{call}", "--keep", "{new}.pcapng"), 0),
    (("shape", "{call}", "-o", "{new}.shape"), 0),
]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("evidence") / "run.talkpath"
    file.write_bytes(lab_bundle(lab_check(5, "clean", "media.drop,app=webrtc,p=0.4")))
    return file


def run(argv: tuple[str, ...], bundle: Path, folder: Path, ends: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a shell whose line `ends` so, after it was looked that it has what it needs."""
    folder.mkdir()
    words = [word.format(bundle=bundle, call=CALL, new=folder / "new") for word in argv]
    line = ["/bin/bash", "-c", f'"$@" {ends}', "bash", sys.executable, "-m", "talkpath", *words]
    return subprocess.run(line, capture_output=True, check=False)


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
@pytest.mark.parametrize(("argv", "code"), COMMANDS, ids=[" ".join(argv) for argv, _ in COMMANDS])
def test_whatever_takes_no_more(argv: tuple[str, ...], code: int, bundle: Path, tmp_path: Path) -> None:
    usual = run(argv, bundle, tmp_path / "usual", "")
    kept = {file.name for file in (tmp_path / "usual").iterdir()}
    assert (usual.returncode, len(kept)) == (code, sum("{new}" in word for word in argv)), usual.stderr
    shows = bool(usual.stdout)
    for name, ends, wanted in [
        ("full", ">/dev/full", 2 if shows else code),
        ("gone", "| exec 0<&-; exit ${PIPESTATUS[0]}", code),
        ("no-output", ">&-", code),
        ("no-error", "2>&-", code),
        ("full-error", "2>/dev/full", code),
    ]:
        done = run(argv, bundle, tmp_path / name, ends)
        assert b"Traceback" not in done.stderr, (name, done.stderr)
        assert (name, done.returncode) == (name, wanted), done.stderr
        assert {file.name for file in (tmp_path / name).iterdir()} == kept, name
        if "error" in name:
            assert len(done.stdout) == len(usual.stdout), name
    if shows:
        done = run(argv, bundle, tmp_path / "told", ">/dev/full")
        assert b"The output cannot be written (No space left on device)" in done.stderr
