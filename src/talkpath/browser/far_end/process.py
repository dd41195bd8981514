"""The far end's process: aiortc and aioquic on one UDP port, apart from the web server, so that neither delays the
other.

    start_far_end(host, port) -> FarEnd            # from the web server
    python -m talkpath.browser.far_end.process HOST PORT

It prints one line of JSON when it is ready: {"control", "token", "port", "fingerprint"}. The web server then opens one
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
from dataclasses import dataclass
from typing import Any

from talkpath.browser.far_end.check_session import CheckSession
from talkpath.browser.far_end.shared_port import SharedPort, open_port
from talkpath.browser.far_end.webtransport_twin import WebTransportTwin, make_server, new_certificate
from talkpath.errors import PeerError, UsageError

LINE_BYTES = 4 << 20
MAX_CHECK_S = 180.0  # a page gives up after 150 s (check_run.js); one that went to sleep must not hold its place
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How to reach a started far end. `fingerprint` is that of its certificate (base64)."""

    control: int
    token: str
    port: int
    fingerprint: str
    process: asyncio.subprocess.Process

    async def stop(self) -> None:
        """End the process."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        await self.process.wait()


async def start_far_end(host: str, port: int) -> FarEnd:
    """Start the process. `UsageError` if the UDP port is taken."""
    command = [sys.executable, "-m", "talkpath.browser.far_end.process", host, str(port)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert process.stdout is not None  # a pipe was asked for
    line = await process.stdout.readline()
    if not line:
        raise UsageError(f"UDP port {port} is taken, or this user may not open it; give another with --web-udp.")
    return FarEnd(process=process, **json.loads(line))


async def serve_far_end(host: str, number: int) -> None:
    """Serve checks until standard input ends."""
    twins: dict[str, WebTransportTwin] = {}
    certificate = new_certificate()
    port = await open_port(host, number, lambda transport: make_server(transport, certificate, twins.get))
    token = secrets.token_hex(16)

    async def check(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _check(reader, writer, token, port, twins)

    server = await asyncio.start_server(check, LOOPBACK, 0, limit=LINE_BYTES)
    ready = {
        "control": server.sockets[0].getsockname()[1],
        "token": token,
        "port": port.address[1],
        "fingerprint": base64.b64encode(certificate.fingerprint).decode(),
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def error_message(code: str, sentence: str) -> dict[str, Any]:
    """The last message of a check that failed. The page has a text of its own for the code, in its language."""
    return {"type": "error", "code": code, "sentence": sentence}


async def _check(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    token: str,
    port: SharedPort,
    twins: dict[str, WebTransportTwin],
) -> None:
    """Run one check, from its first line to the end of its connection."""

    def tell(message: dict[str, Any]) -> None:
        writer.write(json.dumps(message).encode() + b"\n")

    hello = json.loads(await reader.readline() or b"{}")
    if not secrets.compare_digest(str(hello.get("token", "")), token):
        writer.close()
        return
    session = CheckSession(port, str(hello["host"]), twins, tell, str(hello.get("page", "")))
    tell({"type": "welcome", "commit": session.commitment()})
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
    finally:
        await session.close()
        writer.close()


def main() -> None:
    """The program that `start_far_end` starts."""
    logging.getLogger("aioquic").setLevel(logging.ERROR)  # a log could hold a stranger's address
    host, port = sys.argv[1], int(sys.argv[2])
    with contextlib.suppress(OSError, KeyboardInterrupt):
        asyncio.run(serve_far_end(host, port))


if __name__ == "__main__":
    main()
