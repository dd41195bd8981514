"""The restrictor: rules that drop or delay packets, as published middleboxes are said to.

One file a mechanism: every module here that has a `MECHANISM` is one, and adding one is adding a file.
It acts on packets handed to it and on nothing else: there is no netfilter, no interface and no socket here.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.lab.parameters import known, read, split
from talkpath.lab.restrictor.mechanism import APP, MEDIUM, Mechanism, Rule


@cache
def mechanisms() -> dict[str, Mechanism]:
    """All mechanisms by id."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    all_of_them = (module.MECHANISM for module in modules if hasattr(module, "MECHANISM"))
    return {mechanism.id: mechanism for mechanism in sorted(all_of_them, key=lambda m: m.id)}


def parse_rule(text: str) -> Rule:
    """The rule that `text` stands for, as `media.drop,app=telegram,direction=up,p=0.3`.

    `UsageError` names what is unknown and what there is.
    """
    name, given = split(text, "rule")
    mechanism = mechanisms()[known(name, mechanisms(), "rule")]
    values = read(given, mechanism.parameters, f"rule {name}")
    defaults = {p.name: p.default for p in mechanism.parameters if p.default is not None}
    conditions = [p for p in mechanism.parameters if p.default is None and p not in (APP, MEDIUM)]
    if not any(p.name in values for p in conditions):
        defaults |= mechanism.otherwise
    return Rule(mechanism, {**defaults, **values})
