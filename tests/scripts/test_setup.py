"""Set-up chooses a way that this machine has, without root, and says what is missing where it has none.

Real interpreters and uv are played by small shell scripts that write down how they were called; the real thing is
run from an empty clone by hand and by every `make test`.
"""

from __future__ import annotations

import os
import runpy
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell: run it on Linux or macOS")

SCRIPT = Path(__file__).parents[2] / "scripts" / "setup.py"

# A made-up Python: "-c" answers the probe with $ANSWER or, for a check of the environment, with its exit code;
# "-m venv" and "-m virtualenv" make an environment whose python is itself.
FAKE_PYTHON = """#!/bin/sh
echo "python $*" >> "{log}"
case "$*" in
*find_spec*) echo "{answer}" ;;
*"-m venv"* | *"-m virtualenv"*) for last in "$@"; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
*"pip install"*) exit {pip_exit} ;;
esac
"""
FAKE_UV = """#!/bin/sh
echo "uv $*" >> "{log}"
case "$*" in
venv*) for last in "$@"; do :; done; mkdir -p "$last/bin"; cp "{python}" "$last/bin/python" ;;
*install*) exit {exit} ;;
esac
"""


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class Machine:
    """A checkout, a PATH with the commands asked for, and a log of what was called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.bin, self.log = folder / "checkout", folder / "bin", folder / "log"
        (self.root / "requirements").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("pyproject.toml", *(f"requirements/{each}.txt" for each in ("core", "web", "dev", "virtualenv"))):
            (self.root / name).write_text(name)
        self.python = executable(self.bin / "python3", "#!/bin/sh\nexit 1\n")
        self.script = SimpleNamespace(**runpy.run_path(str(SCRIPT)))
        self.checkout = self.script.Checkout(self.root)
        monkeypatch.setenv("PATH", f"{self.bin}:/usr/bin:/bin")
        monkeypatch.setitem(self.script.pythons.__globals__, "NAMES", ("python3",))
        monkeypatch.setitem(self.script.pythons.__globals__, "TESTED", "python3.99")
        monkeypatch.setattr(sys, "_base_executable", str(self.bin / "python3"))

    def has_python(self, answer: str, pip_exit: int = 0) -> None:
        """`answer` as the probe prints it: new enough, can make environments, has pip."""
        executable(self.python, FAKE_PYTHON.format(log=self.log, answer=answer, pip_exit=pip_exit))

    def has_uv(self, install_exit: int = 0) -> None:
        executable(self.bin / "uv", FAKE_UV.format(log=self.log, python=self.python, exit=install_exit))

    def set_up(self, wanted: str = "core") -> list[str]:
        """Runs it; the calls that do something, without their paths' folders."""
        self.log.write_text("")
        self.script.set_up(self.checkout, wanted)
        calls = self.log.read_text().replace(f"{self.root}/", "").splitlines()
        return [call for call in calls if call.startswith(("python -m", "uv "))]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    if os.environ.get("UV"):
        monkeypatch.delenv("UV")
    return Machine(tmp_path, monkeypatch)


