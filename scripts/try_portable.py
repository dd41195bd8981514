"""Uses what `make pyz` and the folder for Windows are, from an empty place and with an empty home, as a new user would.

    .venv/bin/python scripts/try_portable.py

Of each: its version, a recording, a check on loopback against a test server of its own, and the evidence. The .pyz is
the one in dist/. Windows' own Python cannot run here: the folder is built with this system's packages around an archive
that stands in for it, unpacked, and run by this Python with the paths that the folder's python3XX._pth names and no
others. That shows the folder's layout, its paths and that nothing is missing from it; not that Windows runs it.
Exit 0 where every command printed what it should, 1 where one did not.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from portable import DIST, SYSTEMS, build_windows

ROOT = Path(__file__).resolve().parents[1]
RECORDING = ROOT / "tests" / "capture" / "lab" / "drop30-up-far.pcap.gz"
PTH = f"python{sys.version_info[0]}{sys.version_info[1]}._pth"
RUN_BY_PTH = """
import pathlib, runpy, sys
place = pathlib.Path(sys.argv.pop(1))
named = next(place.glob("python3*._pth")).read_text().replace("\\\\", "/").split()
sys.path[:] = [each for each in sys.path if "site-packages" not in each] + [
    str((place / each).resolve()) for each in named if each.startswith("..")
]
runpy.run_module("talkpath", run_name="__main__", alter_sys=True)
"""
Program = list[str]


def unpacked_pyz(place: Path) -> Program:
    """The .pyz in dist/, copied there."""
    (file,) = DIST.glob("talkpath-*.pyz")
    (place / file.name).write_bytes(file.read_bytes())
    return [sys.executable, str(place / file.name)]


def unpacked_folder(place: Path) -> Program:
    """The folder for Windows with this system's packages, unpacked there."""
    embed = place / "embed.zip"
    with zipfile.ZipFile(embed, "w") as packed:
        packed.writestr(PTH, "python.zip\r\n.\r\n")
        packed.writestr("python.exe", b"stands in")
    system = next(name for name in SYSTEMS if name == f"linux-{machine()}")
    archive = build_windows(embed, hashlib.sha256(embed.read_bytes()).hexdigest(), system, place)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(place)
    (folder,) = (path for path in place.iterdir() if path.is_dir() and path.name.endswith("-windows"))
    assert (folder / "talkpath.bat").exists()
    return [sys.executable, "-I", "-S", "-c", RUN_BY_PTH, str(folder / "python")]


def machine() -> str:
    """This machine's kind, as in the names of `SYSTEMS`."""
    import platform

    return platform.machine()


def uses(program: Program, place: Path) -> None:
    """Use it in that place; `SystemExit` where something else is printed than should be."""
    home = {"HOME": str(place / "home"), "PATH": "/usr/bin:/bin", "LANGUAGE": "en", "LANG": "C.UTF-8"}
    (place / "home").mkdir()

    def expect(wanted: str, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        done = subprocess.run([*program, *arguments], cwd=place, env=home, capture_output=True, text=True, timeout=300)
        shown = " ".join(word.split("?")[0] for word in arguments)
        if done.returncode not in codes or wanted not in " ".join(done.stdout.split()):
            raise SystemExit(f"try-portable: FAILED {shown}\n{done.stdout}{done.stderr}")
        sys.stderr.write(f"try-portable: ok {shown}\n")

    expect("as it was built", "--version")
    expect("call packets are dropped at random", "capture", str(RECORDING))
    ports = ["--port", "45433", "--ports", "45434,45435,45436,45437", "--tcp-ports", "", "--tls-ports", ""]
    serving = [*program, "respond", "--host", "127.0.0.1", *ports, "--json"]
    with subprocess.Popen(serving, cwd=place, env=home, stdout=subprocess.PIPE, text=True) as far:
        assert far.stdout is not None  # asked for
        try:
            link = json.loads(far.stdout.readline())["link"]
            # 3: this machine was too busy to be judged, which is measured all the same
            expect("WebRTC voice", "check", link, "--app", "webrtc", "--light", "-o", "run.talkpath", codes=(0, 3))
        finally:
            far.terminate()
    expect("Nothing in the bundle was changed", "verify", "run.talkpath")


def main() -> int:
    """The exit code."""
    for name, unpacked in (("the file", unpacked_pyz), ("the folder", unpacked_folder)):
        with TemporaryDirectory() as folder:
            sys.stderr.write(f"try-portable: {name}\n")
            uses(unpacked(Path(folder)), Path(folder))
    sys.stderr.write("passed: both run in an empty place with an empty home\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
