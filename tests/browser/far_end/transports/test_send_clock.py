"""What is due leaves, in order, and one sender's end or failure holds up no other."""

from __future__ import annotations

import asyncio

from talkpath.browser.far_end.transports.shared_port import SendClock


def test_each_sender_is_called_when_it_said():
    async def play() -> tuple[list[float], list[float]]:
        loop, clock = asyncio.get_running_loop(), SendClock()
        began_s, often, once = loop.time(), list[float](), list[float]()

        def send_often() -> float | None:
            often.append(loop.time() - began_s)
            return began_s + 0.02 * (len(often) + 1) if len(often) < 4 else None

        def send_once() -> None:
            once.append(loop.time() - began_s)

        clock.add(send_often, began_s + 0.02)
        clock.add(send_once, began_s + 0.01)
        await asyncio.sleep(0.3)
        return often, once

    often, once = asyncio.run(play())
    assert len(once) == 1
    assert once[0] >= 0.01
    assert [at_s >= 0.02 * (number + 1) for number, at_s in enumerate(often)] == [True] * 4


def test_a_sender_that_was_removed_is_not_called():
    async def play() -> list[str]:
        loop, clock, called = asyncio.get_running_loop(), SendClock(), list[str]()

        def removed() -> None:
            called.append("removed")

        def remover() -> None:
            called.append("remover")
            clock.remove(removed)

        clock.add(remover, loop.time() + 0.01)
        clock.add(removed, loop.time() + 0.01)
        await asyncio.sleep(0.1)
        return called

    assert asyncio.run(play()) == ["remover"]
