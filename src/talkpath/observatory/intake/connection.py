"""Bundles straight from a connection to the desk: they come by the thousand, and a task, its timer and its future cost
as much as everything else that is done with a bundle beside its signatures.

What is a request, which follows which, and when a connection ends, uvicorn says as ever. A bundle whose sender did not
wait for the answer to an earlier request goes the way of all others (bundles.py); it is answered the same.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from talkpath.observatory.http import Protocol
from talkpath.observatory.intake.bundles import BODY_S, PATH, Bundles, Headers, headers_of, host_of, withdraw_of
from talkpath.observatory.intake.desk import Answer, Sender
from talkpath.observatory.intake.refusal import RefusedError

FORWARDED = frozenset((b"x-forwarded-for", b"x-forwarded-proto"))  # what a proxy tells, for uvicorn to read
FAILED = b"Internal Server Error"


def connection(bundles: Bundles) -> type[Protocol]:
    """What uvicorn makes one of for each connection."""
    return type("Connection", (Connection,), {"bundles": bundles})


class Connection(Protocol):
    """One connection. At most one bundle is on its way in: `_sender` is whoever sends it, `_slow` rings where it does
    not come whole at once."""

    bundles: Bundles
    _starting = False
    _sender: Sender | None = None
    _slow: asyncio.TimerHandle | None = None

    def __init__(self, config: Config, *more: Any, **named: Any) -> None:
        super().__init__(config, *more, **named)
        self._headers: Headers = {}
        self._proxies = ProxyHeadersMiddleware(_nothing, config.forwarded_allow_ips)

    def data_received(self, data: bytes) -> None:
        """Of asyncio."""
        super().data_received(data)
        if self._sender is not None and self._slow is None:
            self._slow = self.loop.call_later(BODY_S, self._refuse, "slow")

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio."""
        super().connection_lost(exc)
        if self._sender is not None:
            self._refuse("bad_request")

    def on_headers_complete(self) -> None:
        """Of llhttp."""
        self._starting = True
        super().on_headers_complete()
        self._starting = False

    def on_body(self, body: bytes) -> None:
        """Of llhttp."""
        super().on_body(body)
        if self._sender is not None:
            self.flow.resume_reading()
            if len(self.cycle.body) > self.bundles.desk.settings.most_bytes:
                self._refuse("too_large")

    def on_message_complete(self) -> None:
        """Of llhttp."""
        super().on_message_complete()
        if self._sender is not None:
            self._put(self._end())

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Of uvicorn."""
        scope = cycle.scope
        ours = self._starting and app is self.app and scope["path"] == PATH and scope["method"] == "POST"
        if not ours:
            super()._start_asgi_task(cycle, app)
            return
        try:
            self._begin(cycle)
        except RefusedError as refused:
            self._answer(cycle, refused)

    def _begin(self, cycle: RequestResponseCycle) -> None:
        self._headers = headers_of(cycle.scope)  # type: ignore[arg-type]
        if not FORWARDED.isdisjoint(self._headers):
            self._forward(cycle)
        self._sender = self.bundles.enter(self._headers, host_of(cycle.scope))  # type: ignore[arg-type]
        if cycle.waiting_for_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False

    def _forward(self, cycle: RequestResponseCycle) -> None:
        """Whose request a proxy passes on, as uvicorn finds it for all others."""
        run = self._proxies(cycle.scope, cycle.receive, cycle.send)
        try:
            run.send(None)
        except StopIteration:
            return

    def _end(self) -> Sender:
        """Of a body, however it ended."""
        sender, self._sender = self._sender, None
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None
        self.bundles.leave()
        assert sender is not None  # whoever calls looked
        return sender

    def _put(self, sender: Sender) -> None:
        cycle = self.cycle
        told = partial(self._answer, cycle)
        self.bundles.desk.put(bytes(cycle.body), sender, withdraw_of(self._headers), told)

    def _refuse(self, code: str) -> None:
        self._end()
        self._answer(self.cycle, RefusedError(code))

    def _answer(self, cycle: RequestResponseCycle, said: Answer | Exception) -> None:
        if isinstance(said, Answer | RefusedError):
            status, headers, data = self.bundles.answer(said)
        else:
            self.logger.error("A bundle could not be taken", exc_info=said)
            status, headers, data = 500, [(b"content-length", b"%d" % len(FAILED))], FAILED
            cycle.keep_alive = False
        if cycle.disconnected:
            return
        lines = [b"%b: %b\r\n" % line for line in (*cycle.default_headers, *headers)]
        lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        self.plain().write(b"".join((STATUS_LINE[status], *lines, data)))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()


async def _nothing(*_: Any) -> None:
    """An application for whoever wants to know only what stands before it."""
