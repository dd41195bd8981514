"""talkpath measures whether somebody restricts calls on a network, by which mechanism, and how sure that is.

The names in `__all__` are the public Python interface (docs/python.md); every other name may change. They are loaded
when they are first used, so that `import talkpath` and the command line start quickly.

Order in which to read the packages: `errors`, `serving`, `wire`, `apps`, `measure`, `experiment`, `verdict`, `probe`
and `responder`, `capture`, `conduct`, `evidence`, `report`, `lab`, `browser`, `observatory`, `api`, `cli`. Imports
point from later packages to earlier ones only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from talkpath.version import VERSION as __version__

if TYPE_CHECKING:
    from talkpath.api.asked_endpoints import EndpointResult as EndpointResult
    from talkpath.api.asked_endpoints import endpoint_plan as endpoint_plan
    from talkpath.api.asked_endpoints import endpoints as endpoints
    from talkpath.api.bundle_files import Bundle as Bundle
    from talkpath.api.bundle_files import read_bundle as read_bundle
    from talkpath.api.check_result import Result as Result
    from talkpath.api.lab_check import simulate as simulate
    from talkpath.api.live_check import CheckProgress as CheckProgress
    from talkpath.api.live_check import check as check
    from talkpath.api.live_recording import listen as listen
    from talkpath.api.recording import Recording as Recording
    from talkpath.api.recording import read_capture as read_capture
    from talkpath.api.stored_verdicts import Judgement as Judgement
    from talkpath.api.stored_verdicts import judge as judge
    from talkpath.api.verification import Verification as Verification
    from talkpath.api.verification import verify as verify
    from talkpath.errors import BundleError as BundleError
    from talkpath.errors import FileError as FileError
    from talkpath.errors import PeerError as PeerError
    from talkpath.errors import TalkpathError as TalkpathError
    from talkpath.errors import UsageError as UsageError
    from talkpath.errors import WireError as WireError

_MODULES = {
    "Bundle": "api.bundle_files",
    "BundleError": "errors",
    "CheckProgress": "api.live_check",
    "EndpointResult": "api.asked_endpoints",
    "FileError": "errors",
    "Judgement": "api.stored_verdicts",
    "PeerError": "errors",
    "Recording": "api.recording",
    "Result": "api.check_result",
    "TalkpathError": "errors",
    "UsageError": "errors",
    "Verification": "api.verification",
    "WireError": "errors",
    "check": "api.live_check",
    "endpoint_plan": "api.asked_endpoints",
    "endpoints": "api.asked_endpoints",
    "judge": "api.stored_verdicts",
    "listen": "api.live_recording",
    "read_bundle": "api.bundle_files",
    "read_capture": "api.recording",
    "simulate": "api.lab_check",
    "verify": "api.verification",
}
"""Public name -> the module that defines it."""

__all__ = [
    "Bundle",
    "BundleError",
    "CheckProgress",
    "EndpointResult",
    "FileError",
    "Judgement",
    "PeerError",
    "Recording",
    "Result",
    "TalkpathError",
    "UsageError",
    "Verification",
    "WireError",
    "__version__",
    "check",
    "endpoint_plan",
    "endpoints",
    "judge",
    "listen",
    "read_bundle",
    "read_capture",
    "simulate",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted(__all__)
