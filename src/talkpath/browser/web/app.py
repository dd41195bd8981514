"""What the web server does: the page and its files, and each check's messages between the page and the far end.

`routes(far)` is what `respond --web` serves and what an observatory mounts: all under /check. Facts are judged here,
in a thread, away from the process that keeps time. Nothing of a check is kept.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from talkpath.browser.far_end.process import LINE_BYTES, LOOPBACK, FarEnd, trouble
from talkpath.browser.result import told
from talkpath.browser.schedule import EPOCHS
from talkpath.browser.turn import Relay
from talkpath.browser.web.places import Places
from talkpath.browser.web.script import joined
from talkpath.browser.web.words import NAMES, page_words
from talkpath.browser.witness import Witness
from talkpath.measure.facts import Facts
from talkpath.verdict.judge import judge

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.websockets import WebSocket

PAGE = files("talkpath.browser").joinpath("page")
FIRST = "check"  # the page's script
TYPES = {"css": "text/css", "js": "text/javascript"}
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws: wss: https:; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Service-Worker-Allowed": "/check",
}
WORD = re.compile(r"\{\{(\w+)\}\}")
OURS = ("next", "paths")  # messages that no page may send
SETTLED = ("restricted", "ok", "closed")
VOID = ("late", "clock", "network_changed", "hidden", "vpn", "responder_lost")
NO_MORE_S = 90.0  # of a check: no round begins later, for the page gives up after 150 s (check_run.js)
AT_A_TIME = 2  # checks that one far end carries; docs/how-to/check-in-a-browser.md has the measurement


Others = Callable[[str, str], list[str]]
"""(the page's address, language) -> sentences on what others measured on its network."""


def nobody(host: str, code: str) -> list[str]:
    """Where there is no observatory."""
    return []


def routes(
    far: Callable[[], FarEnd],
    witness: Witness,
    *,
    relay: Callable[[], Relay] | None = None,
    share: str = "",
    others: Others = nobody,
    address: str = "",
    at_a_time: int = AT_A_TIME,
) -> list[BaseRoute]:
    """All of /check. `far()` is the far end and `relay()` the relay, once they are started; `witness` signs; `share` is
    the base URL of a report API (tp-006), "here" for this server's own; `others` says what is known of a network.
    `address`: where calls go, if not where the page came to, as where another web server stands before this one."""
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocketDisconnect

    places = Places(at_a_time)

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        # A page that closed cannot be told anything.
        with contextlib.suppress(ConnectionError, RuntimeError, WebSocketDisconnect):
            await _admit(socket, places, Server(far(), relay() if relay else None, share, witness, others, address))

    return [
        Route("/check", _page),
        Route("/check/qr.svg", _code),
        Route("/check/{name}", _file),
        WebSocketRoute("/check/talk", talk),
    ]


# -- the page ---------------------------------------------------------------------------------------------------


async def _page(request: Request) -> Response:
    """The page in the language asked for (?lang=), else in the first that the browser prefers and that there is."""
    code = chosen(request.query_params.get("lang", ""), request.headers.get("accept-language", ""))
    return _short(request, rendered(code), "text/html")


def _short(request: Request, text: str, kind: str) -> Response:
    """Text, compressed where the browser takes that."""
    from starlette.responses import Response

    body, headers = text.encode(), HEADERS | {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = _packed(body), headers | {"Content-Encoding": "gzip"}
    return Response(body, media_type=kind, headers=headers)


@lru_cache(maxsize=64)
def _packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def chosen(asked: str, preferred: str) -> str:
    """A language that there is."""
    wanted = [asked, *(part.split(";")[0].strip().split("-")[0].lower() for part in preferred.split(","))]
    return next((code for code in wanted if code in NAMES), "en")


def rendered(code: str) -> str:
    """check.html with its words."""
    words = page_words(code)
    data = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    links = "".join(
        f'<a href="/check?lang={each}" lang="{each}"{" aria-current=true" * (each == words["lang"])}>{name}</a>'
        for each, name in NAMES.items()
    )
    raw = {"words": data, "languages": links}
    text = _read("check.html")
    return WORD.sub(lambda found: raw.get(found[1]) or html.escape(words[found[1]]), text)


async def _file(request: Request) -> Response:
    """One of the page's scripts, or its style; of the first script, all that it needs."""
    from starlette.responses import PlainTextResponse

    name = request.path_params["name"]
    ending = name.rpartition(".")[2]
    if ending not in TYPES or name not in {entry.name for entry in PAGE.iterdir()}:
        return PlainTextResponse("There is no such file here; the page is /check.", 404)
    return _short(request, _first() if name == f"{FIRST}.js" else _read(name), TYPES[ending])


def _read(name: str) -> str:
    return PAGE.joinpath(name).read_text(encoding="utf-8")


@cache
def _first() -> str:
    return joined(FIRST, lambda name: _read(f"{name}.js"))


async def _code(request: Request) -> Response:
    """The page's link as a QR code; an empty picture where segno is missing."""
    import io

    from starlette.responses import Response

    out = io.BytesIO()
    try:
        import segno
    except ImportError:
        out.write(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    else:
        segno.make(str(request.url.replace(path="/check", query="")), error="m").save(out, kind="svg", scale=4)
    return Response(out.getvalue(), media_type="image/svg+xml", headers=HEADERS)


@dataclass(frozen=True, slots=True)
class Server:
    """What stands behind the page."""

    far: FarEnd
    relay: Relay | None
    share: str
    witness: Witness
    others: Others
    address: str


# -- a check ----------------------------------------------------------------------------------------------------


async def _admit(socket: WebSocket, places: Places, server: Server) -> None:
    """Wait for a place, then talk."""
    if places.full:
        await socket.send_json(trouble("full", "The test server is full; try again in some minutes."))
        await socket.close()
        return

    async def tell(place: int) -> None:
        await socket.send_json({"type": "queue", "place": place})

    async with places.taken(tell):
        await _talk(socket, server)


async def _talk(socket: WebSocket, server: Server) -> None:
    """One check: what the page says goes to the far end, what that says to the page, but facts, which are judged."""
    from starlette.websockets import WebSocketDisconnect

    far, host = server.far, server.address or socket.scope["server"][0]
    reader, writer = await asyncio.open_connection(LOOPBACK, far.control, limit=LINE_BYTES)
    check = Check(socket, writer, server, host)
    check.tell_far({"token": far.token, "host": host, "page": check.page})

    async def outward() -> None:
        try:
            while line := await reader.readline():
                await check.from_far(json.loads(line))
        finally:  # whatever failed here, the page must not wait for it
            with contextlib.suppress(ConnectionError, RuntimeError, WebSocketDisconnect):
                await socket.close()

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

    def __init__(self, socket: WebSocket, far: asyncio.StreamWriter, server: Server, host: str) -> None:
        self._socket, self._far, self._server, self._host = socket, far, server, host
        self._name = socket.url.hostname or host
        self._language, self._media = "en", 1
        self.page = socket.client.host if socket.client else ""

    def tell_far(self, message: dict[str, Any]) -> None:
        """One line to the far end."""
        self._far.write(json.dumps(message).encode() + b"\n")

    async def from_page(self, message: dict[str, Any]) -> None:
        """Pings are answered here; the rest is the far end's."""
        kind = message.get("type")
        if kind == "ping":
            await self._socket.send_json({"type": "pong", "number": message.get("number")})
            return
        if kind == "start":
            self._language = str(message.get("language", "en"))
            self._media = 2 if "video" in message.get("media", ()) else 1
        if kind not in OURS:
            self.tell_far(message)

    async def from_far(self, message: dict[str, Any]) -> None:
        """Facts are judged: another epoch, or the paths, or the end."""
        kind = message["type"]
        if kind == "welcome":
            message |= {"twin": {"port": self._server.far.port, "fingerprint": self._server.far.fingerprint}}
        if kind == "epoch":
            message |= {"most": EPOCHS * self._media}
        if kind != "facts":
            await self._socket.send_json(message)
            return
        facts = msgspec.msgpack.decode(base64.b64decode(message["facts"]), type=Facts)
        if message["tried"]:
            await self._end(facts, message)
        elif medium := await asyncio.to_thread(_unsettled, facts):
            self.tell_far({"type": "next", "medium": medium})
        else:
            self.tell_far(self._paths())

    def _paths(self) -> dict[str, Any]:
        """Which paths to try, with credentials for the relay."""
        relay = self._server.relay
        user, password = relay.credentials() if relay else ("", "")
        ways = [way for way in relay.ways(self._host, self._name) if way.url] if relay else []
        return {"type": "paths", "paths": msgspec.to_builtins(ways), "user": user, "password": password}

    async def _end(self, facts: Facts, last: dict[str, Any]) -> None:
        """`last` is the far end's last message."""
        server, half, late_ms = self._server, bytes.fromhex(last["half"]), float(last["late_ms"])
        page = "" if last["elsewhere"] else self.page  # a proxy's network was not measured

        def signed(facts: Facts, run_key: bytes) -> Facts:
            return server.witness.signed(facts, half, run_key, page)

        found = await asyncio.to_thread(told, facts, self._language, signed, far_late_ms=late_ms, apart=last["apart"])
        found["others"] = await asyncio.to_thread(server.others, page, self._language)
        relay = server.relay
        found["paths"] += (
            [{"name": way.name, "missing": way.missing} for way in relay.ways(self._host, self._name) if way.missing]
            if relay
            else []
        )
        await self._socket.send_json(found | {"share": server.share, "server_late_ms": late_ms})


def _unsettled(facts: Facts) -> str:
    """The medium that another epoch would tell more of and has time for; "" where there is none."""
    if facts.duration_s > NO_MORE_S:
        return ""
    verdicts = judge(facts)
    if any(v.reason is not None and v.reason.code in VOID for v in verdicts):
        return ""
    for verdict in verdicts:
        ran = [epoch for epoch in facts.epochs if epoch.medium == verdict.medium]
        lost = any(epoch.missing for epoch in ran)
        if not lost and len(ran) < EPOCHS and verdict.state not in SETTLED:
            return verdict.medium
    return ""
