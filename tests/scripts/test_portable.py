"""What travels: the lock for each system, the .pyz and its starter, the folder for Windows, the sums and a signature.

The packages of others are stood in for by one file: `make try-portable` builds the real ones and uses them.
"""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import portable

VERSION = ".".join(map(str, sys.version_info[:2]))
OURS = """
import os, sys
def main():
    print("started", *sys.argv[1:], os.environ["PYTHONPATH"] in sys.path)
"""


@pytest.mark.parametrize("name", sorted(portable.SYSTEMS))
def test_the_lock_holds_what_each_system_needs(name: str) -> None:
    """Each requirement of each package, with that system's markers: colorama, once anything of Windows asks for it."""
    system = portable.SYSTEMS[name]
    text = portable.requirements(portable.LOCK.read_text(encoding="utf-8"), system, "3.13")
    held = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
    asked = {"python_version": "3.13", "python_full_version": "3.13.0", "extra": "", **system.markers}
    needs = [Requirement(each) for package in held | {"talkpath"} for each in distribution(package).requires or ()]
    wanted = {need.name.lower() for need in needs if not need.marker or need.marker.evaluate(asked)}
    assert {"click", "numpy", "msgspec"} <= wanted
    assert wanted - held == set()
    assert not held & portable.ONLY_BUILDS
    assert text.count("--hash=sha256:") > len(held)


