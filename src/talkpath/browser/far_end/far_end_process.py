"""The far end's process: calls and twins on one UDP port, apart from the web server, so that neither delays the
other.

    start_far_end(host, port) -> FarEnd            # from the web server
    python -m talkpath.browser.far_end.far_end_process HOST PORT

It prints one line of JSON when it is ready: {"control", "token"}. The web server then opens one
loopback connection for each check. Its first line has the token, this server's address as the page reached it, and the
page's address; every further line is a message (`check_session`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import secrets
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from talkpath.browser.far_end.check_session import CheckSession, Tell
from talkpath.browser.far_end.transports.data_channel_twin import load_sctp
from talkpath.browser.far_end.transports.quic_server import make_server, new_certificate, replace_certificate
from talkpath.browser.far_end.transports.shared_port import SharedPort, open_port
from talkpath.browser.far_end.transports.webtransport_twin import WebTransportTwin
from talkpath.errors import PeerError, UsageError
from talkpath.serving.interrupts import interrupts_blocked
from talkpath.serving.private_logs import keep_texts_out_of_logs
from talkpath.serving.supervisor import write_line

LINE_BYTES = 4 << 20  # of JSON, in which a character of a message may take six bytes
MAX_CHECK_S = 230.0  # a page gives up after 200 s (check_run.js); one that went to sleep must not hold its place
LOOPBACK = "127.0.0.1"
ERROR_EACH_S = 60.0
THREAD_SWITCH_S = 0.0005  # for which a thread that makes facts may keep the one that sends waiting
RENEW_FROM, RENEW_BY = timedelta(days=4), timedelta(days=9)  # of the certificate, which is valid for ten


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How to reach a started far end: the port of its loopback connections, and the token that they begin with."""

    control: int
    token: str
    process: asyncio.subprocess.Process

    async def stop(self) -> None:
        """End the process."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        await self.process.wait()


async def start_far_end(host: str, port: int) -> FarEnd:
    """Start the process. `UsageError` if the UDP port is taken."""
    with interrupts_blocked():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "talkpath.browser.far_end.far_end_process",
            host,
            str(port),
            stdin=PIPE,
            stdout=PIPE,
        )
    assert process.stdout is not None  # a pipe was asked for
    line = await process.stdout.readline()
    if not line:
        raise UsageError(f"UDP port {port} is taken, or this user may not open it; give another with --web-udp.")
    return FarEnd(process=process, **json.loads(line))


class FarEndKeeper:
    """The far end of one server, through all its restarts. `current` is None while no process runs."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self.port = host, port
        self.current: FarEnd | None = None

    async def start(self) -> None:
        """Start the process. `UsageError` if the UDP port is taken."""
        self.current = await start_far_end(self._host, self.port)

    async def run(self) -> None:
        """Start the process if none runs, and return when it has ended; for a `Supervisor`."""
        if self.current is None:
            await self.start()
        assert self.current is not None  # it was started
        await self.current.process.wait()
        self.current = None

    async def stop(self) -> None:
        """End the process."""
        if self.current is not None:
            await self.current.stop()


