"""What libraries log of an error holds neither its text nor a socket's address, and still tells where it came from."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from talkpath.serving.private_logs import WithoutTexts

SECRET = "203.0.113.7"
SERVER = f"""
import asyncio, logging, socket, threading, urllib.request, urllib.error
import uvicorn
from talkpath.serving.private_logs import keep_texts_out_of_logs

async def app(scope, receive, send):
    if scope["type"] == "http":
        raise ValueError("{SECRET} sent this")

config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
keep_texts_out_of_logs()
server, bound = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))

def ask():
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{{bound.getsockname()[1]}}/", timeout=10)
    except urllib.error.HTTPError:
        pass
    server.should_exit = True

async def failing():
    raise OSError("{SECRET} is gone")

async def run():
    task = asyncio.create_task(failing())
    await asyncio.sleep(0.1)
    del task
    context = {{"message": "It broke", "socket": "raddr=('{SECRET}', 1)", "exception": OSError("{SECRET}")}}
    asyncio.get_running_loop().call_exception_handler(context)
    threading.Thread(target=ask).start()
    await server.serve([bound])

asyncio.run(run())
"""


def test_a_server_s_log_tells_class_and_place_alone() -> None:
    done = subprocess.run([sys.executable, "-c", SERVER], capture_output=True, text=True, timeout=60, check=True)
    assert SECRET not in done.stderr + done.stdout
    lines = [line for line in done.stderr.splitlines() if line]
    assert any("Exception in ASGI application (ValueError at <string>:8)" in line for line in lines)
    assert any("Task exception was never retrieved (OSError at <string>:" in line for line in lines)
    assert "It broke (OSError at an unknown place)" in lines
    assert len(lines) == 3


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_arguments_are_kept_where_they_stand_on_the_first_line(level: int) -> None:
    record = logging.LogRecord("asyncio", level, __file__, 1, "%d tasks\n%s", (2, SECRET), None)
    assert WithoutTexts().filter(record)
    assert record.getMessage() == "2 tasks"


def test_the_observatory_s_server_is_filtered() -> None:
    pytest.importorskip("uvicorn")
    from talkpath.observatory.serve import _http_server
    from talkpath.serving.connections import ConnectionLimits

    async def nothing(*_: object) -> None:
        await asyncio.sleep(0)

    _http_server(nothing, ConnectionLimits())
    filters = [one for handler in logging.getLogger("uvicorn").handlers for one in handler.filters]
    assert any(isinstance(one, WithoutTexts) for one in filters)
