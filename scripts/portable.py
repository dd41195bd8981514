"""Builds what travels where downloads are blocked: one file (.pyz), and one folder for Windows. Nothing in it fetches.

    .venv/bin/python scripts/portable.py pyz [--system linux-x86_64] [--python 3.13]...
    .venv/bin/python scripts/portable.py windows --embed python-3.13.X-embed-amd64.zip --sha256 HEX
    .venv/bin/python scripts/portable.py sums [--key SSH_KEY]

All write into dist/, where `make dist` has put the wheel. Packages are those of requirements/core.txt, each wheel
checked against its hash, for the system that is named. The embeddable Python of Windows is given, with the SHA-256 that
its publisher names. `sums` writes SHA256SUMS of all of it, and with a key its signature by `ssh-keygen -Y sign` and the
key's public half.
Exit 1 where something could not be had, 2 where something is missing here.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from packaging.markers import Marker

from setup import pythons
from talkpath.version import wheel_build

ROOT = Path(__file__).resolve().parents[1]
DIST, LOCK = ROOT / "dist", ROOT / "requirements" / "core.txt"
STARTER = Path(__file__).with_name("pyz_main.py")
SUMS, SIGNERS, NAMESPACE = "SHA256SUMS", "talkpath-signers", "talkpath"
FIXED_DATE = (2026, 1, 1, 0, 0, 0)  # the same files give the same bytes, whenever they are packed
ONLY_BUILDS = {"editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}
"""What the lock has for installing a checkout."""
NEW_IN_3_7 = "from __future__ import annotations\n"  # Python 3.6 refuses the line before it can say that it is too old
BAT = """@echo off\r
rem talkpath with the Python in this folder. Nothing is installed and nothing fetched.\r
"%~dp0python\\python.exe" -m talkpath %*\r
if "%~1"=="" pause\r
"""


class System(NamedTuple):
    """One kind of machine: pip's platform tags, newest first, and what the lock's markers ask."""

    platforms: tuple[str, ...]
    markers: dict[str, str]


def _linux(machine: str) -> System:
    tags = tuple(f"manylinux{version}_{machine}" for version in ("_2_28", "_2_17", "2014", "_2_12", "_2_5"))
    return System(tags, {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine})


def _musl(machine: str) -> System:
    return _linux(machine)._replace(platforms=(f"musllinux_1_2_{machine}", f"musllinux_1_1_{machine}"))


def _mac(machine: str) -> System:
    tags = tuple(f"macosx_{version}_{kind}" for version in ("14_0", "11_0", "10_15", "10_13", "10_12", "10_9")
                 for kind in (machine, "universal2"))  # fmt: skip
    return System(tags, {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": machine})


SYSTEMS = {
    "linux-x86_64": _linux("x86_64"),
    "linux-aarch64": _linux("aarch64"),
    "musl-x86_64": _musl("x86_64"),
    "musl-aarch64": _musl("aarch64"),
    "macos-arm64": _mac("arm64"),
    "windows-amd64": System(
        ("win_amd64",), {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"}
    ),
}


class PortableError(SystemExit):
    """One sentence, which Python prints; the exit code is 1."""


def requirements(lock: str, system: System, python: str) -> str:
    """The lock for that system and Python, without what only builds and without markers, since pip asks these of the
    machine that it runs on."""
    kept = []
    entries = re.findall(
        r"^([\w.-]+)==(\S+)(?: ; ([^\\\n]+?))? \\\n((?:    --hash=\S+(?: \\)?\n)+)", lock, re.MULTILINE
    )
    asked = {"python_version": python, "python_full_version": f"{python}.0", **system.markers}
    asked |= {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    for name, version, marker, hashes in entries:
        if name not in ONLY_BUILDS and (not marker or Marker(marker).evaluate(asked)):
            kept.append(f"{name}=={version} \\\n{hashes}")
    return "".join(kept)


def pip_python() -> str:
    """A Python of this machine that has pip: which one makes no difference to what is installed."""
    found = [python.path for python in pythons(this_one=True) if python.has_pip]
    if find_spec("pip") is None and not found:
        raise PortableError("portable: no Python here has pip; install python3-pip")
    return sys.executable if find_spec("pip") else found[0]


def install_packages(folder: Path, system: System, python: str) -> None:
    """The lock's packages for that system and Python, and the wheel in dist/, into a folder."""
    wheel = built_wheel()
    pip = [pip_python(), "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
    pip += ["--only-binary=:all:", "--require-hashes", "--python-version", python]
    tags = [word for tag in system.platforms for word in ("--platform", tag)]
    with TemporaryDirectory() as place:
        lock = Path(place, "lock.txt")
        lock.write_text(requirements(LOCK.read_text(encoding="utf-8"), system, python), encoding="utf-8")
        if subprocess.run([*pip, *tags, "-r", str(lock)]).returncode:
            raise PortableError("portable: the packages could not be had (the lines above say why)")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)


