"""talkpath measures whether somebody restricts calls on a network, by which mechanism, and how sure that is.

The public Python interface is `api/public_names.py` (docs/python.md); every other name may change. It is loaded when
one of its names is first used, so that `import talkpath` and the command line start quickly.

Order in which to read the packages: `errors`, `serving`, `wire`, `apps`, `measure`, `experiment`, `verdict`, `probe`
and `responder`, `capture`, `conduct`, `evidence`, `report`, `lab`, `browser`, `observatory`, `api`, `cli`. Imports
point from later packages to earlier ones only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from talkpath.version import VERSION

if TYPE_CHECKING:
    from talkpath.api.public_names import *  # noqa: F403 (each name is listed there, once)

    __all__: list[str]

__version__ = VERSION


def __getattr__(name: str) -> Any:
    """Load the public names on first use (PEP 562)."""
    if name.startswith("_") and name != "__all__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from talkpath.api import public_names

    public = {key: value for key, value in vars(public_names).items() if not key.startswith("_")}
    globals().update(public, __all__=[*sorted(public), "__version__"])
    if name not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return list(__getattr__("__all__"))
