"""The restrictor: rules that drop or delay packets, as published reports describe middleboxes.

Read `mechanism` first (what a mechanism and a rule are, how settings are drawn), then `app_networks` (addresses that a
rule may be bound to), `flow`, and `engine` (applies the rules, each at its hop). Every other
module here that has a `MECHANISM` is one mechanism, registered by its file; their ids and sources (M01 to M21) are
listed in spec/tp-002. The restrictor acts only on packets that it is given: it opens no socket and no interface.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.lab.parameters import Setting, known_name, read_settings, split_settings
from talkpath.lab.restrictor.mechanism import APP, BOUND, HOP, MEDIUM, TIMETABLE, TO, LabRule, Mechanism


@cache
def mechanism_kinds() -> dict[str, Mechanism]:
    """Returns all mechanisms by id."""
    modules = (import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__))
    all_mechanisms = (module.MECHANISM for module in modules if hasattr(module, "MECHANISM"))
    return {mechanism.id: mechanism for mechanism in sorted(all_mechanisms, key=lambda m: m.id)}


def parse_rule(text: str) -> LabRule:
    """Parses `media.drop,app=telegram,direction=up,p=0.3`.

    `UsageError` names what is unknown, and lists the mechanisms or settings that exist.
    """
    name, given = split_settings(text, "rule")
    mechanism = mechanism_kinds()[known_name(name, mechanism_kinds(), "rule")]
    values = read_settings(given, _rule_settings(mechanism, bound=given.get("to") == "app"), f"rule {name}")
    defaults = {p.name: p.default for p in mechanism.parameters if p.default is not None}
    conditions = [p for p in mechanism.parameters if p.default is None and p not in (APP, MEDIUM)]
    if not any(p.name in values for p in conditions):
        defaults |= mechanism.otherwise
    return LabRule(mechanism, {**defaults, **values})


def _rule_settings(mechanism: Mechanism, *, bound: bool) -> tuple[Setting, ...]:
    """Every setting that a rule of the mechanism takes; more where it is bound to an app's addresses."""
    own = {setting.name for setting in mechanism.parameters}
    further = (TO, *(BOUND if bound else ()), *TIMETABLE, HOP)
    return (*mechanism.parameters, *(setting for setting in further if setting.name not in own))
