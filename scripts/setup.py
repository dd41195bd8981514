"""Makes `.venv` in this checkout and installs talkpath into it. No root, nothing but the standard library.

    python3 scripts/setup.py [core|web|dev] [--this-python]

`core` is what the tool needs to run, `web` what the page for phones needs too, `dev` what the tests need. Packages come
from the locks in requirements/, each with its hash, from wherever this machine's pip configuration says. The Python is
the newest that the tests run on, where it is there, else the one that runs this; `--this-python`
(`make core PYTHON=...`): this one.

The ways, in order: uv where it is on PATH; else `python3 -m venv`; else, where a Python has pip but no
ensurepip, pip's virtualenv in build/virtualenv. A second run with nothing changed ends at once.

Exit 0 ready, 1 the packages could not be installed, 2 something is missing on this machine (it is named).
Old Pythons (3.7 and newer) must be able to read this file, since finding a newer one is its work.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 11)
TESTED = "python3.13"  # the newest that is; the same work takes it a twentieth less than 3.11
THIS = "--this-python"
SETS = ("core", "web", "dev")  # each holds the one before it
LEAN = "web"  # without bytecode of what is never imported: a seventh less on the disk of a small server
NAMES = ("python3", *(f"python3.{minor}" for minor in range(16, OLDEST[1] - 1, -1)), "python")

# Prints: version is new enough, can make environments with pip inside, has pip.
PROBE = f"""
import sys
from importlib.util import find_spec as has
print(*map(int, (sys.version_info >= {OLDEST}, bool(has("venv") and has("ensurepip")), bool(has("pip")))))
"""

# uv reads none of pip's settings, so it gets them under its own names (lists: pip splits at blanks).
PIP_TO_UV = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_CERT": "SSL_CERT_FILE",
}


class SetupError(Exception):
    """One sentence: what is wrong and what to do, and the exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Python:
    """An interpreter that is new enough, and what it has on board."""

    path: str
    can_venv: bool
    has_pip: bool


def say(sentence: str) -> None:
    """Progress goes to stderr."""
    sys.stderr.write(f"set-up: {sentence}\n")
    sys.stderr.flush()


