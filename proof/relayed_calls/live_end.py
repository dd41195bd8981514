"""One end of a call on a real socket: the engine of `call_end`, driven by the monotonic clock."""

from __future__ import annotations

import socket
import time
from typing import Any

from proof.relayed_calls.call_end import CallEnd
from proof.relayed_calls.forwarder import MAX_FORWARDED_BYTES, SocketAddress, Stop
from talkpath.serving.supervisor import await_ready

LONGEST_WAIT_S = 0.2


def run_call_end(
    sock: socket.socket, end: CallEnd, to: SocketAddress | None, stop: Stop, until_s: float
) -> dict[str, Any]:
    """Runs the end until it is over, it is asked to stop, or the time (monotonic) is up; returns how the call was.

    `to` is where it sends; None for the callee, who answers where the last datagram came from.
    """
    while end.ended_s is None and not stop.asked and time.monotonic() < until_s:
        wait_s = min(max(0.0, end.wake_s - time.monotonic()), LONGEST_WAIT_S)
        if await_ready([sock], (), wait_s)[0]:
            data, source = sock.recvfrom(MAX_FORWARDED_BYTES)
            to = source
            _send_datagrams(sock, end.take(time.monotonic(), data), to)
        _send_datagrams(sock, end.poll(time.monotonic()), to)
    end.hang_up(time.monotonic())
    return {"connected": end.connected_s is not None, "ending": end.ending, "sent": end.sent, "came": end.came}


def _send_datagrams(sock: socket.socket, datagrams: list[bytes], to: SocketAddress | None) -> None:
    for data in datagrams:
        if to is not None:
            sock.sendto(data, to)
