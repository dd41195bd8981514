"""The far end's process is started again when it ends, has a valid certificate, and is quiet about its errors."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from talkpath.browser.far_end import far_end_process as module
from talkpath.browser.far_end.far_end_process import ErrorReports, FarEnd, FarEndKeeper, FarEndServer, start_far_end
from talkpath.errors import UsageError
from talkpath.serving.supervisor import Supervisor

HERE = "127.0.0.1"
PATIENCE_S = 30.0


def free() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


async def first_message(far_end: FarEnd, token: str | None = None) -> dict[str, Any]:
    """What a check is told first; {} for nothing."""
    reader, writer = await asyncio.open_connection(HERE, far_end.control)
    hello = {"token": token or far_end.token, "host": HERE, "page": HERE}
    writer.write(json.dumps(hello).encode() + b"\n")
    line = await reader.readline()
    writer.close()
    return json.loads(line or b"{}")  # type: ignore[no-any-return]


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await found():
            await asyncio.sleep(0.05)


def test_a_far_end_that_is_killed_is_told_and_started_again():
    async def play() -> tuple[list[str], dict[str, Any]]:
        lines: list[str] = []
        keeper, supervisor = FarEndKeeper(HERE, free()), Supervisor(lines.append, lambda _: asyncio.sleep(0.05))
        await keeper.start()
        assert keeper.current is not None
        first = keeper.current
        supervisor.start("The far end", keeper.run)
        os.kill(first.process.pid, signal.SIGKILL)

        async def runs_again() -> bool:
            return keeper.current not in (None, first)

        await until(runs_again)
        welcome = await first_message(keeper.current)
        await supervisor.stop()
        await keeper.stop()
        return lines, welcome

    lines, welcome = asyncio.run(play())
    assert lines == ["The far end ended. It is started again in 1 s."]
    assert welcome["type"] == "welcome"


def test_while_its_port_is_taken_it_is_tried_again():
    async def play() -> list[str]:
        lines: list[str] = []
        supervisor = Supervisor(lines.append, lambda _: asyncio.sleep(0.05))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((HERE, 0))
            keeper = FarEndKeeper(HERE, other.getsockname()[1])
            with pytest.raises(UsageError):
                await keeper.start()
            supervisor.start("The far end", keeper.run)

            async def was_told() -> bool:
                return bool(lines)

            await until(was_told)

        async def runs() -> bool:
            return keeper.current is not None

        await until(runs)
        await supervisor.stop()
        await keeper.stop()
        return lines

    assert "is taken" in asyncio.run(play())[0]


def test_what_data_channels_need_is_loaded_before_the_first_one_comes():
    async def play() -> None:
        far_end = await start_far_end(HERE, free())
        maps = Path(f"/proc/{far_end.process.pid}/maps")

        async def is_loaded() -> bool:
            return "/av/" in maps.read_text()  # a package that aiortc alone uses

        try:
            await until(is_loaded)
        finally:
            await far_end.stop()

    asyncio.run(play())


def test_who_does_not_know_the_token_learns_nothing():
    async def play() -> tuple[dict[str, Any], dict[str, Any]]:
        far_end = await start_far_end(HERE, free())
        try:
            return await first_message(far_end, "guess"), await first_message(far_end)
        finally:
            await far_end.stop()

    stranger, own = asyncio.run(play())
    assert stranger == {}
    assert own["twin"].keys() == {"port", "fingerprint"}


@pytest.mark.parametrize(
    ("age", "checks", "is_new"),
    [
        (timedelta(days=1), 0, False),
        (module.RENEW_FROM + timedelta(hours=1), 1, False),  # a page may know the old one
        (module.RENEW_FROM + timedelta(hours=1), 0, True),
        (module.RENEW_BY + timedelta(hours=1), 1, True),
    ],
)
def test_the_certificate_of_twins_is_new_before_it_ends(age: timedelta, checks: int, is_new: bool):
    class Quic:
        class _configuration:
            certificate = private_key = None

    server = FarEndServer()
    server._port = module.SharedPort(Quic())  # type: ignore[arg-type]
    before = server._certificate
    server._certificate = replace(before, made_at=datetime.now(UTC) - age)
    server._check_count = checks
    server._renew_certificate()
    assert (server._certificate.fingerprint() != before.fingerprint()) is is_new
    assert (Quic._configuration.certificate is server._certificate.chain) is is_new


def test_errors_of_its_own_are_told_once_a_minute_and_without_what_came(capsys: pytest.CaptureFixture[str]):
    async def play() -> None:
        loop, reports = asyncio.get_running_loop(), ErrorReports()
        for _ in range(100):
            reports.handle(loop, {"message": "", "exception": ValueError("192.0.2.1")})

    asyncio.run(play())
    assert capsys.readouterr().err == "talkpath: The far end met an error of its own (ValueError) and goes on.\n"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 does not tell an error's handler whose task it was")
@pytest.mark.parametrize(
    ("error", "ends"), [(MemoryError("no callback"), True), (TypeError(), True), (ConnectionResetError(), False)]
)
def test_an_error_in_a_checks_own_task_ends_that_check(error: Exception, ends: bool):
    async def fails() -> None:
        raise error

    async def check(name: str, ended: list[str], acts: bool) -> None:
        module.fail_check.set(lambda: ended.append(name))
        if acts:
            asyncio.get_running_loop().create_task(fails())
        await asyncio.sleep(0.01)

    async def play(ended: list[str]) -> None:
        asyncio.get_running_loop().set_exception_handler(ErrorReports().handle)
        await asyncio.gather(check("first", ended, True), check("second", ended, False))
        gc.collect()

    ended: list[str] = []
    asyncio.run(play(ended))
    assert ended == ["first"] * ends