def environment() -> dict[str, str]:
    """The caller's environment, less the settings that would install elsewhere than into `.venv`."""
    env = {name: value for name, value in os.environ.items() if name not in ("PIP_TARGET", "PIP_PREFIX")}
    env.update(PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0", PIP_REQUIRE_HASHES="0")
    env.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore")
    for pip_name, uv_name in PIP_TO_UV.items():
        if pip_name in env:
            separator = "," if pip_name == "PIP_FIND_LINKS" else " "
            env.setdefault(uv_name, separator.join(env[pip_name].split()))
    return env


def ran(*command: str | Path, path: Path | None = None, quiet: bool = False) -> bool:
    """Runs a command with its output on stderr (or nowhere); True where it exited 0."""
    env = {**environment(), "PYTHONPATH": str(path)} if path else environment()
    out = subprocess.DEVNULL if quiet else 2
    try:
        return subprocess.run([str(part) for part in command], stdout=out, stderr=out, env=env).returncode == 0
    except OSError:
        return False


def look_at(path: str) -> Python | None:
    """None for what does not run, or is too old."""
    try:
        told = subprocess.run([path, "-c", PROBE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    words = told.stdout.split()
    if told.returncode != 0 or words[:1] != [b"1"]:
        return None
    return Python(path, can_venv=words[1] == b"1", has_pip=words[2] == b"1")


def pythons(this_one: bool) -> list[Python]:
    """TESTED wherever on PATH it is, then this interpreter, then others on PATH; this one first where it was asked for.
    The base of an active environment, never the environment."""
    this = getattr(sys, "_base_executable", sys.executable)
    tested = filter(None, (shutil.which(TESTED, path=folder) for folder in os.get_exec_path()))
    first = [this, *tested] if this_one else [*tested, this]
    paths = [*first, *filter(None, map(shutil.which, NAMES))]
    return [python for python in map(look_at, dict.fromkeys(paths)) if python]


class Checkout:
    """The folder that holds pyproject.toml, requirements/ and, after this, `.venv`."""

    def __init__(self, root: Path) -> None:
        self.root, self.venv = root, root / ".venv"
        self.python = self.venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        self.stamp = self.venv / "talkpath-setup.json"

    def digest(self) -> str:
        """Changes with everything that the installed environment follows from."""
        files = [self.root / "pyproject.toml", *(self.root / "requirements" / f"{name}.txt" for name in SETS)]
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()

    def stamped(self) -> dict[str, str]:
        """What the last finished set-up wrote, or nothing."""
        try:
            found = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def is_ready(self, wanted: str) -> bool:
        """True where a set-up of this set, or of one that holds it, was finished here and nothing changed."""
        stamp = self.stamped()
        enough = stamp.get("set") in SETS[SETS.index(wanted) :]
        here = stamp.get("root") == str(self.root) and self.python.exists()
        return enough and here and stamp.get("digest") == self.digest()

    def write_stamp(self, wanted: str) -> None:
        """Last of all, so that an interrupted set-up is done again."""
        stamp = {"set": wanted, "root": str(self.root), "digest": self.digest()}
        self.stamp.write_text(json.dumps(stamp), encoding="utf-8")

    def keep_or_clear(self, needs: str) -> bool:
        """True where the environment there can be used: not moved, new enough, with `needs` importable."""
        works = f"import sys, {needs}; sys.exit(sys.version_info < {OLDEST})"
        moved = self.stamped().get("root", str(self.root)) != str(self.root)
        if not moved and ran(self.python, "-c", works, quiet=True):
            return True
        if self.venv.exists():
            say("the .venv there cannot be used: making it anew")
            shutil.rmtree(self.venv)
        return False

    def install(self, installer: list[str | Path], wanted: str) -> bool:
        """The locked packages, then talkpath itself in place (its build tool is in the lock)."""
        lock = self.root / "requirements" / f"{wanted}.txt"
        say(f"installing the packages of requirements/{wanted}.txt, checked against their hashes")
        done = ran(*installer, "--quiet", "--require-hashes", "-r", lock) and ran(
            *installer, "--quiet", "--no-deps", "--no-build-isolation", "-e", self.root
        )
        if done:  # so that no command has to translate the sources first, where it may not keep the result
            ran(self.python, "-m", "compileall", "-q", self.root / "src", quiet=True)
        return done


def with_uv(checkout: Checkout, found: list[Python], lean: bool = False) -> list[str | Path] | None:
    """The command that installs, after an environment was made with uv; None where that cannot be."""
    uv = shutil.which("uv")
    if not uv:
        return None
    python = found[0].path if found else ">=" + ".".join(map(str, OLDEST))
    if not checkout.keep_or_clear(needs="os"):
        say(f"making .venv with uv and Python {python}")
        if not ran(uv, "venv", "--quiet", "--python", python, checkout.venv):
            return None
    return [uv, "pip", "install", *([] if lean else ["--compile-bytecode"]), "--python", checkout.python]


def with_pip(checkout: Checkout, found: list[Python], lean: bool = False) -> list[str | Path] | None:
    """The same with pip: `venv` where a Python can, else pip's virtualenv."""
    made = bool(found) and checkout.keep_or_clear(needs="pip")
    for python in found:
        made = made or (python.can_venv and made_by_venv(checkout, python))
    for python in found:
        made = made or (python.has_pip and made_by_virtualenv(checkout, python))
    return [checkout.python, "-m", "pip", "install", *(["--no-compile"] if lean else [])] if made else None


def made_by_venv(checkout: Checkout, python: Python) -> bool:
    """An environment with pip inside, by the standard library."""
    say(f"making .venv with {python.path} -m venv")
    return ran(python.path, "-m", "venv", "--clear", checkout.venv)


def made_by_virtualenv(checkout: Checkout, python: Python) -> bool:
    """An environment with pip inside, by virtualenv, which pip first puts into a folder of this checkout."""
    tool = checkout.root / "build" / "virtualenv"
    lock = checkout.root / "requirements" / "virtualenv.txt"
    say(f"{python.path} has pip but no ensurepip: making .venv with virtualenv in build/virtualenv")
    pip = (python.path, "-m", "pip", "install", "--quiet", "--upgrade")
    return ran(*pip, "--target", tool, "--require-hashes", "-r", lock) and ran(
        *(python.path, "-m", "virtualenv", "--quiet", "--clear", "--no-download", checkout.venv), path=tool
    )


def set_up(checkout: Checkout, wanted: str, this_python: bool = False) -> None:
    """Makes the environment and installs into it, the first way that works; SetupError where none does."""
    if checkout.is_ready(wanted):
        return
    found, tried = pythons(this_python), False
    for way in (with_uv, with_pip):
        installer = way(checkout, found, wanted == LEAN)
        if installer and checkout.install(installer, wanted):
            checkout.write_stamp(wanted)
            say("ready: .venv/bin/talkpath")
            return
        tried = tried or installer is not None
    raise failure(found, tried)


def failure(found: list[Python], tried: bool) -> SetupError:
    """Why no way worked, as one sentence with the next step."""
    if tried:
        return SetupError(
            "the packages could not be installed (the lines above say why): "
            "check the network and pip's settings, then run this again",
            1,
        )
    if not found:
        oldest = ".".join(map(str, OLDEST))
        return SetupError(f"there is no Python {oldest} or newer here: install one, or uv, and run this again", 2)
    return SetupError(
        f"{found[0].path} cannot make an environment: it has neither ensurepip nor pip, and uv is not on PATH. "
        "Install one package, python3-venv (apt install python3-venv), and run this again",
        2,
    )


def main(arguments: list[str]) -> int:
    """The exit code."""
    this_python = arguments[-1:] == [THIS]
    wanted, *more = arguments[: -1 if this_python else None] or ["core"]
    if more or wanted not in SETS:
        say(f"usage: python3 scripts/setup.py [{'|'.join(SETS)}] [{THIS}]")
        return 2
    try:
        set_up(Checkout(Path(__file__).resolve().parents[1]), wanted, this_python)
    except SetupError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted; running it again goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
