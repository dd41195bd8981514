"""The rules: one file each, found by being here. A rule id outside this registry is a bug.

Every module here that has a `RULE` is a rule; adding a mechanism is adding a file (and one in lab/restrictor).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.verdict.model import State
from talkpath.verdict.rules.rule import Rule

VERSION = 6  # of the registry: goes up with every change that can change a verdict


@cache
def rules() -> dict[str, Rule]:
    """All rules by id, in order of their id."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    known = (module.RULE for module in modules if hasattr(module, "RULE"))
    return {rule.id: rule for rule in sorted(known, key=lambda rule: rule.id)}


def rules_of(state: State) -> list[Rule]:
    """The rules that name this state."""
    return [rule for rule in rules().values() if rule.state == state]
