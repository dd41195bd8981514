"""The routes of the check in a browser, all under /check: the page, its files, and the WebSocket of a check.

`routes(…)` is what `respond --web` serves and what an observatory mounts. Nothing of a check is stored.

Adds the check in a browser to a web application: an observatory's, or that of `respond --web`.

    check = Mount(host, udp_port, issuer, others)
    application(observatory, check.routes)
    async with check.running(): serve

The far end runs in a process of its own. A result may be shared with an observatory that mounts it (spec/tp-006).
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from talkpath.browser import require_packages
from talkpath.browser.addresses import ANY_ADDRESSES, own_addresses
from talkpath.browser.far_end.far_end_group import AT_A_TIME, FarEndGroup, FarEndPlaces
from talkpath.browser.far_end.far_end_process import FarEnd
from talkpath.browser.turn_relay import TurnRelay, start_relay
from talkpath.browser.web.admission_queue import MAX_PAGES, MAX_PER_BLOCK, AdmissionQueue, is_own_origin
from talkpath.browser.web.campaign_page import CampaignPage
from talkpath.browser.web.check_messages import (
    FULL,
    OperatorOf,
    Others,
    PageServices,
    no_operator,
    no_others,
    serve_check,
)
from talkpath.browser.web.page_files import file_response, page_response, qr_code_response
from talkpath.browser.web.paired_messages import serve_paired_call
from talkpath.browser.web.paired_room import PairedRooms
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.serving.connections import BlockPlaces
from talkpath.serving.supervisor import Supervisor
from talkpath.wire.control.campaign import Campaign

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket


def starlette_routes(
    far_ends: Callable[[], Sequence[FarEnd]],
    issuer: ReceiptIssuer,
    *,
    relay: Callable[[], TurnRelay] | None = None,
    share: str = "",
    others: Others = no_others,
    operator: OperatorOf = no_operator,
    address: str = "",
    count: int = 1,
    each: int = AT_A_TIME,
    campaign: Campaign | None = None,
) -> list[BaseRoute]:
    """Return all routes. `far_ends` and `relay` give what runs at the time of a check; `share`, `others`,
    `operator` and `address` are as in `PageServices`. There are `count` far ends, and `each` carries so many checks. A
    `campaign` has a page of its own."""
    from starlette.responses import JSONResponse
    from starlette.routing import Route, WebSocketRoute

    queue, places = AdmissionQueue(count * each), BlockPlaces(MAX_PAGES, MAX_PER_BLOCK)
    checks = FarEndPlaces(far_ends, each)
    rooms = PairedRooms()
    known = {"issuer": issuer, "share": share, "others": others, "operator": operator, "address": address}

    def services() -> PageServices:
        return PageServices(far_ends=checks, relay=relay() if relay else None, **known)  # type: ignore[arg-type]

    async def check(socket: WebSocket) -> None:
        await _serve_socket(socket, places, checks, lambda: serve_check(socket, queue, services()))

    async def together(socket: WebSocket) -> None:
        await _serve_socket(socket, places, checks, lambda: serve_paired_call(socket, rooms, services()))

    async def health(request: Request) -> Response:
        load = {"far_ends": len(far_ends()), "at_a_time": count * each, "checks": checks.taken, "waiting": len(queue)}
        return JSONResponse(load)

    page = CampaignPage(campaign) if campaign else None
    return [
        Route("/check", page.show_check if page else page_response),
        *([Route("/check/campaign", page.show, methods=["GET", "POST"])] if page else []),
        Route("/check/health", health),
        Route("/check/qr.svg", qr_code_response),
        Route("/check/together", page_response),
        Route("/check/{name}", file_response),
        WebSocketRoute("/check/talk", check),
        WebSocketRoute("/check/together/talk", together),
    ]


async def _serve_socket(
    socket: WebSocket, places: BlockPlaces, checks: FarEndPlaces, work: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Do what a page's WebSocket is for, unless another server's page opened it, no far end runs (it is being started
    again; the page says that there was no answer), or the page's address block has too many connections."""
    from starlette.websockets import WebSocketDisconnect

    if is_own_origin(socket.headers):
        await socket.accept()
    if not is_own_origin(socket.headers) or not checks.is_served:
        await socket.close()
        return
    host = socket.client.host if socket.client else ""
    # A page that closed cannot be sent anything.
    with (
        contextlib.suppress(ConnectionError, RuntimeError, WebSocketDisconnect),
        places.held(host) as is_within_limit,
    ):
        if is_within_limit:
            await work()
        else:
            await socket.send_json(FULL)
            await socket.close()


HERE = "here"  # how the page names the server that it came from


class Mount:
    """The routes, and the processes behind them. `share` and `campaign` as in `starlette_routes`. `UsageError` if a
    package is missing."""

    def __init__(
        self,
        host: str,
        udp: Sequence[int],
        issuer: ReceiptIssuer,
        others: Others = no_others,
        operator: OperatorOf = no_operator,
        *,
        share: str = HERE,
        campaign: Campaign | None = None,
    ) -> None:
        require_packages()
        self._host, self._far_ends, self.relay = host, FarEndGroup(host, udp), TurnRelay("")
        self.at_a_time = self._far_ends.at_a_time
        self.routes: list[BaseRoute] = starlette_routes(
            self._far_ends.running,
            issuer,
            relay=lambda: self.relay,
            share=share,
            others=others,
            operator=operator,
            address="" if host in ANY_ADDRESSES else host,
            count=len(self._far_ends.ports),
            campaign=campaign,
        )

    @asynccontextmanager
    async def running(
        self, certificate: tuple[str, str] | None = None, taken: Collection[int] = ()
    ) -> AsyncIterator[Supervisor]:
        """Run the far ends and the relay for the block, under the supervisor that it is given. `certificate` and
        `taken` are as for `start_relay`. `UsageError` if a UDP port is taken."""
        supervisor = Supervisor()
        await self._far_ends.start()
        try:
            self.relay = start_relay(own_addresses(self._host), secrets.token_hex(16), certificate, taken)
            self._far_ends.keep(supervisor)
            supervisor.start("The TURN relay", self.relay.run)
            yield supervisor
        finally:
            await supervisor.stop()
            self.relay.stop()
            await self._far_ends.stop()