def shipped_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of what is needed to run, in order: no programs, tests, headers and type stubs of others."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_ours = parts[0].startswith("talkpath")
        unneeded = {"tests", "include", "__pycache__", "f2py", "_pyinstaller"} & set(parts) or parts[0] == "bin"
        if path.is_file() and (is_ours or not (unneeded or path.suffix in (".pyi", ".pxd", ".a", ".h"))):
            yield "/".join(parts), path.read_bytes()


def pack_files(file: Path, files: Sequence[tuple[str, bytes]], ahead: bytes = b"") -> None:
    """A zip of these files, after the bytes `ahead`: the same whenever it is made."""
    with file.open("wb") as out:
        out.write(ahead)
        with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
            for name, content in files:
                entry = zipfile.ZipInfo(name, FIXED_DATE)
                entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
                packed.writestr(entry, content)


def build_pyz(system: str, versions: Sequence[str]) -> Path:
    """One file that runs where one of these Pythons is. What all of them share is in it once."""
    found: dict[str, dict[str, bytes]] = {}
    for python in versions:
        with TemporaryDirectory() as place:
            install_packages(Path(place), SYSTEMS[system], python)
            found[python] = dict(shipped_files(Path(place)))
    first, *others = found.values()
    shared = sorted(name for name, data in first.items() if others and all(of.get(name) == data for of in others))
    own = [(python, name) for python, of in found.items() for name in of if name not in shared]
    files = [(f"site/any/{name}", first[name]) for name in shared]
    files += [(f"site/{python}/{name}", found[python][name]) for python, name in own]
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" + data for name, data in files)).hexdigest()
    starter = STARTER.read_text(encoding="utf-8").replace("CONTENT_DIGEST", digest).replace("SYSTEM_NAME", system)
    starter = starter.replace(NEW_IN_3_7, "")
    file = DIST / f"talkpath-{wheel_version()}-{system}.pyz"
    pack_files(file, [("__main__.py", starter.encode()), *files], b"#!/usr/bin/env python3\n")
    file.chmod(0o755)
    return file


def build_windows(embed: Path, sha256: str, system: str = "windows-amd64", dist: Path | None = None) -> Path:
    """A folder with Windows' embeddable Python, talkpath beside it, and a .bat that starts it, as a zip."""
    data = embed.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256.lower():
        raise PortableError(f"portable: {embed.name} has another SHA-256 than the one given; get it from its publisher")
    with zipfile.ZipFile(embed) as packed:
        theirs = {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}
    paths = [match for name in theirs if (match := re.fullmatch(r"python(\d)(\d+)\._pth", name))]
    if not paths:
        raise PortableError(f"portable: {embed.name} is no embeddable Python: it has no python3XX._pth")
    python = f"{paths[0][1]}.{paths[0][2]}"
    theirs[paths[0][0]] = theirs[paths[0][0]].rstrip() + b"\r\n..\\site\r\n"
    with TemporaryDirectory() as place:
        install_packages(Path(place), SYSTEMS[system], python)
        ours = list(shipped_files(Path(place)))
    top = f"talkpath-{wheel_version()}-windows"
    files = [(f"{top}/python/{name}", content) for name, content in sorted(theirs.items())]
    files += [(f"{top}/site/{name}", content) for name, content in ours]
    files.append((f"{top}/talkpath.bat", BAT.encode()))
    file = (dist or DIST) / f"{top}.zip"
    pack_files(file, files)
    return file


