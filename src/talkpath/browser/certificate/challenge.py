"""Answers the challenge http-01 (RFC 8555 section 8.3), by a web server that runs only while a challenge is open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from talkpath.browser.addresses import ANY_ADDRESSES
from talkpath.errors import UsageError

CHALLENGE_PATH = "/.well-known/acme-challenge/"
REQUEST_TIMEOUT_S = 10.0


@contextmanager
def serving_challenge(host: str, port: int, token: str, authorization: str) -> Iterator[None]:
    """Answer requests for `token` on that TCP port with `authorization`. `UsageError` if the port cannot be opened."""

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            is_asked = self.path == CHALLENGE_PATH + token
            body = authorization.encode() if is_asked else b""
            self.send_response(200 if is_asked else 404)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing, since a line would hold an address."""

    server = ThreadingHTTPServer((host, port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = _listening_socket(host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listening_socket(host: str, port: int) -> socket.socket:
    """A listening socket, for IPv4 and IPv6 where `host` is any address."""
    is_dual = host in ANY_ADDRESSES and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if is_dual or ":" in host else socket.AF_INET
    try:
        return socket.create_server(("" if is_dual else host, port), family=family, dualstack_ipv6=is_dual)
    except PermissionError:
        raise UsageError(f"A certificate for --domain takes TCP port {port}, which this user may not open.") from None
    except OSError:
        raise UsageError(f"A certificate for --domain takes TCP port {port}, and another program has it.") from None
