"""Connections by address block, and connections without a request, on real sockets of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from talkpath.serving.connections import ConnectionLimits, LimitedListener, RequestWatch, networks_of
from talkpath.serving.supervisor import Supervisor

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def slow_application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers after a second with the address that it sees."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    await asyncio.sleep(1.0)
    host = scope["client"][0].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(host))]})
    await send({"type": "http.response.body", "body": host})


class Clients:
    """Connections to a port, all closed in the end."""

    def __init__(self, port: int) -> None:
        self._port, self._streams = port, list[Stream]()

    async def connect(self, host: str = "127.0.0.1") -> Stream:
        self._streams.append(await asyncio.open_connection("127.0.0.1", self._port, local_addr=(host, 0)))
        return self._streams[-1]

    async def close(self) -> None:
        for _, writer in self._streams:
            writer.close()
        for _, writer in self._streams:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def running(limits: ConnectionLimits) -> AsyncIterator[Clients]:
    """Clients of a server with these limits."""
    listener = LimitedListener(socket.create_server(("127.0.0.1", 0), backlog=256), limits)
    port: int = listener.getsockname()[1]
    watch = RequestWatch(slow_application, listener)
    config = uvicorn.Config(watch, http="h11", lifespan="off", log_config=None, proxy_headers=False)
    server, supervisor = uvicorn.Server(config), Supervisor()
    async with listener.running(supervisor):
        task, clients = asyncio.create_task(server.serve(sockets=[listener])), Clients(port)
        try:
            yield clients
        finally:
            await clients.close()
        server.should_exit = True
        await asyncio.wait_for(task, 30)
        await supervisor.stop()


async def is_closed(stream: Stream, within_s: float = 10.0) -> bool:
    try:
        return await asyncio.wait_for(stream[0].read(1000), within_s) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


async def answer(stream: Stream, request: bytes = GET) -> bytes:
    stream[1].write(request)
    return await asyncio.wait_for(stream[0].readuntil(b"\r\n\r\n"), 30) + await stream[0].read(1000)


def test_a_block_has_its_share_of_connections_and_others_are_served():
    async def scene() -> None:
        async with running(ConnectionLimits(most_a_block=3, idle_s=60.0)) as clients:
            first = [await clients.connect(f"127.0.0.{at}") for at in (1, 2, 3)]
            beyond = [await clients.connect("127.0.0.9") for _ in range(5)]
            assert all([await is_closed(stream) for stream in beyond])
            assert b"200 OK" in await answer(await clients.connect("127.0.1.1")), "another block is served"
            assert b"200 OK" in await answer(first[0]), "who was there stays"
            first[1][1].close()
            await asyncio.sleep(0.2)
            assert b"200 OK" in await answer(await clients.connect("127.0.0.9")), "a place was given back"

    asyncio.run(scene())


def test_a_thousand_silent_connections_of_one_address_keep_nobody_out():
    async def scene() -> None:
        async with running(ConnectionLimits(most=100, most_a_block=20, idle_s=60.0)) as clients:
            for _ in range(300):
                await clients.connect()
            assert b"200 OK" in await answer(await clients.connect("127.0.1.1"))

    asyncio.run(scene())


def test_a_connection_without_a_request_is_closed_and_one_with_a_slow_answer_is_not():
    async def trickle(stream: Stream) -> None:
        with contextlib.suppress(ConnectionError):
            for byte in GET * 20:
                stream[1].write(bytes((byte,)))
                await stream[1].drain()
                await asyncio.sleep(0.1)

    async def scene() -> None:
        async with running(ConnectionLimits(idle_s=0.5)) as clients:
            silent, slow_head, busy = [await clients.connect() for _ in range(3)]
            sending = asyncio.create_task(trickle(slow_head))
            answered = asyncio.create_task(answer(busy))
            assert await is_closed(silent)
            assert await is_closed(slow_head)
            assert b"200 OK" in await answered, "it took longer than an idle connection may live"
            sending.cancel()

    asyncio.run(scene())


@pytest.mark.parametrize(("proxies", "seen"), [("127.0.0.1", b"203.0.113.7"), ("192.0.2.1", b"127.0.0.1")])
def test_only_a_trusted_proxy_names_another_address_and_its_connections_are_not_counted(proxies: str, seen: bytes):
    async def scene() -> None:
        limits = ConnectionLimits(most_a_block=1, proxies=proxies)
        request = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
        async with running(limits) as clients:
            assert (await answer(await clients.connect(), request)).endswith(seen)
            more = [await clients.connect() for _ in range(3)]
            closed = [await is_closed(stream, 2.0) for stream in more]
            assert any(closed) == (proxies != "127.0.0.1")

    asyncio.run(scene())


def test_a_list_of_proxies_is_read_as_uvicorn_reads_it():
    assert [str(network) for network in networks_of("127.0.0.1, 10.0.0.0/8,::1,/run/x.sock")] == [
        "127.0.0.1/32", "10.0.0.0/8", "::1/128"
    ]  # fmt: skip
    assert [str(network) for network in networks_of("*")] == ["0.0.0.0/0", "::/0"]
