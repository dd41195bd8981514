"""What the web server does: the page and its files, and each check's messages between the page and the far end.

`routes(far)` is what `respond --web` serves and what an observatory mounts: all under /check. Facts are judged here,
in a thread, away from the process that keeps time.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from talkpath.browser.far import LINE_BYTES, LOOPBACK, FarEnd
from talkpath.browser.order import EPOCHS
from talkpath.browser.told import told
from talkpath.measure.facts import Facts
from talkpath.verdict.judge import judge

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

PAGE = files("talkpath.browser").joinpath("page")
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "json": "application/json"}
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; connect-src *; img-src 'self' data:; style-src 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes(far: Callable[[], FarEnd]) -> list[BaseRoute]:
    """All of /check. `far()` is the far end, once it is started."""
    from starlette.routing import Route, WebSocketRoute

    async def talk(socket: WebSocket) -> None:
        await _talk(socket, far())

    return [
        Route("/check", _file),
        Route("/check/{name}", _file),
        WebSocketRoute("/check/talk", talk),
    ]


async def _file(request: Request) -> Response:
    """One file of the page."""
    from starlette.responses import PlainTextResponse, Response

    name = request.path_params.get("name", "check.html")
    ending = name.rpartition(".")[2]
    known = {entry.name for entry in PAGE.iterdir()}
    if name not in known or ending not in TYPES:
        return PlainTextResponse("There is no such file here; the page is /check.", 404)
    return Response(PAGE.joinpath(name).read_bytes(), media_type=TYPES[ending], headers=HEADERS)


async def _talk(socket: WebSocket, far: FarEnd) -> None:
    """One check: what the page says goes to the far end, what that says to the page, but facts, which are judged."""
    from starlette.websockets import WebSocketDisconnect

    await socket.accept()
    reader, writer = await asyncio.open_connection(LOOPBACK, far.control, limit=LINE_BYTES)
    host = socket.scope["server"][0]
    writer.write(json.dumps({"token": far.token, "host": host}).encode() + b"\n")
    check = Check(socket, writer, far)

    async def outward() -> None:
        while line := await reader.readline():
            await check.from_far(json.loads(line))

    task = asyncio.create_task(outward())
    try:
        while True:
            await check.from_page(await socket.receive_json())
    except (WebSocketDisconnect, json.JSONDecodeError, KeyError):
        pass
    finally:
        task.cancel()
        writer.close()


class Check:
    """The messages of one check."""

    def __init__(self, socket: WebSocket, far: asyncio.StreamWriter, end: FarEnd) -> None:
        self._socket, self._far, self._end = socket, far, end
        self._language = "en"

    async def from_page(self, message: dict[str, Any]) -> None:
        """Pings are answered here; the rest is the far end's."""
        if message.get("type") == "ping":
            await self._socket.send_json({"type": "pong", "number": message.get("number")})
            return
        if message.get("type") == "start":
            self._language = str(message.get("language", "en"))
        if message.get("type") != "next":  # whether there is a next epoch is ours to say
            self._far.write(json.dumps(message).encode() + b"\n")

    async def from_far(self, message: dict[str, Any]) -> None:
        """Facts are judged: decided, or another epoch."""
        if message["type"] == "welcome":
            message |= {"twin": {"port": self._end.port, "fingerprint": self._end.fingerprint}}
        if message["type"] != "facts":
            await self._socket.send_json(message)
            return
        facts = msgspec.msgpack.decode(base64.b64decode(message["facts"]), type=Facts)
        if await asyncio.to_thread(_settled, facts):
            await self._socket.send_json(await asyncio.to_thread(told, facts, self._language))
        else:
            self._far.write(json.dumps({"type": "next"}).encode() + b"\n")


def _settled(facts: Facts) -> bool:
    """Is there nothing that another epoch would change, or no time for it?"""
    verdicts = judge(facts)
    voided = any(v.reason is not None and v.reason.code not in ("budget", "canary") for v in verdicts)
    return len(facts.epochs) >= EPOCHS or voided or all(v.state in ("restricted", "ok", "closed") for v in verdicts)
