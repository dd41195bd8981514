"""The web server of `respond --web`: serves /check and nothing else, in a process of its own beside the responder.

    start_page_server(settings) -> PageServer        # from `talkpath respond`
    python -m talkpath.browser.web.page_server < settings as one line of JSON

It prints one line of JSON: {"ready": true, "at_a_time": checks, "without": [sentence]}, or {"error": sentence, "later":
whether it may start later} before it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from talkpath.browser import require_packages
from talkpath.browser.answer.calls_meaning import network_operator
from talkpath.browser.certificate.stored_certificate import (
    CHECK_S,
    Domain,
    Files,
    follow_certificate,
    obtain_certificate,
)
from talkpath.browser.web.admission_queue import MAX_MESSAGE_BYTES, MAX_PAGE_SILENCE_S, MAX_QUEUED_BY_UVICORN
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.errors import PeerError, TalkpathError, UsageError
from talkpath.responder.geoip import GeoDatabase
from talkpath.serving.connections import ConnectionLimits, LimitedListener, RequestWatch, trusted_proxies
from talkpath.serving.interrupts import interrupts_blocked
from talkpath.serving.private_logs import keep_texts_out_of_logs
from talkpath.serving.supervisor import FIRST_WAIT_S, LONGEST_WAIT_S, REMEMBERED_S, write_line
from talkpath.wire.control.campaign import Campaign
from talkpath.wire.control.keys import Signer

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from talkpath.browser.turn_relay import TurnRelay

ANY_IPV4 = "0.0.0.0"
MAX_PAGE_STOP_S = 3.0
MAX_PAGE_IDLE_S = 30.0  # a page on a bad line asks for its next file seconds later
MAX_CONNECTIONS, MAX_CONNECTIONS_PER_BLOCK = 500, 64
PAGE_BACKLOG = 128  # connections that are not accepted yet


class PageServerSettings(Struct, frozen=True):
    """Where and how to serve the page.

    `port` and `udp` are those of the page and of the calls, `more_udp` those of further far ends; `taken` are ports
    that the relay must not use. With `certificate` (the files of a chain and its key) or `domain` (a certificate to
    order) it is https; their files are checked for changes each `check_s`. `key_file`, `network_class` and `geo` are
    for receipts. A connection without a request is closed after `idle_s`. A `campaign` has a page of its own.
    """

    port: int
    udp: int
    host: str = ANY_IPV4
    taken: tuple[int, ...] = ()
    certificate: Files | None = None
    domain: Domain | None = None
    check_s: float = CHECK_S
    key_file: str = ""
    network_class: str = "unknown"
    geo: tuple[str, ...] = ()
    idle_s: float = MAX_PAGE_IDLE_S
    more_udp: tuple[int, ...] = ()
    campaign: Campaign | None = None

    @property
    def udp_ports(self) -> tuple[int, ...]:
        """All ports of calls: one far end for each, on a core of its own."""
        return (self.udp, *self.more_udp)

    def issuer(self) -> ReceiptIssuer:
        """The issuer of receipts; with a key of this process alone if no file is named."""
        signer = Signer.of_pem(Path(self.key_file).read_bytes()) if self.key_file else Signer.fresh()
        return ReceiptIssuer(signer, self.network_class, self.geo_database().find)

    def geo_database(self) -> GeoDatabase:
        """The geolocation files, opened. `UsageError` for a file that is none."""
        return GeoDatabase([Path(file) for file in self.geo])


class Started(Struct, frozen=True):
    """What the process tells once it serves: as in `PageServer`."""

    at_a_time: int
    without: tuple[str, ...]


class PageServer:
    """A started web server, through all its restarts.

    `at_a_time` is how many checks it carries; `without` has a sentence on each thing that it cannot offer.
    """

    def __init__(self, settings: PageServerSettings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self.process: subprocess.Popen[str] | None = None
        self.at_a_time, self.without = 0, tuple[str, ...]()
        try:
            self.process, ready = _start_process(settings)
            self.at_a_time, self.without = ready.at_a_time, ready.without
        except PeerError as error:
            self.without = (f"the page for browsers. {error} This is tried again each hour.",)
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _keep(self) -> None:
        """Start the process again whenever it ended, after a pause that doubles from one failure to the next.

        Where there is no certificate the pause is `check_s`: an authority refuses those who ask often.
        """
        pause_s = FIRST_WAIT_S
        while not self._stopping.is_set():
            if self.process is None:
                pause_s = self._settings.check_s
            else:
                pause_s = self._wait_for_end(pause_s)
            if self._stopping.wait(pause_s):
                return
            pause_s = min(2 * pause_s, LONGEST_WAIT_S)
            self._start_again()

    def _wait_for_end(self, pause_s: float) -> float:
        """Wait until the process ended; return the pause before the next start."""
        assert self.process is not None  # as the caller found
        began_s = time.monotonic()
        self.process.wait()
        if time.monotonic() - began_s > REMEMBERED_S:
            pause_s = FIRST_WAIT_S
        if not self._stopping.is_set():
            write_line(f"The page's web server ended. It is started again in {pause_s:.0f} s.")
        return pause_s

    def _start_again(self) -> None:
        is_first = self.process is None
        if self.process is not None:
            _end_process(self.process)
        try:
            self.process, _ = _start_process(self._settings)
            if is_first:
                write_line("The page for browsers has its certificate, and is served now.")
        except (PeerError, UsageError) as error:
            write_line(str(error))
        if self.process is not None and self._stopping.is_set():  # it was stopped in the meantime
            _end_process(self.process)

    def stop(self) -> None:
        """End it, and its far end."""
        self._stopping.set()
        if self.process is not None:
            _end_process(self.process)
        self._keeper.join()


def start_page_server(settings: PageServerSettings) -> PageServer:
    """Start it now, or later where no certificate can be had yet. `UsageError` if a package or a port is missing."""
    require_packages()
    return PageServer(settings)


def _start_process(settings: PageServerSettings) -> tuple[subprocess.Popen[str], Started]:
    """The process, once it serves, and what it told. `UsageError` if it cannot."""
    with interrupts_blocked():
        process = subprocess.Popen(
            [sys.executable, "-m", "talkpath.browser.web.page_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018 (pipes were asked for)
    process.stdin.write(msgspec.json.encode(settings).decode() + "\n")
    process.stdin.flush()
    try:
        answer = json.loads(process.stdout.readline() or "{}")
    except KeyboardInterrupt:
        process.kill()
        raise
    if not answer.get("ready"):
        _end_process(process)
        kind = PeerError if answer.get("later") else UsageError
        raise kind(answer.get("error", "The web server did not start; look above for why."))
    return process, msgspec.convert(answer, Started)


def _end_process(process: subprocess.Popen[str]) -> None:
    """End a process by the end of its standard input, or kill it."""
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018 (pipes were asked for)
    process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(MAX_PAGE_STOP_S)
    process.kill()
    process.wait()
    process.stdout.close()


def listen_for_pages(host: str, port: int) -> socket.socket:
    """Return the page's listening socket. `UsageError` if the port cannot be opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=PAGE_BACKLOG)
    except PermissionError:
        raise UsageError(f"TCP port {port} takes a right that this user has not; give another with --web.") from None
    except OSError:
        raise UsageError(f"TCP port {port} is taken; give another with --web.") from None


