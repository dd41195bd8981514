"""The queue: in order, told its place, and nobody who leaves is waited for."""

from __future__ import annotations

import asyncio

import pytest

from talkpath.browser.web import admission_queue
from talkpath.browser.web.admission_queue import AdmissionQueue


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

    async def play() -> tuple[list[int], bool]:
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
            return told, places.is_full

    assert asyncio.run(play()) == ([1, 1, 1], False)
