"""Change the code of src in small ways, one at a time, and say which changes the tests of the same room find.

    python scripts/mutants.py --rooms verdict,experiment --count 40 --seed 1     # `make mutants`
    python scripts/mutants.py --only src/talkpath/verdict/rules/udp_freeze.py:93

A change is a comparison, an `and`, a sign, a condition that is negated, a number by one, or a `min`: what a slip of the
hand would be. Which ones are tried is drawn from the seed, so a count can be reproduced. Each is made in a copy of the
checkout; the tests nearest to the file run first, then those of its room. A change that is not found need not be a
hole: some change nothing that anybody could see. Look at it before you write a test, and write a scenario, no echo.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path("src/talkpath")
SWAPPED: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


class Mutant(NamedTuple):
    """A change at a line of a file: the number of the changed node, and what was done, in words."""

    file: Path
    line: int
    node: int
    what: str

    @property
    def room(self) -> str:
        """The room of the file."""
        return self.file.relative_to(SOURCE).parts[0].removesuffix(".py")


def changed_node(node: ast.AST) -> ast.AST | None:
    """The node with one change in it; None where there is nothing to change."""
    new = copy.deepcopy(node)
    if isinstance(new, ast.Compare) and type(new.ops[0]) in SWAPPED:
        new.ops[0] = SWAPPED[type(new.ops[0])]()
    elif isinstance(new, ast.BoolOp | ast.BinOp) and type(new.op) in SWAPPED:
        new.op = SWAPPED[type(new.op)]()
    elif isinstance(new, ast.UnaryOp) and isinstance(new.op, ast.Not | ast.USub):
        return new.operand
    elif isinstance(new, ast.If | ast.IfExp | ast.While):
        new.test = ast.UnaryOp(ast.Not(), new.test)
    elif isinstance(new, ast.Call) and isinstance(new.func, ast.Name) and new.func.id in NAMES:
        new.func.id = NAMES[new.func.id]
    elif isinstance(new, ast.Constant) and type(new.value) is int and new.value in (0, 1, 2):
        new.value += 1
    else:
        return None
    return new


def places(file: Path, tree: ast.Module) -> Iterator[Mutant]:
    """Every change that can be made to the code of functions; types, decorators and asserts are left alone."""
    numbers = {id(node): number for number, node in enumerate(ast.walk(tree))}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in (each for statement in function.body for each in _code(statement)):
            if (new := changed_node(node)) is not None and isinstance(node, ast.expr | ast.stmt):
                yield Mutant(file, node.lineno, numbers[id(node)], f"{_short(node)}  ->  {_short(new)}")


def _code(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(
        node, ast.Assert | ast.Raise | ast.FunctionDef | ast.AsyncFunctionDef | ast.JoinedStr | ast.AnnAssign
    ):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _code(child)


def _short(node: ast.AST) -> str:
    return " ".join(ast.unparse(node.test if isinstance(node, ast.If | ast.While) else node).split())[:60]


def mutated_text(text: str, mutant: Mutant) -> str:
    """The file's text with that change."""
    tree = ast.parse(text)
    target = next(node for number, node in enumerate(ast.walk(tree)) if number == mutant.node)
    new = changed_node(target)
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is target:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(each is target for each in value):
                setattr(parent, name, [new if each is target else each for each in value])
    return ast.unparse(ast.fix_missing_locations(tree))


def drawn_mutants(rooms: list[str], count: int, seed: int) -> list[Mutant]:
    """So many changes of each room, drawn from the seed."""
    found: list[Mutant] = []
    for room in rooms:
        every = [
            mutant
            for file in sorted((ROOT / SOURCE / room).rglob("*.py"))
            for mutant in places(file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8")))
        ]
        found += random.Random(f"{seed} {room}").sample(every, min(count, len(every)))
    return found


def tests_of(mutant: Mutant) -> list[list[str]]:
    """The tests that run on a change, the nearest first: the file's own, then those of its folder, then of its room."""
    inner = mutant.file.relative_to(SOURCE)
    folder = Path("tests", *inner.parts[:-1])
    own = folder / f"test_{inner.stem}.py"
    rounds = [own, folder, Path("tests", mutant.room)]
    return [[str(path)] for path in dict.fromkeys(rounds) if (ROOT / path).exists()]


def is_found(checkout: Path, mutant: Mutant, limit_s: float) -> bool:
    """Whether a test fails in the copy once it has the change. A run that takes too long fails too."""
    file = checkout / mutant.file
    before = file.read_text(encoding="utf-8")
    file.write_text(mutated_text(before, mutant), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{checkout / 'src'}", "HYPOTHESIS_PROFILE": "quick"}
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not long", "-p", "no:cacheprovider", "-W", "ignore"]
    try:
        for tests in tests_of(mutant):
            done = subprocess.run([*argv, *tests], cwd=checkout, env=environment, capture_output=True, timeout=limit_s)
            if done.returncode == 1 or done.returncode == 2:
                return True
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_text(before, encoding="utf-8")


def copied_checkout(folder: Path) -> Path:
    """What the tests of a room need, without anything that was installed or built."""
    checkout = folder / "checkout"
    for name in (
        "src",
        "tests",
        "scripts",
        "proof",
        "bench",
        "docs",
        "spec",
        "examples",
        "scenarios",
        "pyproject.toml",
    ):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, checkout / name)
    return checkout


def main() -> None:
    """Try them one after the other, and print a line each and the counts of each room."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rooms", default="verdict,experiment", help="rooms, with commas between them")
    parser.add_argument("--count", type=int, default=20, help="changes of each room")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30.0, help="begin no change after so long")
    parser.add_argument("--only", default="", help="every change of FILE:LINE instead")
    options = parser.parse_args()
    if options.only:
        name, line = options.only.split(":")
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        mutants = [mutant for mutant in places(Path(name), tree) if mutant.line == int(line)]
    else:
        mutants = drawn_mutants(options.rooms.split(","), options.count, options.seed)
    raise SystemExit(try_all(mutants, 60.0 * options.minutes))


def try_all(mutants: list[Mutant], most_s: float) -> int:
    """The exit code: 1 where fewer than 85 of 100 were found."""
    tried, found, end_s = Counter[str](), Counter[str](), time.monotonic() + most_s
    with tempfile.TemporaryDirectory() as folder:
        checkout = copied_checkout(Path(folder))
        for mutant in mutants:
            if time.monotonic() > end_s:
                break
            seen = is_found(checkout, mutant, limit_s=300.0)
            tried[mutant.room] += 1
            found[mutant.room] += seen
            say(f"{'found' if seen else 'NOT FOUND':<10}{mutant.file}:{mutant.line}  {mutant.what}")
    for room in tried:
        say(f"{room}: {found[room]} of {tried[room]} found")
    if tried.total() < len(mutants):
        say(f"{len(mutants) - tried.total()} of the sample were not tried: the time was over (--minutes).")
    return int(found.total() < 0.85 * tried.total())


def say(line: str) -> None:
    """Print at once: a change takes its time."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
