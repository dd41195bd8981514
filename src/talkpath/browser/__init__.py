"""The check in a browser: the page that a phone opens, and the far end that it calls (basis `webrtc`).

Read in this order: `web` (the server of the page), `page` (its scripts), `far_end` (the measuring, in a process of its
own), `webrtc` (its engine of calls), `answer` (what a person is told), `turn_relay` (the other paths), `addresses`,
`certificate`. `web.routes` is what a server mounts. Facts are made in `far_end.counts_to_facts`; `talkpath.verdict`
judges them. Needs `talkpath[web]`, which nothing imports before it is used.
"""

from __future__ import annotations

from talkpath.errors import UsageError

NEEDED = ("acme", "aiortc", "aioquic", "OpenSSL", "pylibsrtp", "starlette", "uvicorn", "websockets")


def require_packages() -> None:
    """Raise `UsageError` if a package of the extra is missing."""
    from importlib.util import find_spec

    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise UsageError(f"The check in a browser needs {missing[0]}: install talkpath[web]; in a checkout `make web`.")
