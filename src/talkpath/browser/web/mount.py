"""Adds the check in a browser to another web application, as an observatory does.

    check = Mount(host, udp_port, issuer, others)
    application(observatory, check.routes)
    async with check.running(): serve

The far end runs in a process of its own. A result may be shared with the server that mounts it (spec/tp-006).
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from talkpath.browser import require_packages
from talkpath.browser.addresses import ANY_ADDRESSES, own_addresses
from talkpath.browser.far_end.far_end_group import FarEndGroup
from talkpath.browser.turn_relay import TurnRelay, start_relay
from talkpath.browser.web.check_messages import OperatorOf, Others, no_operator, no_others
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.browser.web.routes import starlette_routes
from talkpath.serving.supervisor import Supervisor

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

HERE = "here"  # how the page names the server that it came from


class Mount:
    """The routes, and the processes behind them. `UsageError` if a package is missing."""

    def __init__(
        self,
        host: str,
        udp: Sequence[int],
        issuer: ReceiptIssuer,
        others: Others = no_others,
        operator: OperatorOf = no_operator,
    ) -> None:
        require_packages()
        self._host = host
        self._far_ends = FarEndGroup(host, udp)
        self._relay = TurnRelay("")
        self.routes: list[BaseRoute] = starlette_routes(
            self._far_ends.running,
            issuer,
            relay=lambda: self._relay,
            share=HERE,
            others=others,
            operator=operator,
            address="" if host in ANY_ADDRESSES else host,
            count=len(self._far_ends.ports),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the far end and the relay for the block. `UsageError` if the UDP port is taken."""
        supervisor = Supervisor()
        await self._far_ends.start()
        try:
            self._relay = start_relay(own_addresses(self._host), secrets.token_hex(16))
            self._far_ends.keep(supervisor)
            supervisor.start("The TURN relay", self._relay.run)
            yield
        finally:
            await supervisor.stop()
            self._relay.stop()
            await self._far_ends.stop()
