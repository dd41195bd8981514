"""What leaves a connection leaves together, in order, and nothing of it is lost."""

from __future__ import annotations

import asyncio

from talkpath.observatory.http import TOGETHER_BYTES, _Together


class Written(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.packets.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def test_what_is_written_in_one_turn_is_one_packet():
    async def turns() -> list[bytes]:
        inner = Written()
        transport = _Together(inner, asyncio.get_running_loop())
        for turn in ((b"head ", b"body"), (b"next",)):
            for part in turn:
                transport.write(part)
            assert not transport.is_closing()
            await asyncio.sleep(0)
        return inner.packets

    assert asyncio.run(turns()) == [b"head body", b"next"]


def test_nothing_is_lost_when_it_closes_and_no_more_is_kept_than_is_said():
    async def closed() -> Written:
        inner = Written()
        transport = _Together(inner, asyncio.get_running_loop())
        transport.write(bytes(TOGETHER_BYTES + 1))
        assert [len(packet) for packet in inner.packets] == [TOGETHER_BYTES + 1]
        transport.write(b"last")
        transport.close()
        return inner

    inner = asyncio.run(closed())
    assert (inner.packets[-1], inner.closed) == (b"last", True)


def test_whoever_gets_the_transport_gets_what_was_written_before():
    async def handed() -> list[bytes]:
        inner = Written()
        transport = _Together(inner, asyncio.get_running_loop())
        transport.write(b"before")
        transport.plain().write(b"after")
        return inner.packets

    assert asyncio.run(handed()) == [b"before", b"after"]
