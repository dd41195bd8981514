"""An observatory as a process: the application on a socket, until it is told to end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable

from talkpath.errors import UsageError
from talkpath.observatory.index.store import NEEDS
from talkpath.observatory.server import Observatory, Place, application, known_apps

BACKLOG = 256
AT_ONCE = 1000  # connections
IDLE_S = 10


def bind(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its URL; `UsageError` where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        opened = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError:
        raise UsageError(f"Port {port} of that address cannot be had; name another with --port or --host.") from None
    shown = f"[{host}]" if ":" in host else host
    return opened, f"http://{shown}:{opened.getsockname()[1]}/"


def serve(place: Place, simulated: bool, stopped: frozenset[str], opened: socket.socket,
          ready: Callable[[], None]) -> None:  # fmt: skip
    """Serve until SIGINT or SIGTERM; `ready` is called once everything is open."""
    try:
        import uvicorn
    except ImportError:
        raise UsageError(NEEDS) from None
    from talkpath.observatory.intake.desk import Settings

    observatory = Observatory(place, Settings(simulated=simulated, stopped=stopped, apps=known_apps()))
    try:
        config = uvicorn.Config(
            application(observatory),
            log_level="warning",
            access_log=False,  # it would hold addresses
            server_header=False,
            limit_concurrency=AT_ONCE,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=IDLE_S,
        )
        server = uvicorn.Server(config)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        ready()
        asyncio.run(server._serve([opened]))  # serve() would raise the signal again, before anything is closed
    finally:
        observatory.close()
        opened.close()
