"""The pages of a made-up country on a real socket, for all tests of this folder."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

sys.path.append(str(Path(__file__).parent))

import records

from talkpath.observatory.web.routes import routes
from talkpath.observatory.web.site import Site


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of observatories: a simulated one at /, one that is not at /real, an empty one at /new, one whose
    index does not answer at /down, one of many networks at /crowd, one of three countries at /world, and one of a
    network with all apps at /full."""
    site = Site(
        today=lambda: records.TODAY,
        operators=lambda: records.OPERATORS,
        report=records.SHARED.get,
        servers=records.directory,
    )
    real, new = routes(records.country(simulated=False), site), routes(records.Memory([]), site)
    simulated = routes(records.country(), site)
    unnamed = Site(today=lambda: records.TODAY)
    mounts = {
        "/real": real,
        "/new": new,
        "/down": routes(records.Down([]), site),
        "/crowd": routes(records.crowd(), site),
        "/world": routes(records.world(), unnamed),
        "/full": routes(records.full(), site),
    }
    app = Starlette(routes=[*(Mount(path, routes=found) for path, found in mounts.items()), *simulated])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
