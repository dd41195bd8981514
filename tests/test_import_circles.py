"""No module needs itself to be imported: the graph of imports, those for type checkers included, has no circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
Graph = Mapping[str, set[str]]


def modules(source: Path) -> dict[str, Path]:
    """Every module and package below a folder, by its dotted name."""
    named = {".".join(path.relative_to(source).with_suffix("").parts): path for path in source.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


def imported(path: Path) -> Iterator[str]:
    """What a module imports anywhere in it: in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by a relative path"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph(source: Path) -> dict[str, set[str]]:
    """Module -> modules that it imports. A name that is no module counts as the module that defines it."""
    known = modules(source)

    def module_of(name: str) -> str:
        while name and name not in known:
            name = name.rpartition(".")[0]
        return name

    return {name: {module_of(each) for each in imported(path)} - {"", name} for name, path in known.items()}


def circles(imports: Graph) -> list[list[str]]:
    """The modules of each circle. What nothing remaining imports, or what imports nothing remaining, is in none."""
    left = {name: set(others) for name, others in imports.items()}
    while outer := [name for name, others in left.items() if not others & left.keys()]:
        for name in outer:
            del left[name]
    found: list[list[str]] = []
    for name in sorted(left):
        members = {each for each in reached(left, name) if name in reached(left, each)}
        if members and sorted(members) not in found:
            found.append(sorted(members))
    return found


def reached(imports: Graph, name: str) -> set[str]:
    """All modules that importing one leads to."""
    seen: set[str] = set()
    new = {name}
    while new:
        new = {other for each in new for other in imports[each] if other in imports} - seen
        seen |= new
    return seen


def test_imports_form_no_circle() -> None:
    assert circles(graph(SOURCE)) == []


def test_a_circle_is_found_whatever_hides_it(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from package import two\n")
    (package / "two.py").write_text("def late():\n    import package.three\n")
    (package / "three.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package.one import name\n"
    )
    (package / "four.py").write_text("import package.one\n")
    assert circles(graph(tmp_path)) == [["package.one", "package.three", "package.two"]]
