"""Print the test files that a change can reach: those that import what was changed, directly or through others.

    python scripts/changed_tests.py HEAD~1      # what differs from that commit, and what is not committed

A file that is no module (a page, data of a test) counts for the tests whose text names it. The tests of the whole
repository (tests/test_*.py) are always among them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOTS = ("src", "scripts", "tests", ".")  # where modules are found by name, the first that has it


def changed_files(commit: str) -> set[str]:
    """Paths that differ from the commit, those that are not committed yet included."""
    commands = (["diff", "--name-only", commit], ["ls-files", "--others", "--exclude-standard"])
    return {
        line
        for command in commands
        for line in subprocess.run(
            ["git", *command], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    }


def modules() -> dict[str, Path]:
    """Every module of the repository by its dotted name."""
    found: dict[str, Path] = {}
    for folder in ROOTS:
        tops = ("bench", "proof") if folder == "." else (".",)
        for path in (path for top in tops for path in sorted((ROOT / folder / top).rglob("*.py"))):
            name = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts).removesuffix(".__init__")
            found.setdefault(name, path)
    return found


def imported_names(path: Path) -> Iterator[str]:
    """What a module imports anywhere in it, and each dotted name of ours in its texts (a program that is started)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reaching(changed: set[Path], known: dict[str, Path]) -> set[Path]:
    """The files from which imports lead to a changed one, those themselves included."""

    def file_of(name: str) -> Path | None:
        while name and name not in known:
            name = name.rpartition(".")[0]
        return known.get(name)

    importers: dict[Path, set[Path]] = {}
    for path in known.values():
        for target in {file_of(name) for name in imported_names(path)} - {None, path}:
            assert target is not None
            importers.setdefault(target, set()).add(path)
    found, new = set(changed), set(changed)
    while new:
        new = {importer for path in new for importer in importers.get(path, ())} - found
        found |= new
    return found


def tests_of_change(names: set[str]) -> list[str]:
    """Paths of test files, in order."""
    known = modules()
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    changed = {ROOT / name for name in names if name.endswith(".py")}
    if any(Path(name).name in ("conftest.py", "pyproject.toml") for name in names):
        return [str(path.relative_to(ROOT)) for path in tests]
    picked = reaching(changed, known) | {path for path in tests if path.parent == ROOT / "tests"}
    others = [Path(name).name for name in names if not name.endswith(".py")]
    picked |= {path for path in tests if any(name in path.read_text(encoding="utf-8") for name in others)}
    return [str(path.relative_to(ROOT)) for path in tests if path in picked]


if __name__ == "__main__":
    sys.stdout.write("\n".join(tests_of_change(changed_files(sys.argv[1] if len(sys.argv) > 1 else "HEAD"))) + "\n")