class FarEndServer:
    """What runs in the process: the UDP port, and a loopback server of checks."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(16)
        self._twins: dict[str, WebTransportTwin] = {}
        self._certificate = new_certificate()
        self._check_count = 0
        self._port: SharedPort | None = None

    async def serve(self, host: str, number: int) -> None:
        """Serve checks until standard input ends."""
        keep_texts_out_of_logs()
        asyncio.get_running_loop().set_exception_handler(ErrorReports().handle)
        self._port = await open_port(host, number, lambda made: make_server(made, self._certificate, self._twins.get))
        server = await asyncio.start_server(self._check, LOOPBACK, 0, limit=LINE_BYTES)
        ready = {"control": server.sockets[0].getsockname()[1], "token": self._token}
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(load_sctp)  # the port is open, and no check has begun
        async with server:
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    async def _check(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run one check, from its first line to the end of its connection."""
        hello = json.loads(await reader.readline() or b"{}")
        if not secrets.compare_digest(str(hello.get("token", "")), self._token):
            writer.close()
            return
        assert self._port is not None  # opened before anybody is served

        def tell(message: dict[str, Any]) -> None:
            writer.write(json.dumps(message).encode() + b"\n")

        def fail() -> None:
            tell(error_message("server", "The test server met an error of its own. Check again later."))
            writer.close()

        fail_check.set(fail)
        session = CheckSession(self._port, str(hello["host"]), self._twins, tell, str(hello.get("page", "")))
        self._renew_certificate()
        self._check_count += 1
        try:
            tell({"type": "welcome", "commit": session.commitment(), "twin": self._twin_server()})
            await _receive_all(reader, session, tell)
        finally:
            self._check_count -= 1
            await session.close()
            writer.close()

    def _twin_server(self) -> dict[str, Any]:
        """Where the page opens twins, and the certificate that it finds there."""
        assert self._port is not None  # opened before anybody is served
        return {
            "port": self._port.address[1],
            "fingerprint": base64.b64encode(self._certificate.fingerprint().value).decode(),
        }

    def _renew_certificate(self) -> None:
        """Make a new certificate in time, if possible while no check knows the old one."""
        age = datetime.now(UTC) - self._certificate.made_at
        if age > RENEW_BY or (age > RENEW_FROM and self._check_count == 0):
            assert self._port is not None  # opened before anybody is served
            self._certificate = new_certificate()
            replace_certificate(self._port.quic, self._certificate)


async def _receive_all(reader: asyncio.StreamReader, session: CheckSession, tell: Tell) -> None:
    """Hand the page's messages to the session until the page leaves, or tell it why the check ended."""
    try:
        async with asyncio.timeout(MAX_CHECK_S):
            while line := await reader.readline():
                await session.receive(json.loads(line))
    except TimeoutError:
        tell(error_message("long", "The check took too long and was ended; load the page again."))
    except PeerError as error:
        tell(error_message("unread", str(error)))
    except ConnectionError:
        pass  # the page left


fail_check: ContextVar[Callable[[], None] | None] = ContextVar("fail_check", default=None)
"""Ends the check in whose tasks this is read. Python 3.11 does not let an error's handler read it."""

OF_THE_NETWORK = (OSError, asyncio.CancelledError, asyncio.InvalidStateError)  # a call that ended while it was used


class ErrorReports:
    """Ends the check in which an error met nobody who handles it, and writes that to stderr.

    A call that fails by an error of this process looks as if the network had dropped it. stderr gets one line a minute
    at most, without what a stranger sent.
    """

    def __init__(self) -> None:
        self._last_s = -ERROR_EACH_S

    def handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Called by asyncio."""
        fail = fail_check.get()
        if fail is not None and not isinstance(context.get("exception"), OF_THE_NETWORK):
            fail()
        now_s = loop.time()
        if now_s - self._last_s >= ERROR_EACH_S:
            self._last_s = now_s
            kind = type(context.get("exception")).__name__
            write_line(f"The far end met an error of its own ({kind}) and goes on.")


def error_message(code: str, sentence: str) -> dict[str, Any]:
    """The last message of a check that failed. The page has a text of its own for the code, in its language."""
    return {"type": "error", "code": code, "sentence": sentence}


def main() -> None:
    """The program that `start_far_end` starts."""
    logging.getLogger("aioquic").setLevel(logging.ERROR)  # a log could hold a stranger's address
    sys.setswitchinterval(THREAD_SWITCH_S)
    host, port = sys.argv[1], int(sys.argv[2])
    with contextlib.suppress(OSError, KeyboardInterrupt):
        asyncio.run(FarEndServer().serve(host, port))


if __name__ == "__main__":
    main()
