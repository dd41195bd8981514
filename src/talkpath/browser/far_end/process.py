"""The far end's process: aiortc and aioquic on one UDP port, apart from the web server: neither delays the other.

    start() -> FarEnd            # from the web server
    python -m talkpath.browser.far_end.process HOST PORT PUBLIC

It says one line of JSON when it is ready: {"control", "token", "port", "fingerprint"}. The web server then opens one
loopback connection a check; the first line holds the token, our address as the page sees it and the page's as we see
it, every further line is a message (`session`).
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

from talkpath.browser.far_end.port import SharedPort, open_port
from talkpath.browser.far_end.session import Session
from talkpath.browser.far_end.twin import Twin, make_server, new_certificate
from talkpath.errors import PeerError, UsageError

LINE_BYTES = 4 << 20
LONGEST_S = 180.0  # a page gives up after 150 s (check_run.js); one that went to sleep keeps no place from others
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class FarEnd:
    """Where a started far end is. `fingerprint` is its certificate's (base64)."""

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


async def start(host: str, port: int) -> FarEnd:
    """Start the process. `UsageError` where the UDP port is taken."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "talkpath.browser.far_end.process", host, str(port), stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None  # a pipe was asked for
    line = await process.stdout.readline()
    if not line:
        raise UsageError(f"UDP port {port} is taken, or this user may not open it; give another with --web-udp.")
    return FarEnd(process=process, **json.loads(line))


async def serve(host: str, number: int) -> None:
    """Be the far end until standard input ends."""
    twins: dict[str, Twin] = {}
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


def trouble(code: str, sentence: str) -> dict[str, Any]:
    """The last message of a check that is given up. The page has its own words for the code, in its language."""
    return {"type": "error", "code": code, "sentence": sentence}


async def _check(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, port: SharedPort, twins: dict[str, Twin]
) -> None:
    """One check, from its first line to the end of its connection."""

    def tell(message: dict[str, Any]) -> None:
        writer.write(json.dumps(message).encode() + b"\n")

    hello = json.loads(await reader.readline() or b"{}")
    if not secrets.compare_digest(str(hello.get("token", "")), token):
        writer.close()
        return
    session = Session(port, str(hello["host"]), twins, tell, str(hello.get("page", "")))
    tell({"type": "welcome", "commit": session.commit()})
    try:
        async with asyncio.timeout(LONGEST_S):
            while line := await reader.readline():
                await session.hear(json.loads(line))
    except TimeoutError:
        tell(trouble("long", "The check took too long and was ended; load the page again."))
    except PeerError as error:
        tell(trouble("unread", str(error)))
    except ConnectionError:
        pass  # the page left
    finally:
        await session.close()
        writer.close()


def main() -> None:
    """The command line of `start`."""
    logging.getLogger("aioquic").setLevel(logging.ERROR)  # a path in a log could name a stranger's address
    host, port = sys.argv[1], int(sys.argv[2])
    with contextlib.suppress(OSError, KeyboardInterrupt):
        asyncio.run(serve(host, port))


if __name__ == "__main__":
    main()
