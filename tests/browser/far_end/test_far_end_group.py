"""Each check goes to the far end with most room, and one that ends takes no other with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import ExitStack
from typing import Any, cast

import pytest

from talkpath.browser.far_end.far_end_group import AT_A_TIME, FarEndGroup, FarEndPlaces
from talkpath.browser.far_end.far_end_process import FarEnd
from talkpath.errors import UsageError
from talkpath.serving.supervisor import Supervisor

HERE, PATIENCE_S = "127.0.0.1", 30.0


def far_end(control: int) -> FarEnd:
    return FarEnd(control, "token", cast(Any, None))


def free(count: int) -> list[int]:
    with ExitStack() as open_now:
        probes = [open_now.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(count)]
        for probe in probes:
            probe.bind((HERE, 0))
        return [probe.getsockname()[1] for probe in probes]


def test_checks_are_spread_and_none_has_more_than_its_share():
    running = [far_end(1), far_end(2), far_end(3)]
    places = FarEndPlaces(lambda: running, each=2)
    with ExitStack() as checks:
        given = [checks.enter_context(places.one()) for _ in range(7)]
        assert [found.control if found else None for found in given] == [1, 2, 3, 1, 2, 3, None]
        assert places.taken == 6
    assert places.taken == 0


def test_a_far_end_that_ended_gets_no_check_and_a_new_one_does():
    running = [far_end(1), far_end(2)]
    places = FarEndPlaces(lambda: running, each=1)
    with places.one(), places.one():
        running[0] = far_end(3)  # the first ended, and was started again
        with places.one() as found:
            assert found is running[0]
        del running[:]
        assert not places.is_served
        with places.one() as found:
            assert found is None


def test_a_check_that_fails_gives_its_place_back():
    places = FarEndPlaces(lambda: [far_end(1)], each=1)
    with pytest.raises(ZeroDivisionError), places.one():
        1 / 0  # noqa: B018
    with places.one() as found:
        assert found is not None


def test_there_are_no_more_far_ends_than_cores():
    group = FarEndGroup(HERE, [4434, 4435, 4436], cores=2)
    assert (group.ports, group.at_a_time) == ((4434, 4435), 2 * AT_A_TIME)


def test_one_that_is_killed_is_started_again_and_the_other_goes_on():
    async def play() -> tuple[list[str], list[int], list[int]]:
        lines: list[str] = []
        group, supervisor = FarEndGroup(HERE, free(2), cores=2), Supervisor(lines.append, lambda _: asyncio.sleep(0.05))
        await group.start()
        first = group.running()
        group.keep(supervisor)
        os.kill(first[0].process.pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while first[0] in group.running() or len(group.running()) < 2:
                await asyncio.sleep(0.05)
        again = group.running()
        await supervisor.stop()
        await group.stop()
        return lines, [each.control for each in first], [each.control for each in again]

    lines, first, again = asyncio.run(play())
    assert len(lines) == 1
    assert "at UDP" in lines[0]
    assert again[1] == first[1]


def test_where_one_port_is_taken_none_is_left_running():
    async def play() -> list[FarEnd]:
        with socket.socket(type=socket.SOCK_DGRAM) as other:
            other.bind((HERE, 0))
            group = FarEndGroup(HERE, [*free(1), other.getsockname()[1]], cores=2)
            with pytest.raises(UsageError, match="is taken"):
                await group.start()
            (started,) = group.running()
            assert started.process.returncode is not None
            return group.running()

    asyncio.run(play())
