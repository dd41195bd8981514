"""Backgrounds: networks that treat calls like everything else, and are bad in ways of their own.

One file a kind: every module here that has a `KIND` is one, and adding one is adding a file. Ranges from which a run
draws what was not given are those of facts/probe-stats.md section 3 where it has them, else plausible for access
networks of 2025 (said in the file).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.lab.backgrounds.background import DELAY_MS, JITTER_MS, Background, Kind
from talkpath.lab.parameters import known, read, split


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by id."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    all_of_them = (module.KIND for module in modules if hasattr(module, "KIND"))
    return {kind.id: kind for kind in sorted(all_of_them, key=lambda kind: kind.id)}


def parse_background(text: str) -> Background:
    """The background that `text` stands for, as `ge,loss=0.05`; `UsageError` names what there is."""
    name, given = split(text, "background")
    kind = kinds()[known(name, kinds(), "background")]
    return Background(kind, read(given, (*kind.parameters, DELAY_MS, JITTER_MS), f"background {name}"))
