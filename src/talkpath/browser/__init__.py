"""The check in a browser: the page that a phone opens, and the far end that it calls (basis `webrtc`).

Contract: `web.routes` is what a server mounts; the far end runs in a process of its own (`far`). Measuring is in
`call`, `twin`, `port` and the page; facts are made in `observe`; verdicts are `talkpath.verdict`'s alone. Needs
`talkpath[rtc]`, which nothing imports before it is used.
"""

from __future__ import annotations

from talkpath.errors import UsageError

NEEDED = ("acme", "aiortc", "aioquic", "starlette", "uvicorn", "websockets")


def require() -> None:
    """Raise `UsageError` where a package of the extra is missing."""
    from importlib.util import find_spec

    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"The check in a browser needs {missing[0]}: `make dev` in a checkout installs it.")
