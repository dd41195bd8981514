"""Runs an observatory as a process: its application on a socket, until a signal ends it.

Strangers cause a line in the server's own log by every malformed request: those are limited.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from talkpath.browser.web.admission_queue import MAX_MESSAGE_BYTES, MAX_QUEUED_BY_UVICORN
from talkpath.errors import UsageError, in_place_of
from talkpath.observatory.clock import ServerClock
from talkpath.observatory.findings.country_findings import SimulatedCountry
from talkpath.observatory.index.store import NEEDS
from talkpath.observatory.log.seal import SEAL_AFTER_DAYS
from talkpath.observatory.publication import orders_of
from talkpath.observatory.responders.routes import DIRECTORY_PATHS, DIRECTORY_SCHEMAS, DirectoryApi
from talkpath.observatory.responders.running import DirectorySettings, ServerDirectory
from talkpath.observatory.server import CHECK_KEY, Location, Observatory, known_apps, observatory_application
from talkpath.observatory.web.event_worker import EventPublishing
from talkpath.observatory.web.openapi import page_paths, page_schemas
from talkpath.observatory.web.pages import ObservatoryHooks, Pages
from talkpath.observatory.web.shared_report import shared_report
from talkpath.observatory.web.site import Site
from talkpath.observatory.web.views.network import sentences_of_others
from talkpath.report.words.language import language, language_codes, speaking
from talkpath.responder.geoip import GeoDatabase
from talkpath.serving.connections import ConnectionLimits, LimitedListener, RequestWatch, trusted_proxies
from talkpath.serving.private_logs import keep_texts_out_of_logs
from talkpath.wire.control.keys import Signer
from talkpath.wire.ip.address import bracketed_host

if TYPE_CHECKING:
    from starlette.types import ASGIApp
    from uvicorn import Server

    from talkpath.browser.web.routes import Mount

MOST_A_MINUTE = 10
MINUTE_S = 60.0


class RateLimit(logging.Filter):
    """Lets ten warnings a minute through; the first one after that tells how many were left out."""

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._now_s, self._began_s, self._count = now_s, now_s(), 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if record.levelno > logging.WARNING:
            return True
        now_s = self._now_s()
        if now_s - self._began_s >= MINUTE_S:
            left_out, self._began_s, self._count = self._count - MOST_A_MINUTE, now_s, 0
            if left_out > 0:
                record.msg, record.args = f"{record.getMessage()} ({left_out} such lines were left out)", ()
        self._count += 1
        return self._count <= MOST_A_MINUTE


def limit_malformed_request_lines() -> None:
    """Limit the warnings of uvicorn, which writes one for every malformed request."""
    logger = logging.getLogger("uvicorn.error")
    logger.filters = [one for one in logger.filters if not isinstance(one, RateLimit)]
    logger.addFilter(RateLimit())


LISTEN_BACKLOG = 256
MOST_HEAD_BYTES = 64 << 10
KEEP_ALIVE_S, SHUTDOWN_S = 10, 10
TEST_COUNTRY = "XX"  # of everything that is made up


def bind_listener(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its URL; `UsageError` where it cannot be had."""
    with in_place_of(
        OSError, UsageError(f"Port {port} of that address cannot be had; name another with --port or --host.")
    ):
        bound = socket.create_server(
            (host, port),
            family=socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0],
            backlog=LISTEN_BACKLOG,
        )
    return bound, f"http://{bracketed_host(host)}:{bound.getsockname()[1]}/"


