"""The server of a simulated messenger or neutral host: TLS 1.3, one message in, one answer out."""

from __future__ import annotations

import socket
import socketserver
import ssl
import sys
from pathlib import Path

from talkpath.lab.messenger.exchange import ANSWER_BYTES, MESSAGE_BYTES, TIMEOUT_S
from talkpath.wire.control import tls


class _Connection(socketserver.BaseRequestHandler):
    """One connection: TLS handshake, a message in, an answer out."""

    request: socket.socket
    server: _Host

    def handle(self) -> None:
        """Answer one whole message. A client that gives up has recorded the failure itself."""
        self.request.settimeout(TIMEOUT_S)
        try:
            with self.server.context.wrap_socket(self.request, server_side=True) as secure:
                if len(read_bytes(secure, MESSAGE_BYTES)) == MESSAGE_BYTES:
                    secure.sendall(bytes(ANSWER_BYTES))
        except OSError:  # the client gave up, and has recorded the failure
            return


class _Host(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, port: int, pem: Path, listen_on: str) -> None:
        self.context = tls.server_context(pem)
        both = not listen_on and socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if both else socket.AF_INET
        super().__init__((listen_on, port), _Connection)

    def server_bind(self) -> None:
        """Take IPv4 on the IPv6 socket too, where there is one socket for both."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def serve_messenger(port: int, pem: Path, listen_on: str = "") -> None:
    """Answer until the process is ended."""
    with _Host(port, pem, listen_on) as host:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        host.serve_forever(poll_interval=30.0)


def read_bytes(secure: ssl.SSLSocket, size: int) -> bytes:
    """Reads until `size` bytes are there or the connection ends."""
    data = b""
    while len(data) < size and (more := secure.recv(size - len(data))):
        data += more
    return data
