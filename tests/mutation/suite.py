"""Tests of the suite by file and name, to be called like any function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).parents[1]


def check(file: str, name: str, *arguments: object) -> Callable[[], None]:
    """`tests/<file>::<name>`; `arguments` are those of one of its parametrised cases."""
    test = getattr(_module(file), name)
    return lambda: test(*arguments)


@cache
def _module(file: str) -> ModuleType:
    path = TESTS / file
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # for what the tests of a folder share
    spec = spec_from_file_location(f"suite.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