def serve_observatory(
    place: Location,
    simulated: bool,
    stopped: frozenset[str],
    bound: socket.socket,
    ready: Callable[[], None],
    web_udp: Sequence[int] = (),
    site: Site | None = None,
    web_host: str = "",
    directory: DirectorySettings | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once everything is open.

    `site` holds the operator's settings for the pages. With `web_udp` the check for browsers is served too (/check);
    its calls come to that UDP port of the address `web_host`, "" for the one that the pages have. With `directory` a
    directory of test servers is kept.
    """
    from talkpath.observatory.intake.collector import IntakeSettings

    os.umask(0o077)  # what libraries write, the embedded index above all, is nobody else's to read
    limits = ConnectionLimits(proxies=trusted_proxies())
    site = site or Site()
    observatory = Observatory(
        place,
        IntakeSettings(simulated=simulated, stopped=stopped, apps=known_apps()),
        site.publication,
        _log_clock(site),
    )
    servers = _server_directory(observatory, place, directory)
    site = replace(site, check=bool(web_udp), servers=(lambda: servers.summary) if servers else None)
    try:
        pages = pages_of(observatory, site, place.geo)
        check = _browser_check(web_host or bound.getsockname()[0], web_udp, place, pages)
        listener = LimitedListener(bound, limits)
        offered = DirectoryApi(servers).routes() if servers else ()
        routes = [*offered, *(check.routes if check else ()), *pages.routes()]
        beside = [pages.running, listener.running, *([servers.running] if servers else ())]
        app = observatory_application(observatory, routes, beside)
        server = _http_server(RequestWatch(app, listener), limits)
        for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises the signal again after it has shut down
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        gc.collect()
        gc.freeze()  # what is there now stays: no later collection looks through it
        ready()
        asyncio.run(_run_server(server, listener, check))
    finally:
        if servers:
            servers.close()
        observatory.close()
        bound.close()


def _log_clock(site: Site) -> ServerClock:
    """The clock of the log. That of a made-up country goes ahead by all that open data waits for."""
    ahead = timedelta(days=SEAL_AFTER_DAYS + site.publication.delay_days if site.box else 0)
    return ServerClock(wall=lambda: time.time() + ahead.total_seconds())


def _server_directory(
    observatory: Observatory, place: Location, settings: DirectorySettings | None
) -> ServerDirectory | None:
    """The directory of test servers, None without settings."""
    if settings is None:
        return None
    observatory.describe(DIRECTORY_PATHS, DIRECTORY_SCHEMAS)
    return ServerDirectory(place.root, settings, GeoDatabase(place.geo), observatory.clock.today)


def _http_server(app: ASGIApp, limits: ConnectionLimits) -> Server:
    with in_place_of(ImportError, UsageError(NEEDS)):
        import uvicorn
    limit_malformed_request_lines()
    config = uvicorn.Config(
        app,
        http="h11",  # of uvicorn's protocols the one with a limit on the lines before a body
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        log_level="warning",
        access_log=False,  # it would hold addresses
        server_header=False,
        proxy_headers=False,  # RequestWatch does that, behind the address of the connection
        limit_concurrency=limits.most,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        ws_max_size=MAX_MESSAGE_BYTES,  # of the check in a browser; uvicorn takes 16 MiB, and 32 of them at a time
        ws_max_queue=MAX_QUEUED_BY_UVICORN,
    )
    keep_texts_out_of_logs()
    return uvicorn.Server(config)


def pages_of(observatory: Observatory, site: Site, geo: Sequence[Path] = ()) -> Pages:
    """The pages of an observatory; they are described in its OpenAPI document."""
    observatory.describe(page_paths(), page_schemas())
    box = SimulatedCountry(site.box, TEST_COUNTRY) if observatory.settings.simulated else None
    root = observatory.log.folder.root
    publishing = EventPublishing(root, site.publication, site.address.rstrip("/"), site.webhooks)
    known = ObservatoryHooks(
        stands=lambda: observatory.loader.position,
        know=lambda events: observatory.sealer.know(orders_of(events)),
        geo=geo,
        servers=observatory.trusted_responders(),
    )
    return Pages(
        store=observatory.store,
        hooks=known,
        settings=replace(
            site,
            report=partial(
                shared_report, observatory.log.register.find, observatory.store, site.publication.min_contributors
            ),
        ),
        box=box,
        open_data=observatory.log.folder.open,
        publishing=publishing,
    )


def _browser_check(host: str, web_udp: Sequence[int], place: Location, pages: Pages) -> Mount | None:
    """The check for browsers, None without `web_udp`. Its receipts are signed with a key of its own, which a list of
    responders may name."""
    if not web_udp:
        return None
    from talkpath.browser.answer.calls_meaning import network_operator
    from talkpath.browser.web.receipt_issuer import ReceiptIssuer
    from talkpath.browser.web.routes import Mount

    geoip = GeoDatabase(place.geo)

    def known(address: str, code: str) -> list[str]:
        with speaking(language(code if code in language_codes() else "en")):
            return sentences_of_others(pages.source, pages.site, geoip.find(address))

    issuer = ReceiptIssuer(Signer.of_file(place.root / CHECK_KEY), find=geoip.find)
    return Mount(host, web_udp, issuer, known, partial(network_operator, geoip))


async def _run_server(server: Server, listener: LimitedListener, check: Mount | None) -> None:
    async with check.running() if check else nullcontext():
        await server.serve(sockets=[listener])