def test_a_marker_is_asked_for_the_system_that_is_built_for() -> None:
    first = "a==1 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n    # via b\n"
    lock = f"{first}b==2 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n"
    named = {name: portable.requirements(lock, system, "3.12") for name, system in portable.SYSTEMS.items()}
    assert named["linux-x86_64"] == "b==2 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n"
    assert named["windows-amd64"].startswith("a==1 \\\n    --hash=sha256:00\nb==2")


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dist/ with a wheel in it; packages are stood in for."""
    folder = tmp_path / "dist"
    folder.mkdir()
    with zipfile.ZipFile(folder / "talkpath-9.9.9-py3-none-any.whl", "w") as wheel:
        wheel.writestr("talkpath-9.9.9.dist-info/RECORD", "talkpath/cli.py,sha256=abc,3\nother,sha256=def,3\n")

    def install(place: Path, system: portable.System, python: str) -> None:
        for name, text in {"talkpath/__init__.py": "", "talkpath/cli.py": OURS, "numpy/tests/t.py": "", "bin/f2py": "",
                           "numpy/core.py": f"# {python}"}.items():  # fmt: skip
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)

    monkeypatch.setattr(portable, "DIST", folder)
    monkeypatch.setattr(portable, "install_packages", install)
    return folder


def started(file: Path, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], **more}
    command = [sys.executable, str(file), "a word"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_file_unpacks_once_starts_and_is_the_same_bytes_whenever_it_is_built(dist: Path, tmp_path: Path) -> None:
    file = portable.build_pyz("linux-x86_64", ["3.1", VERSION])
    assert b"__future__" not in zipfile.ZipFile(file).read("__main__.py"), "Python 3.6 can say that it is too old"
    before = file.read_bytes()
    assert portable.build_pyz("linux-x86_64", ["3.1", VERSION]).read_bytes() == before
    names = zipfile.ZipFile(file).namelist()
    assert "site/any/talkpath/cli.py" in names
    assert f"site/{VERSION}/numpy/core.py" in names
    assert not [name for name in names if "tests" in name or "bin" in name]
    for _ in range(2):
        assert started(file, tmp_path).stdout == "started a word True\n"
    (cached,) = (tmp_path / ".cache" / "talkpath").iterdir()
    assert (cached / "numpy" / "core.py").read_text() == f"# {VERSION}"
    assert cached.parent.stat().st_mode & 0o077 == 0


def test_where_the_cache_cannot_be_written_a_temporary_place_goes_at_the_end(dist: Path, tmp_path: Path) -> None:
    file = portable.build_pyz("linux-x86_64", [VERSION])
    (tmp_path / "no folder").write_text("")
    (tmp_path / "temporary").mkdir()
    done = started(file, tmp_path, XDG_CACHE_HOME=str(tmp_path / "no folder"), TMPDIR=str(tmp_path / "temporary"))
    assert done.stdout == "started a word True\n", done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_file_with_a_changed_byte_says_so_and_leaves_nothing(dist: Path, tmp_path: Path) -> None:
    """A byte that changes nothing of the content, as a date in the archive, is the sums' to find; where the list of its
    files is damaged, Python itself finds nothing to run."""
    file = portable.build_pyz("linux-x86_64", ["3.1", VERSION])
    whole, told = file.read_bytes(), Counter[str]()
    begin = whole.index(b"site/")
    for at in range(begin, whole.index(b"PK\x01\x02"), 17):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        home = tmp_path / str(at)
        done = started(file, home)
        told[done.stdout + done.stderr] += 1
        if done.returncode:
            assert not any(left.is_file() for left in home.rglob("*"))
    damaged = "talkpath: this file is damaged: get it again, and compare it with its SHA256SUMS.\n"
    assert set(told) == {damaged, "started a word True\n"}
    assert told[damaged] > 10


def test_without_room_to_unpack_it_says_so(dist: Path, tmp_path: Path) -> None:
    file = portable.build_pyz("linux-x86_64", [VERSION])
    limit = (resource.RLIMIT_FSIZE, (0, 0))
    command = [sys.executable, str(file)]
    done = subprocess.run(
        command,
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(*limit),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("talkpath: this file cannot be unpacked: it needs 85 MB where it may write")
    assert [*(tmp_path / ".cache" / "talkpath").iterdir(), *tmp_path.glob("talkpath-*")] == []


def test_another_python_is_told_which_the_file_is_for(dist: Path, tmp_path: Path) -> None:
    done = started(portable.build_pyz("linux-x86_64", ["3.1"]), tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"talkpath: this file is for Python 3.1 on linux-x86_64, and this is Python {VERSION}.\n"


def test_the_starter_can_be_read_by_pythons_that_are_too_old() -> None:
    import ast

    ast.parse(portable.STARTER.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_the_folder_has_the_python_that_was_given_and_its_paths(dist: Path, tmp_path: Path) -> None:
    embed = tmp_path / "embed.zip"
    with zipfile.ZipFile(embed, "w") as packed:
        packed.writestr("python313._pth", "python313.zip\r\n.\r\n")
        packed.writestr("python.exe", b"MZ")
    digest = hashlib.sha256(embed.read_bytes()).hexdigest()
    folder = zipfile.ZipFile(portable.build_windows(embed, digest.upper()))
    top = "talkpath-9.9.9-windows"
    assert folder.read(f"{top}/python/python313._pth") == b"python313.zip\r\n.\r\n..\\site\r\n"
    assert b'"%~dp0python\\python.exe" -m talkpath %*' in folder.read(f"{top}/talkpath.bat")
    assert folder.read(f"{top}/site/numpy/core.py") == b"# 3.13"
    with pytest.raises(portable.PortableError, match="another SHA-256"):
        portable.build_windows(embed, "00" * 32)
    with zipfile.ZipFile(embed, "w") as packed:
        packed.writestr("python.exe", b"MZ")
    with pytest.raises(portable.PortableError, match="no embeddable Python"):
        portable.build_windows(embed, hashlib.sha256(embed.read_bytes()).hexdigest())


def test_the_sums_are_checked_and_their_signature_as_the_page_says(dist: Path, tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen: apt-get install openssh-client")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    sums = portable.write_sums(key)
    first, second = sums.read_text().splitlines()
    assert re.fullmatch(r"# talkpath 9\.9\.9, build [0-9a-f]{16}", first)
    assert second.endswith("  talkpath-9.9.9-py3-none-any.whl")
    assert subprocess.run(["sha256sum", "-c", "--quiet", sums.name], cwd=dist, check=False).returncode == 0
    page = (portable.ROOT / "docs/how-to/get-it.md").read_text(encoding="utf-8")

    def run(pattern: str) -> subprocess.CompletedProcess[str]:
        """The page's one line that begins so, with this test's key, in the folder of the files."""
        (line,) = re.findall(rf"^ {{4}}({pattern}.*?)(?:  +#.*)?$", page, re.MULTILINE)
        command = line.replace("~/.ssh/talkpath-release", str(key))
        return subprocess.run(command, shell=True, cwd=dist, capture_output=True, check=False, text=True)

    fingerprint = run("ssh-keygen -l").stdout.split()[1]
    good = run("ssh-keygen -Y verify")
    assert good.returncode == 0, good.stderr
    assert f'Good "talkpath" signature for talkpath with ED25519 key {fingerprint}' in good.stdout
    sums.write_text(sums.read_text().replace("9.9.9", "9.9.8"))
    assert run("ssh-keygen -Y verify").returncode != 0
    assert "talkpath-signers" not in portable.write_sums(None).read_text(), "they are of the files alone"
    assert not (dist / "SHA256SUMS.sig").exists(), "no signature of something else stays behind"


def test_a_key_that_cannot_sign_is_told(dist: Path, tmp_path: Path) -> None:
    with pytest.raises(portable.PortableError, match=r"none.pub is missing; `make release-key"):
        portable.write_sums(tmp_path / "none")
    for name in ("none", "none.pub"):
        (tmp_path / name).write_text("none")
    with pytest.raises(portable.PortableError, match="could not be signed"):
        portable.write_sums(tmp_path / "none")
