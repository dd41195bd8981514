"""Installs the wheel in dist/ with its core dependencies into an empty environment, and uses it from there.

    .venv/bin/python scripts/try_wheel.py

The environment is build/wheel; the packages are those of requirements/core.txt, each checked against its hash. All
commands run in an empty folder, so that nothing of the checkout is found but by the paths given here. Exit 0 where
every command printed what it should, 1 where one did not, 2 where there is no wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from setup import Checkout, pythons, ran, with_pip, with_uv

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "build" / "wheel"
FIXTURE = ROOT / "tests" / "capture" / "lab" / "drop30-up-far.pcap.gz"
NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def install_wheel(wheel: Path) -> Path:
    """The folder of programs of a new environment with the wheel and its core dependencies; `SystemExit` on failure."""
    shutil.rmtree(PLACE, ignore_errors=True)
    place = Checkout(ROOT)
    place.venv, place.python, place.stamp = PLACE, PLACE / "bin" / "python", PLACE / "stamp.json"
    found = pythons(this_one=True)
    installer = with_uv(place, found, lean=True) or with_pip(place, found, lean=True)
    lock = ROOT / "requirements" / "core.txt"
    if installer is None or not ran(*installer, "--quiet", "--require-hashes", "-r", lock):
        raise SystemExit("try-wheel: the core dependencies could not be installed (the lines above say why)")
    if not ran(*installer, "--quiet", "--no-deps", wheel):
        raise SystemExit(f"try-wheel: {wheel.name} could not be installed")
    return PLACE / "bin"


def command_uses(programs: Path, version: str) -> Iterator[tuple[list[str], str]]:
    """Each command, and a text that it must print."""
    talkpath, python = str(programs / "talkpath"), str(programs / "python")
    examples = ROOT / "examples"
    yield [talkpath, "--version"], version
    yield [talkpath, "--help"], "Test whether calls are restricted on this network."
    yield [talkpath, "check", "--dry-run", "--app", "webrtc"], "webrtc dtls voice"
    yield [talkpath, "check", "--dry-run", "--app", "webrtc", "--json"], '"talkpath.plan/1"'
    yield [talkpath, "capture", str(FIXTURE)], "call packets are dropped at random"
    yield [talkpath, "capture", "--language", "ru", str(FIXTURE)], "голосовой звонок"
    yield [python, str(examples / "smallest_loss.py")], "2 of 2"
    yield [python, str(examples / "calls_to_csv.py"), str(FIXTURE.parent)], "drop30-up-far.pcap.gz,webrtc"


def main() -> int:
    """The exit code."""
    wheels = sorted((ROOT / "dist").glob("talkpath-*.whl"))
    if len(wheels) != 1:
        sys.stderr.write("try-wheel: there is not exactly one wheel in dist/; run `make dist` first\n")
        return 2
    version = wheels[0].name.split("-")[1]
    programs = install_wheel(wheels[0])
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    environment["LANGUAGE"] = "en"
    with TemporaryDirectory() as folder:
        for command, wanted in command_uses(programs, version):
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
            shown = " ".join([Path(command[0]).name, *command[1:]])
            if done.returncode or wanted not in " ".join(done.stdout.split()):  # lines break anywhere
                sys.stderr.write(f"try-wheel: FAILED {shown}\n{done.stdout}{done.stderr}\n")
                return 1
            sys.stderr.write(f"try-wheel: ok {shown}\n")
    sys.stderr.write(f"passed: {wheels[0].name} works in an empty environment\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
