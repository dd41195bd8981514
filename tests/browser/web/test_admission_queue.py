"""The queue: in order, told its place, and nobody who leaves is waited for."""

from __future__ import annotations

import asyncio

import pytest

from talkpath.browser.web import admission_queue
from talkpath.browser.web.admission_queue import AdmissionQueue, QueueFullError


def test_places_are_given_in_order_and_told():
    async def play() -> tuple[list[str], list[tuple[str, int]]]:
        places, log, told = AdmissionQueue(1), [], []
        leave = {name: asyncio.Event() for name in "abc"}

        async def check(name: str) -> None:
            async def tell(place: int) -> None:
                told.append((name, place))

            async with places.admitted(tell):
                log.append(name)
                await leave[name].wait()

        tasks = [asyncio.create_task(check(name)) for name in "abc"]
        await asyncio.sleep(0)
        for name in "abc":
            leave[name].set()
            await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
        return log, told

    log, told = asyncio.run(play())
    assert log == ["a", "b", "c"]
    assert told == [("b", 1), ("c", 2), ("c", 1)]


def test_who_leaves_the_queue_is_not_waited_for():
    async def play() -> bool:
        places, leave = AdmissionQueue(1), asyncio.Event()

        async def tell(place: int) -> None:
            return

        async def check(gone: asyncio.Event) -> bool:
            async with places.admitted(tell):
                await gone.wait()
                return True

        first = asyncio.create_task(check(leave))
        await asyncio.sleep(0)
        second, third = asyncio.create_task(check(leave)), asyncio.create_task(check(leave))
        await asyncio.sleep(0)
        second.cancel()
        leave.set()
        return await first and await asyncio.wait_for(third, 1.0)

    assert asyncio.run(play())


def test_who_waits_is_told_again_and_who_cannot_be_told_has_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(admission_queue, "TELL_AGAIN_S", 0.01)

    async def play() -> tuple[list[int], int]:
        places, leave, told = AdmissionQueue(1), asyncio.Event(), list[int]()

        async def hold() -> None:
            async with places.admitted(never):
                await leave.wait()

        async def never(place: int) -> None:
            raise AssertionError

        async def tell(place: int) -> None:
            told.append(place)
            if len(told) == 3:
                raise ConnectionError

        async def wait() -> None:
            async with places.admitted(tell):
                raise AssertionError

        inside = asyncio.create_task(hold())
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(wait(), 5.0)
        leave.set()
        await inside
        async with places.admitted(never):
            return told, len(places)

    assert asyncio.run(play()) == ([1, 1, 1], 0)


async def wait_in(queue: AdmissionQueue, host: str, log: list[str], leave: asyncio.Event) -> None:
    async def tell(place: int) -> None:
        return

    try:
        async with queue.admitted(tell, host):
            log.append(host)
            await leave.wait()
    except QueueFullError:
        log.append(f"no place: {host}")


def test_address_blocks_take_turns():
    async def play() -> list[str]:
        queue, log, leave = AdmissionQueue(1), list[str](), asyncio.Event()
        hosts = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1", "203.0.113.1"]
        tasks = [asyncio.create_task(wait_in(queue, host, log, leave)) for host in hosts]
        await asyncio.sleep(0)
        leave.set()
        await asyncio.gather(*tasks)
        return log

    assert asyncio.run(play()) == ["192.0.2.1", "198.51.100.1", "203.0.113.1", "192.0.2.2", "192.0.2.3"]


def test_where_the_queue_is_full_the_block_with_most_pages_gives_way():
    """Seven blocks of eight pages each fill the queue; then two people come."""

    async def play() -> tuple[list[str], int, list[str]]:
        queue, log, leave = AdmissionQueue(1), list[str](), asyncio.Event()
        hosts = [f"10.{block}.0.{page}" for page in range(8) for block in range(7)]
        tasks = [asyncio.create_task(wait_in(queue, host, log, leave)) for host in hosts]
        await asyncio.sleep(0.01)
        refused = [one for one in log if one.startswith("no place")]
        people = [asyncio.create_task(wait_in(queue, host, log, leave)) for host in ("192.0.2.1", "198.51.100.1")]
        await asyncio.sleep(0.01)
        waiting = len(queue)
        leave.set()
        await asyncio.gather(*tasks, *people)
        return refused, waiting, log

    refused, waiting, log = asyncio.run(play())
    assert len(refused) == 56 - 1 - admission_queue.MAX_WAITING
    assert waiting == admission_queue.MAX_WAITING
    served = [one for one in log if not one.startswith("no place")]
    assert {"192.0.2.1", "198.51.100.1"} <= set(served[:9])
