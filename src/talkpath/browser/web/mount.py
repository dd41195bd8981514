"""/check beside other routes: what an observatory adds to its own application.

    check = Mount(host, udp_port, witness, others)
    application(observatory, check.routes)
    async with check.running(): serve

The far end runs in a process of its own; a result may be shared with the server that mounts it (spec/tp-006).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from talkpath.browser import require, turn
from talkpath.browser.addresses import ANY, own_addresses
from talkpath.browser.far_end import process
from talkpath.browser.web import app
from talkpath.browser.witness import Witness

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

HERE = "here"  # the page's word for the server that it came from


class Mount:
    """The routes, and what must run behind them. `UsageError` where a package is missing."""

    def __init__(self, host: str, udp: int, witness: Witness, others: app.Others = app.nobody) -> None:
        require()
        self._host, self._udp = host, udp
        self._end: process.FarEnd | None = None
        self._relay = turn.Relay("")
        self.routes: list[BaseRoute] = app.routes(
            self._far,
            witness,
            relay=lambda: self._relay,
            share=HERE,
            others=others,
            address="" if host in ANY else host,
        )

    def _far(self) -> process.FarEnd:
        assert self._end is not None  # nobody is served before `running`
        return self._end

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The far end and the relay run as long as this lasts. `UsageError` where the UDP port is taken."""
        self._end = await process.start(self._host, self._udp)
        try:
            self._relay = turn.start(own_addresses(self._host), secrets.token_hex(16))
            yield
        finally:
            self._relay.stop()
            await self._end.stop()
