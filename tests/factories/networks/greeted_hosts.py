"""Servers in namespaces that answer greetings, and their rows of the catalogue."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date

from talkpath.lab.own_addresses import is_greeting
from talkpath.lab.path.link import LabHost
from talkpath.lab.restrictor.app_networks import app_of_address
from talkpath.probe.endpoint_catalogue import EndpointRow

PORT = 3478
Inside = Callable[[str], AbstractContextManager[None]]


@contextmanager
def answering_greetings(end: socket.socket, came: list[bytes]) -> Iterator[None]:
    """Answers greetings that come to the socket, and keeps all that comes."""
    end.settimeout(0.1)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                data, source = end.recvfrom(2048)
            except TimeoutError:
                continue
            came.append(data)
            if is_greeting(data):
                end.sendto(b"\x01\x01" + data[2:], source)

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    over.set()
    thread.join()


@contextmanager
def greeting_server(inside: Inside, host: LabHost, family: int, came: list[bytes]) -> Iterator[None]:
    """A server on that host that answers greetings, and keeps all that reaches it."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    with inside(host.name):
        end = socket.socket(kind, socket.SOCK_DGRAM)
    with end:
        end.bind(("", PORT))
        with answering_greetings(end, came):
            yield


def endpoint_row(host: LabHost) -> EndpointRow:
    app = "telegram" if app_of_address(host.packed()[0]) else ""
    return EndpointRow(host.name, app, "stun", host.ipv4, PORT, 2, "the lab", date(2026, 11, 1), "high")