async def serve_page(settings: PageServerSettings) -> None:
    """Serve until standard input ends."""
    from starlette.applications import Starlette

    from talkpath.browser.web.routes import Mount

    check = Mount(
        settings.host,
        settings.udp_ports,
        settings.issuer(),
        operator=partial(network_operator, settings.geo_database()),
        share="",
        campaign=settings.campaign,
    )
    listening = listen_for_pages(settings.host, settings.port)
    certificate, without = settings.certificate, []
    if settings.domain is not None:
        certificate, trouble = await asyncio.to_thread(obtain_certificate, settings.domain)
        without = [trouble] if trouble else []
    limits = ConnectionLimits(MAX_CONNECTIONS, MAX_CONNECTIONS_PER_BLOCK, settings.idle_s, trusted_proxies())
    listener = LimitedListener(listening, limits)
    application = Starlette(routes=check.routes)
    application.router.redirect_slashes = False  # it would repeat what a stranger put into the header Host
    config = _uvicorn_config(settings, certificate, RequestWatch(application, listener))
    async with check.running(certificate, settings.taken) as supervisor:
        if certificate is not None:
            reload = _certificate_reloader(certificate, config, check.relay)
            supervisor.start(
                "Renewing the certificate",
                lambda: follow_certificate(certificate, settings.domain, reload, settings.check_s),
            )
        async with listener.running(supervisor):
            started = Started(check.at_a_time, (*without, *check.relay.without()))
            await _serve_until_stdin_ends(config, listener, started)


def _uvicorn_config(settings: PageServerSettings, certificate: Files | None, app: ASGIApp) -> uvicorn.Config:
    import uvicorn

    chain, key = certificate or (None, None)
    return uvicorn.Config(
        app,
        settings.host,
        settings.port,
        log_level="error",
        access_log=False,
        ssl_certfile=chain,
        ssl_keyfile=key,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_max_queue=MAX_QUEUED_BY_UVICORN,
        server_header=False,
        timeout_keep_alive=round(MAX_PAGE_IDLE_S),
        proxy_headers=False,  # RequestWatch does that
        ws_ping_timeout=MAX_PAGE_SILENCE_S,
    )


async def _serve_until_stdin_ends(config: uvicorn.Config, listening: socket.socket, started: Started) -> None:
    import uvicorn

    keep_texts_out_of_logs()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    if server.started:
        _print_message({"ready": True} | msgspec.to_builtins(started))
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = True
    await serving


def _certificate_reloader(certificate: Files, config: uvicorn.Config, relay: TurnRelay) -> Callable[[], None]:
    """A function that has the page and the relay show the certificate that is in the files now."""

    def reload() -> None:
        assert config.ssl is not None  # it had a certificate to begin with
        config.ssl.load_cert_chain(*certificate)
        relay.reload()

    return reload


def _print_message(message: dict[str, object]) -> None:
    """Print one line of JSON to whoever started this process."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> None:
    """The program that `start_page_server` starts."""
    settings = msgspec.json.decode(sys.stdin.readline(), type=PageServerSettings)
    try:
        asyncio.run(serve_page(settings))
    except TalkpathError as error:
        _print_message({"error": str(error), "later": isinstance(error, PeerError)})
    except OSError:  # of ssl, too
        _print_message(
            {"error": "The files of --web-cert and --web-key cannot be read, or are not a certificate and its key."}
        )
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
