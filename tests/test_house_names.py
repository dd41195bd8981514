"""Names of a module's functions and constants: each says its object, and a constant's name is its alone."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).parents[1] / "src" / "talkpath"

BY_CONVENTION = {
    *("APP", "SOURCES", "FEATURES", "SEES", "ENCRYPTED", "BYTE_HINTS", "WRAPPINGS", "NETWORKS", "RELAY_PORTS"),  # apps
    *("RULE", "MECHANISM", "KIND", "SCHEMA"),  # rules, restrictors and backgrounds, formats
}
"""Constants that many modules have: where each is found by that name, in every file of its folder."""


TWICE = {
    "LEVEL",
    "MOST_READS",
}
"""What still stands in two places. Nothing is added here: a new constant gets a name of its own, or stands once."""

CONVENTIONS = {"command", "make", "recognise", "explain", "draw", "main"}
"""Functions that a registry or a folder's readers find by that name."""

ONE_WORD = {
    *("apps", "shapes", "big16", "big32", "big64", "farewells", "midranks", "networks", "propositions", "suggestions"),
    *("capitalised", "element", "explanation", "printable", "rejudge", "compress", "decompress", "screen", "forget"),
    *("numeral", "percent", "seconds", "milliseconds", "kilobits", "megabytes"),  # amounts, in words
    *("count", "isolated", "language", "listed", "say", "speaking", "spoken"),  # report/words/language.py
    *("check", "endpoints", "judge", "listen", "simulate", "verify"),  # what `import talkpath` offers
    *("cli", "country", "locate"),  # commands
}
"""Words that tell the object by themselves."""


def module_statements() -> Iterator[tuple[Path, ast.stmt]]:
    """Every statement at the top level of a module of the product."""
    for path in sorted(SRC.rglob("*.py")):
        yield from ((path, node) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def is_setting(value: ast.expr | None) -> bool:
    """Whether a constant is a parameter of a restrictor or a background, whose name is its key there."""
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Setting"


def test_a_constant_has_its_name_alone():
    places: dict[str, list[Path]] = defaultdict(list)
    for path, node in module_statements():
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and not is_setting(node.value):
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            for name in names:
                if name.isupper() and not name.startswith("_"):
                    places[name].append(path)
    assert len(places) > 1000
    again = {name for name, found in places.items() if len(found) > 1}
    assert again - BY_CONVENTION - TWICE == set()
    assert TWICE - again == set(), "these stand once now: take them out of TWICE"


def test_a_function_says_its_object():
    """By two words or more; by one where a convention completes it, or where it is a noun or a unit that tells all."""
    functions = [(path, node) for path, node in module_statements() if isinstance(node, ast.FunctionDef)]
    assert len(functions) > 2000
    short = {node.name for _, node in functions if "_" not in node.name}
    assert short - CONVENTIONS - ONE_WORD == set()
