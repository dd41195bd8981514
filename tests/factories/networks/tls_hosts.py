"""TLS servers in namespaces: an app's own and two neutral ones, and their rows of the catalogue."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from proof.app_servers.hellos import NEUTRAL
from talkpath.lab.drivers.netns import NetnsLab
from talkpath.lab.path.link import LabHost
from talkpath.lab.restrictor.app_networks import app_host_name, app_relay
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.probe.endpoint_driver import RequestOutcome

APP, TODAY, PORT = "telegram", date(2026, 11, 28), 443
OWN = app_relay(APP)
HOSTS = (OWN, *NEUTRAL[:2])
NAMES = {app_host_name(APP if host == OWN else "", host.name): host for host in HOSTS}


@contextmanager
def tls_server(lab: NetnsLab, host: LabHost, server: ssl.SSLContext, family: int, *, mute: bool) -> Iterator[None]:
    """A TLS server on that host with one certificate for all names; `mute` accepts connections and says nothing."""
    with lab.inside(host.name):
        listener = socket.create_server(
            ("", PORT), family=socket.AF_INET if family == 4 else socket.AF_INET6, backlog=32
        )
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            kept.append(end)
            if not mute:
                threading.Thread(target=greet, args=(end,), daemon=True).start()

    def greet(end: socket.socket) -> None:
        try:
            server.wrap_socket(end, server_side=True).close()
        except OSError:
            end.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for end in kept:
        end.close()


def _endpoint_row(name: str, host: LabHost) -> EndpointRow:
    return EndpointRow(host.name, APP if host == OWN else "", "tls", name, PORT, 1, "the lab", TODAY, "high")


def chosen_endpoints(*, hellos: bool = False) -> ChosenEndpoints:
    """All of them, and a name server that is never asked."""
    rows = [_endpoint_row(name, host) for name, host in NAMES.items()]
    resolver = EndpointRow("r", "", "resolver", "192.0.2.53", 53, 1, "the lab", TODAY, "high")
    return ChosenEndpoints(tuple(rows[:1]), tuple(rows[1:]), resolver, names_only=False, hellos=hellos)


def found_name(name: str, family: int) -> RequestOutcome:
    """Where that name is."""
    return RequestOutcome(addresses=(NAMES[name].address(family, PORT),))
