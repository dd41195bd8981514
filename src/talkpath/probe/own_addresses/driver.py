"""Runs the questions to an app's own addresses on real sockets: one UDP socket for each number that the engine uses.

Packets whose hops are limited, and the routers' messages about them, need Linux (`wire.ip.error_queue`); no root. The
sockets of a stage are closed when the next one begins.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

from talkpath.probe.endpoint_driver import NAP_S
from talkpath.probe.own_addresses.datagrams import Datagram
from talkpath.probe.own_addresses.engine import OwnAddressEngine
from talkpath.wire.ip import error_queue

MOST_READS = 32

OnStage = Callable[[OwnAddressEngine], None]


class OwnAddressDriver:
    """Runs an engine. `on_stage` is called when another stage has begun."""

    def __init__(self, engine: OwnAddressEngine, on_stage: OnStage = lambda engine: None) -> None:
        self._engine, self._on_stage = engine, on_stage
        self._sockets: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._stage = 0

    def run(self) -> None:
        """Send all packets and take all answers, until the engine is done."""
        engine = self._engine
        try:
            while not engine.done:
                packets = engine.poll(time.monotonic())
                if engine.stage_number != self._stage:
                    self._stage = engine.stage_number
                    self._close()
                    self._on_stage(engine)
                for packet in packets:
                    self._send(packet)
                self._receive(min(NAP_S, max(0.0, engine.wake_s - time.monotonic())))
        finally:
            self._close()
            self._selector.close()

    def _send(self, packet: Datagram) -> None:
        """Send one datagram. One that the system does not send counts as lost: it sends none of that moment, whatever
        they carry."""
        try:
            end = self._socket(packet)
            if packet.hops:
                note = error_queue.hops_note(packet.to.family, packet.hops)
                end.sendmsg([packet.data], [note], 0, packet.to.reveal())
            else:
                end.sendto(packet.data, packet.to.reveal())
        except OSError:
            return

    def _socket(self, packet: Datagram) -> socket.socket:
        end = self._sockets.get(packet.local)
        if end is None:
            family = socket.AF_INET if packet.to.family == 4 else socket.AF_INET6
            end = self._sockets[packet.local] = socket.socket(family, socket.SOCK_DGRAM)
            end.setblocking(False)
            if not error_queue.error_queue_missing():
                end.setsockopt(*error_queue.RECEIVE[packet.to.family], 1)
            self._selector.register(end, selectors.EVENT_READ, packet.local)
        return end

    def _receive(self, timeout_s: float) -> None:
        if not self._sockets:
            time.sleep(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            end, local = key.fileobj, key.data
            assert isinstance(end, socket.socket)
            self._read_errors(end, local)
            for data, _ in error_queue.waiting_datagrams(end, MOST_READS):
                self._engine.datagram(time.monotonic(), local, data)

    def _read_errors(self, end: socket.socket, local: int) -> None:
        if error_queue.error_queue_missing():
            return
        for notes, _ in error_queue.queued_errors(end, MOST_READS):
            if (router := error_queue.exceeded_by(notes)) is not None:
                self._engine.exceeded(time.monotonic(), local, router)
            elif error_queue.from_network(notes):
                self._engine.refused(time.monotonic(), local)

    def _close(self) -> None:
        for end in self._sockets.values():
            self._selector.unregister(end)
            end.close()
        self._sockets.clear()
