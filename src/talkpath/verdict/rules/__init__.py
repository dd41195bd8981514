"""The rules: one mechanism per file. The registry finds them by their files; a rule id outside it is a bug.

Every module that has a `RULE` is a rule; a new mechanism is a new file (with a test, and one in lab/restrictor). `rule`
defines what a rule is, `best` chooses the one that explains an arm. `directions`, `set_up_stages`, `cut_offs`,
`blocked_calls` and `whole_network` hold code that rules share, `bucket_gains` that of
`media_police`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.verdict.model import State
from talkpath.verdict.rules.rule import Rule

REGISTRY_VERSION = 40  # of the registry: goes up with every change that can change a verdict


@cache
def all_rules() -> dict[str, Rule]:
    """Return all rules by id, in order of their id."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    known = (module.RULE for module in modules if hasattr(module, "RULE"))
    return {rule.id: rule for rule in sorted(known, key=lambda rule: rule.id)}


def rules_of(state: State) -> list[Rule]:
    """Return the rules that name this state."""
    return [rule for rule in all_rules().values() if rule.state == state]