def without_uv(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A uv that this machine really has must not be found."""
    which: Callable[..., str | None] = machine.script.shutil.which
    monkeypatch.setattr(
        machine.script.shutil, "which", lambda name, path=None: None if name == "uv" else which(name, path=path)
    )


INSTALL = [
    "python -m pip install --quiet --require-hashes -r requirements/core.txt",
    "python -m pip install --quiet --no-deps --no-build-isolation -e {root}",
    "python -m compileall -q src",
]


def test_uv_goes_first(machine: Machine):
    machine.has_python("1 1 1")
    machine.has_uv()
    calls = machine.set_up()
    assert calls[0].startswith("uv venv --quiet --python ")
    uv = "uv pip install --compile-bytecode --python .venv/bin/python --quiet"
    assert calls[1] == f"{uv} --require-hashes -r requirements/core.txt"
    assert calls[3] == "python -m compileall -q src"
    assert len(calls) == 4


@pytest.mark.parametrize(("asked_for", "chosen"), [(False, "python3.99"), (True, "python3")])
def test_the_newest_that_is_tested_goes_first(machine: Machine, asked_for: bool, chosen: str):
    """Of two on PATH the one that runs, as where an old shim lies before it."""
    machine.has_python("1 1 1")
    shims = machine.bin.parent / "shims"
    shims.mkdir()
    executable(shims / "python3.99", "#!/bin/sh\nexit 127\n")
    executable(machine.bin / "python3.99", machine.python.read_text())
    os.environ["PATH"] = f"{shims}:{os.environ['PATH']}"  # the fixture puts it back
    found = machine.script.pythons(asked_for)
    assert found[0].path == str(machine.bin / chosen)
    assert {python.path for python in found} == {str(machine.bin / name) for name in ("python3", "python3.99")}


def test_venv_without_uv(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.has_python("1 1 1")
    without_uv(machine, monkeypatch)
    installed = [line.format(root=machine.root) for line in INSTALL]
    assert machine.set_up() == ["python -m venv --clear .venv", *installed]


def test_virtualenv_where_a_python_has_only_pip(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.has_python("1 0 1")
    without_uv(machine, monkeypatch)
    calls = machine.set_up()
    assert calls[0].startswith("python -m pip install --quiet --upgrade --target build/virtualenv --require-hashes")
    assert calls[1] == "python -m virtualenv --quiet --clear --no-download .venv"
    assert len(calls) == 5


def test_a_uv_that_cannot_install_is_followed_by_pip(machine: Machine):
    machine.has_python("1 1 1")
    machine.has_uv(install_exit=1)
    assert [call.split()[0] for call in machine.set_up()][-3:] == ["python"] * 3


@pytest.mark.parametrize(
    ("answer", "exit_code", "words"),
    [
        ("1 0 0", 2, "Install one package, python3-venv (apt install python3-venv)"),
        ("0 1 1", 2, "no Python 3.11 or newer"),
    ],
)
def test_what_is_missing_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, answer: str, exit_code: int, words: str
):
    machine.has_python(answer)
    without_uv(machine, monkeypatch)
    with pytest.raises(machine.script.SetupError) as error:
        machine.set_up()
    assert error.value.exit_code == exit_code
    assert words in str(error.value)
    assert not machine.checkout.venv.exists()


def test_packages_that_cannot_be_had_exit_1_and_leave_no_stamp(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.has_python("1 1 1", pip_exit=1)
    without_uv(machine, monkeypatch)
    with pytest.raises(machine.script.SetupError) as error:
        machine.set_up()
    assert error.value.exit_code == 1
    assert not machine.checkout.is_ready("core")


def test_nothing_is_done_twice(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.has_python("1 1 1")
    without_uv(machine, monkeypatch)
    assert machine.set_up("dev")
    assert machine.set_up("dev") == machine.set_up("core") == [], "dev holds core"
    (machine.root / "requirements" / "core.txt").write_text("changed")
    again = machine.set_up("core")
    assert len(again) == 3, "the environment is kept and only what it holds is brought up to date"


@pytest.mark.parametrize("has_uv", [True, False])
def test_the_page_s_packages_come_without_bytecode_of_what_is_never_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, has_uv: bool
):
    machine.has_python("1 1 1")
    if has_uv:
        machine.has_uv()
        expected = "uv pip install --python .venv/bin/python --quiet --require-hashes -r requirements/web.txt"
    else:
        without_uv(machine, monkeypatch)
        expected = "python -m pip install --no-compile --quiet --require-hashes -r requirements/web.txt"
    assert expected in machine.set_up("web")
    assert machine.set_up("core") == [], "web holds core"
    assert machine.set_up("dev"), "and not dev"


def test_core_is_not_enough_for_dev(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    machine.has_python("1 1 1")
    without_uv(machine, monkeypatch)
    machine.set_up("core")
    assert machine.set_up("dev")


def test_a_moved_checkout_is_made_anew(machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    machine.has_python("1 1 1")
    without_uv(machine, monkeypatch)
    machine.set_up()
    machine.root = machine.root.rename(tmp_path / "elsewhere")
    machine.checkout = machine.script.Checkout(machine.root)
    assert machine.set_up()[0] == "python -m venv --clear .venv"


def test_pips_settings_reach_uv_and_none_sends_packages_elsewhere(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/one /two")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    env = machine.script.environment()
    assert env["UV_DEFAULT_INDEX"] == env["PIP_INDEX_URL"] == "https://index.example/simple"
    assert env["UV_FIND_LINKS"] == "/one,/two"
    assert env["PIP_USER"] == "0"
    assert "PIP_TARGET" not in env


@pytest.mark.parametrize("arguments", [["nonsense"], ["core", "dev"], ["--this-python", "core"]])
def test_usage(machine: Machine, arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert machine.script.main(arguments) == 2
    assert "setup.py [core|web|dev]" in capsys.readouterr().err
