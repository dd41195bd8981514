"""Backgrounds: ordinary network impairments, which treat calls like all other traffic.

Read `background` first; every other module here that has a `KIND` is one kind, registered by its file. A setting that
was not given is drawn from a range that is plausible for access networks of 2025; its file gives the reason for unusual
ranges.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.lab.backgrounds.background import DELAY_MS, JITTER_MS, Background, BackgroundKind
from talkpath.lab.parameters import known_name, read_settings, split_settings


@cache
def background_kinds() -> dict[str, BackgroundKind]:
    """Returns all kinds by id."""
    modules = (import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__))
    kinds = (module.KIND for module in modules if hasattr(module, "KIND"))
    return {kind.id: kind for kind in sorted(kinds, key=lambda kind: kind.id)}


def parse_background(text: str) -> Background:
    """Parses `ge,loss=0.05`; `UsageError` lists the kinds or settings that exist."""
    name, given = split_settings(text, "background")
    kind = background_kinds()[known_name(name, background_kinds(), "background")]
    return Background(kind, read_settings(given, (*kind.parameters, DELAY_MS, JITTER_MS), f"background {name}"))
