"""`make mutants`: changes are drawn from a seed, each changes something, and a test that looks finds it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mutants

TEXT = """
def within(value: int, low: int, high: int) -> bool:
    if not value:
        return False
    return low <= value and value < high + 1
"""


def every_change() -> list[mutants.Mutant]:
    return list(mutants.places(Path("src", "talkpath", "verdict", "within.py"), ast.parse(TEXT)))


def test_each_change_is_another_program() -> None:
    changed = [mutants.mutated_text(TEXT, mutant) for mutant in every_change()]
    assert len(set(changed)) == len(changed) > 5
    assert ast.unparse(ast.parse(TEXT)) not in changed
    for text in changed:
        compile(text, "within.py", "exec")


def test_comparisons_ands_signs_and_negations_are_among_them() -> None:
    words = {mutant.what for mutant in every_change()}
    assert "low <= value  ->  low < value" in words
    assert "high + 1  ->  high - 1" in words
    assert "not value  ->  value" in words
    assert any("or value < high + 1" in word for word in words)


def test_a_seed_always_draws_the_same() -> None:
    first, again, other = (mutants.drawn_mutants(["experiment"], 5, seed) for seed in (3, 3, 4))
    assert first == again != other
    assert {mutant.room for mutant in first} == {"experiment"}


def test_the_nearest_tests_come_first() -> None:
    mutant = mutants.Mutant(Path("src/talkpath/verdict/rules/udp_freeze.py"), 1, 0, "")
    assert mutants.tests_of(mutant) == [
        ["tests/verdict/rules/test_udp_freeze.py"],
        ["tests/verdict/rules"],
        ["tests/verdict"],
    ]


@pytest.mark.long
@pytest.mark.parametrize(("what", "found"), [("value < high + 1", True), ("never", False)])
def test_a_change_is_found_where_a_test_fails(
    what: str, found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, tests = tmp_path / "src/talkpath/room", tmp_path / "tests/room"
    source.mkdir(parents=True)
    tests.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (source / "within.py").write_text(TEXT + "\n\ndef never() -> bool:\n    return 1 > 2\n")
    (tests / "test_within.py").write_text(
        f"import sys; sys.path.insert(0, {str(source)!r})\nfrom within import within\n\n"
        "def test_bounds():\n    assert [within(value, 1, 3) for value in (0, 1, 3, 4)] == [False, True, True, False]\n"
    )
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    file = Path("src", "talkpath", "room", "within.py")
    every = mutants.places(file, ast.parse((tmp_path / file).read_text()))
    chosen = next(one for one in every if (what if found else "1 > 2") in one.what)
    before = (tmp_path / file).read_text()
    assert mutants.is_found(tmp_path, chosen, 60.0) is found
    assert (tmp_path / file).read_text() == before
