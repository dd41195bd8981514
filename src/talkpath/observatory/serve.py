"""An observatory as a process: the application on a socket, until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from talkpath.errors import UsageError
from talkpath.observatory.findings.country_findings import Box
from talkpath.observatory.index.store import NEEDS
from talkpath.observatory.log.seal import signer_of
from talkpath.observatory.publication import orders_of
from talkpath.observatory.server import Observatory, Place, application, known_apps
from talkpath.observatory.web.event_worker import EventPublishing
from talkpath.observatory.web.others import others
from talkpath.observatory.web.pages import Hooks, Pages
from talkpath.observatory.web.site import Site
from talkpath.report.words.language import codes, language, speaking
from talkpath.responder.geoip import GeoDatabase

if TYPE_CHECKING:
    from uvicorn import Server

    from talkpath.browser.web.mount import Mount

BACKLOG = 256
MOST_CONNECTIONS = 1000
MOST_HEAD_BYTES = 64 << 10
IDLE_S = 10
COUNTRY = "XX"  # of everything that is made up
CHECK_KEY = "check.pem"


def bind(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its URL; `UsageError` where it cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        opened = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError:
        raise UsageError(f"Port {port} of that address cannot be had; name another with --port or --host.") from None
    shown = f"[{host}]" if ":" in host else host
    return opened, f"http://{shown}:{opened.getsockname()[1]}/"


def serve(place: Place, simulated: bool, stopped: frozenset[str], opened: socket.socket, ready: Callable[[], None],
          web_udp: int | None = None, site: Site | None = None, web_host: str = "") -> None:  # fmt: skip
    """Serve until SIGINT or SIGTERM; `ready` is called once everything is open. `web_udp`: the UDP port that calls of
    browsers come to; then /check is served too. They come to `web_host`, "" for where the pages are. `site` is what the
    operator sets for the pages."""
    try:
        import uvicorn
    except ImportError:
        raise UsageError(NEEDS) from None
    from talkpath.observatory.intake.collector import Settings

    os.umask(0o077)  # what libraries write, the embedded index above all, is nobody else's to read
    site = replace(site or Site(), check=web_udp is not None)
    settings = Settings(simulated=simulated, stopped=stopped, apps=known_apps())
    observatory = Observatory(place, settings, site.publication)
    pages = pages_of(observatory, site)
    try:
        check = _check(web_host or opened.getsockname()[0], web_udp, place, pages)
        config = uvicorn.Config(
            application(observatory, [*(check.routes if check else ()), *pages.routes()], [pages.running]),
            http="h11",  # of uvicorn's protocols the one with a limit on the lines before a body
            h11_max_incomplete_event_size=MOST_HEAD_BYTES,
            log_level="warning",
            access_log=False,  # it would hold addresses
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=IDLE_S,
        )
        server = uvicorn.Server(config)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        gc.collect()
        gc.freeze()  # what is there now stays: nobody has to look through it again and again
        ready()
        asyncio.run(_serve(server, opened, check))
    finally:
        observatory.close()
        opened.close()


def pages_of(observatory: Observatory, site: Site) -> Pages:
    """What an observatory shows."""
    box = Box(site.box, COUNTRY) if observatory.settings.simulated else None
    root = observatory.log.folder.root
    publishing = EventPublishing(root, site.publication, site.address.rstrip("/"), site.webhooks)
    known = Hooks(lambda: observatory.loader.position, lambda events: observatory.sealer.know(orders_of(events)))
    return Pages(observatory.store, known, site, box, observatory.log.folder.open, publishing)


def _check(host: str, web_udp: int | None, place: Place, pages: Pages) -> Mount | None:
    """The check for browsers, where it was asked for. Its receipts are signed with a key of its own, which a list of
    responders may name."""
    if web_udp is None:
        return None
    from talkpath.browser.web.mount import Mount
    from talkpath.browser.web.receipt_issuer import ReceiptIssuer

    geoip = GeoDatabase(place.geo)

    def known(address: str, code: str) -> list[str]:
        with speaking(language(code if code in codes() else "en")):
            return others(pages.source, pages.site, geoip.find(address))

    signer = signer_of(place.root / CHECK_KEY)
    return Mount(host, web_udp, ReceiptIssuer(signer, find=geoip.find), known)


async def _serve(server: Server, opened: socket.socket, check: Mount | None) -> None:
    """`Server.serve` would raise the signal again, before anything is closed."""
    async with check.running() if check else nullcontext():
        await server._serve([opened])
