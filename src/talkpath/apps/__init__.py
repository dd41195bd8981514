"""One file or folder an app: its shapes (imitation), its recogniser, and where each fact comes from.

Every module here that has an `APP` is an app; adding one is adding a file. What an app file may define: `APP`,
`FEATURES` and `recognise` (`contract.flow_view`), `BYTE_HINTS`, `WRAPPINGS` and `SEES` (`contract.byte_hint`),
`NETWORKS` (of its servers, as text), `RELAY_PORTS` (by which a hint of its recogniser names a call), `STUN_ANSWERS` and
`STUN_INDICATIONS` (message types of its own that do not follow STUN's classes) and `ENCRYPTED` (is its media encrypted,
where nothing in the packets tells).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from talkpath.apps.contract.shape import App, Arm, Shape
from talkpath.errors import UsageError


@cache
def app_modules() -> dict[str, ModuleType]:
    """All app files, by the app's id, which is the name of the file or folder."""
    modules = {found.name: import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)}
    return {name: module for name, module in modules.items() if hasattr(module, "APP")}


_added: dict[str, App] = {}
"""Apps whose shape was read from a file, while a command runs."""


@cache
def apps() -> dict[str, App]:
    """All apps by id, in order of their id."""
    known = {name: module.APP for name, module in app_modules().items()} | _added
    return dict(sorted(known.items()))


@contextmanager
def added_app(app: App) -> Iterator[None]:
    """Have one app more. `UsageError` where its id is another app's."""
    if app.id in apps():
        raise UsageError(f"An app is called {app.id} already; choose another id.")
    _change_apps(lambda: _added.update({app.id: app}))
    try:
        yield
    finally:
        _change_apps(lambda: _added.pop(app.id))


def _change_apps(change: Callable[[], object]) -> None:
    change()
    apps.cache_clear()
    shapes.cache_clear()


def app_id(name: str) -> str:
    """The id of the app that a person names by its id or its name, in capitals or not: "WhatsApp", "google meet".

    "WhatsApp/relay60" names a variant too. A name that no app has is returned as it is.
    """
    own, slash, variant = name.partition("/")
    known = {word.casefold(): app.id for app in apps().values() for word in (app.name, app.id)}
    found = known.get(own.strip().casefold())
    return name if found is None else f"{found}{slash}{variant.strip().casefold()}"


@cache
def shapes() -> dict[Arm, Shape]:
    """All arms that can be imitated."""
    return {shape.arm: shape for app in apps().values() for shape in app.shapes}