def built_wheel() -> Path:
    """The wheel in dist/."""
    wheels = sorted(DIST.glob("talkpath-*.whl"))
    if len(wheels) != 1:
        raise PortableError("portable: there is not exactly one wheel in dist/; run `make dist` first")
    return wheels[0]


def wheel_version() -> str:
    """The version of the wheel in dist/."""
    return built_wheel().name.split("-")[1]


def build_name() -> str:
    """What `talkpath --version` calls this build, whichever way it was installed."""
    with zipfile.ZipFile(built_wheel()) as packed:
        lines = packed.read(f"talkpath-{wheel_version()}.dist-info/RECORD").decode().splitlines()
    return wheel_build(line.rpartition(",")[0] for line in lines if line.startswith("talkpath/"))


def write_sums(key: Path | None) -> Path:
    """SHA256SUMS of all that is in dist/ to be passed on, and its signature with the line that verifies it."""
    ours = (SUMS, SIGNERS)
    files = [path for path in sorted(DIST.iterdir()) if path.is_file() and not path.name.startswith(ours)]
    sums = DIST / SUMS
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    sums.write_text("".join([f"# talkpath {wheel_version()}, build {build_name()}\n", *lines]))
    sums.with_name(f"{SUMS}.sig").unlink(missing_ok=True)
    if key is not None:
        sign_sums(sums, key)
    return sums


def sign_sums(sums: Path, key: Path) -> None:
    """Sign with a key of `make release-key`, write its public half, and verify as a reader does."""
    public = Path(f"{key}.pub")
    if not public.is_file():
        raise PortableError(f"portable: {public} is missing; `make release-key KEY={key}` makes both halves")
    (DIST / SIGNERS).write_text(" ".join([NAMESPACE, *public.read_text().split()[:2]]) + "\n")
    signing: list[str | Path] = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", key, sums]
    if subprocess.run(signing, stdin=subprocess.DEVNULL).returncode:
        raise PortableError("portable: the sums could not be signed (the lines above say why)")
    verifying: list[str | Path] = ["ssh-keygen", "-Y", "verify", "-f", DIST / SIGNERS, "-I", NAMESPACE, "-n", NAMESPACE]
    with sums.open("rb") as signed:
        if subprocess.run([*verifying, "-s", f"{sums}.sig"], stdin=signed, stdout=sys.stderr).returncode:
            raise PortableError(f"portable: the signature is not one of {public}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build what is asked for, and name the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    pyz = kinds.add_parser("pyz")
    pyz.add_argument("--system", choices=sorted(SYSTEMS), default="linux-x86_64")
    pyz.add_argument("--python", action="append", help="as 3.13; may be given several times")
    windows = kinds.add_parser("windows")
    windows.add_argument("--embed", type=Path, required=True)
    windows.add_argument("--sha256", required=True)
    sums = kinds.add_parser("sums")
    sums.add_argument("--key", type=Path)
    asked = parser.parse_args(arguments)
    if asked.kind == "pyz":
        file = build_pyz(asked.system, asked.python or [".".join(map(str, sys.version_info[:2]))])
    elif asked.kind == "windows":
        file = build_windows(asked.embed, asked.sha256)
    else:
        file = write_sums(asked.key)
    sys.stderr.write(f"portable: {file.relative_to(ROOT)}, {file.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
