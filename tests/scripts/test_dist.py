"""What `make dist` builds: the wheel holds all that the package reads, the source archive all that its tests need."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import talkpath

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> zipfile.ZipFile:
    (path,) = dist.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"talkpath-{talkpath.__version__}.dist-info/METADATA"))


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "src" / "talkpath"
    files = {f"talkpath/{path.relative_to(package).as_posix()}" for path in package.rglob("*") if path.is_file()}
    ours = {name for name in files if "__pycache__" not in name}
    assert ours <= set(wheel.namelist())
    assert {"talkpath/py.typed", "talkpath/report/languages/fa.po", "talkpath/report/page.css"} <= ours
    others = {name for name in wheel.namelist() if not name.startswith(("talkpath/", "talkpath-"))}
    assert others == set(), "nothing but the package"


def test_the_version_is_the_packages_own(dist: Path, metadata: Message) -> None:
    names = sorted(path.name for path in dist.iterdir())
    version = talkpath.__version__
    assert names == [f"talkpath-{version}-py3-none-any.whl", f"talkpath-{version}.tar.gz"]
    assert metadata["Version"] == version


def test_the_metadata_say_what_it_is(metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert "WebRTC" in metadata["Keywords"]
    requirements = metadata.get_all("Requires-Dist", [])
    needed = {requirement.split(">")[0] for requirement in requirements if "extra ==" not in requirement}
    assert needed == {"click", "rich", "msgspec", "cryptography", "ifaddr", "numpy"}


def test_the_source_archive_can_be_tested(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"pyproject.toml", "LICENSE", "Makefile", "requirements/dev.txt", "scripts/setup.py", "spec/tp-002.md"}
    wanted |= {"tests/conftest.py", "tests/capture/lab/voice.pcap.gz", "docs/python.md", "examples/README.md"}
    wanted |= {"proof/__main__.py", "tests/proof/test_score.py"}
    assert wanted <= names
    assert [name for name in names if ".venv" in name or "__pycache__" in name] == []


def test_the_version_is_told_in_the_same_words_everywhere() -> None:
    version = talkpath.__version__
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").replace('"', "")
