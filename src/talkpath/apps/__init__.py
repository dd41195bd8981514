"""One file an app: its shapes (imitation), its recogniser, and where each fact comes from.

Every module here that has an `APP` is an app; adding one is adding a file.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from talkpath.apps.shape import App, Arm, Shape


@cache
def apps() -> dict[str, App]:
    """All apps by id, in order of their id."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    known = (module.APP for module in modules if hasattr(module, "APP"))
    return {app.id: app for app in sorted(known, key=lambda app: app.id)}


@cache
def shapes() -> dict[Arm, Shape]:
    """All arms that can be imitated."""
    return {shape.arm: shape for app in apps().values() for shape in app.shapes}
