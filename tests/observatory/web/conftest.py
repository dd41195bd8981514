"""The pages of a made-up country on a real socket, for all tests of this folder."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from factories.observatories import memory_index
from talkpath.observatory.web.routes import page_routes
from talkpath.observatory.web.site import Site


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """The address of observatories: a simulated one at /, one that is not at /real, an empty one at /new, one whose
    index does not answer at /down, one of many networks at /crowd, one of three countries at /world, and one of a
    network with all apps at /full."""
    site = Site(
        today=lambda: memory_index.TODAY,
        operators=lambda: memory_index.OPERATORS,
        report=memory_index.SHARED.get,
        servers=memory_index.directory_summary,
    )
    real, new = page_routes(memory_index.one_country(simulated=False), site), page_routes(memory_index.Memory([]), site)
    simulated = page_routes(memory_index.one_country(), site)
    unnamed = Site(today=lambda: memory_index.TODAY)
    mounts = {
        "/real": real,
        "/new": new,
        "/down": page_routes(memory_index.Down([]), site),
        "/crowd": page_routes(memory_index.many_networks(), site),
        "/world": page_routes(memory_index.three_countries(), unnamed),
        "/full": page_routes(memory_index.one_full_network(), site),
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
