"""The loop on real sockets: a busy test server takes all that comes, in batches, and sends what is due in time."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from talkpath.responder import driver as module
from talkpath.responder.driver import MOST_PASSES, ResponderDriver
from talkpath.responder.flight import ResponderPacket
from talkpath.responder.limits import Identity
from talkpath.responder.responder import Responder
from talkpath.wire.control.keys import new_identity_pem

HERE, COUNT, PATIENCE_S = "127.0.0.1", 300, 10.0


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


class Echo(Responder):
    """An engine that sends each datagram back, has always something due, and remembers when it was asked for it."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity)
        self.taken: list[bytes] = []
        self.polled_s: list[float] = []

    def datagram(self, now_s: float, source: object, port: int, data: bytes) -> list[ResponderPacket]:
        self.taken.append(data)
        return [ResponderPacket(source, port, data)]

    def poll(self, now_s: float) -> list[ResponderPacket]:
        self.polled_s.append(now_s)
        self.wake_s = now_s
        return []


@pytest.fixture
def echo(tmp_path: Path) -> tuple[Echo, ResponderDriver, int]:
    udp, control = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    pem = tmp_path / "key.pem"
    pem.write_bytes(new_identity_pem())
    engine = Echo(Identity((udp,), (control,), ()))
    return engine, ResponderDriver(engine, pem, control_port=control, host=HERE), udp


def run(driver: ResponderDriver, near: socket.socket, count: int) -> set[bytes]:
    """What comes back of `count` datagrams sent at once."""
    over = threading.Event()
    serving = threading.Thread(target=driver.run, args=(over.is_set,))
    for number in range(count):
        near.send(number.to_bytes(2, "big"))
    serving.start()
    near.settimeout(PATIENCE_S)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # where this thread must wait, all has room
    back = {near.recv(100) for _ in range(count)}
    over.set()
    serving.join()
    return back


def test_all_that_came_at_once_is_taken_and_answered(echo: tuple[Echo, ResponderDriver, int]):
    engine, driver, port = echo
    with socket.socket(type=socket.SOCK_DGRAM) as near:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        near.connect((HERE, port))
        back = run(driver, near, COUNT)
    assert len(back) == len(set(engine.taken)) == COUNT
    assert COUNT > 2**MOST_PASSES  # more than one turn takes, so that what is due is asked for in between


def test_while_datagrams_gather_what_is_due_still_leaves_in_time(
    echo: tuple[Echo, ResponderDriver, int], monkeypatch: pytest.MonkeyPatch
):
    waits: list[float] = []
    monkeypatch.setattr(module.time, "sleep", lambda s, sleep=time.sleep: (waits.append(s), sleep(s)))
    engine, driver, port = echo
    with socket.socket(type=socket.SOCK_DGRAM) as near:
        near.connect((HERE, port))
        run(driver, near, COUNT)
    assert len(engine.polled_s) >= COUNT / 2**MOST_PASSES  # a turn takes fewer
    assert max(waits) <= module.DATAGRAM_GATHER_S
