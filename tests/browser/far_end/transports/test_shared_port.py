"""The port's datagrams, and who gets a turn between them."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

from talkpath.browser.far_end.transports.shared_port import open_port

LOOPBACK, COUNT, TAKES_S = "127.0.0.1", 30, 0.004
QUIC = b"\xc0" + bytes(30)


class SlowHandshakes(asyncio.DatagramProtocol):
    """Takes its time with every datagram."""

    def __init__(self) -> None:
        self.taken = 0

    def datagram_received(self, data: bytes, addr: Any) -> None:
        time.sleep(TAKES_S)
        self.taken += 1


def test_a_burst_of_handshakes_keeps_nothing_waiting_that_is_due():
    async def play() -> tuple[int, int]:
        slow = SlowHandshakes()
        port = await open_port(LOOPBACK, 0, lambda transport: slow)
        with socket.socket(type=socket.SOCK_DGRAM) as browser:
            for _ in range(COUNT):
                browser.sendto(QUIC, port.address)
        due = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(TAKES_S, lambda: due.set_result(slow.taken))
        before = await due
        while slow.taken < COUNT:
            await asyncio.sleep(TAKES_S)
        port.close()
        return before, slow.taken

    before, after = asyncio.run(play())
    assert before <= 3
    assert after == COUNT
