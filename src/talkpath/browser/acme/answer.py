"""Answers of the challenge http-01 (RFC 8555 section 8.3): a web server that lives as long as one is open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from talkpath.browser.addresses import ANY
from talkpath.errors import UsageError

PLACE = "/.well-known/acme-challenge/"
LONGEST_S = 10.0  # of one request


@contextmanager
def answering(host: str, port: int, token: str, authorization: str) -> Iterator[None]:
    """Say `authorization` to whoever asks for `token` on that TCP port. `UsageError` where the port cannot be had."""

    class Handler(BaseHTTPRequestHandler):
        timeout = LONGEST_S

        def do_GET(self) -> None:
            right = self.path == PLACE + token
            body = authorization.encode() if right else b""
            self.send_response(200 if right else 404)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: it would hold an address."""

    server = ThreadingHTTPServer((host, port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = _listening(host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listening(host: str, port: int) -> socket.socket:
    both = host in ANY and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    try:
        return socket.create_server(("" if both else host, port), family=family, dualstack_ipv6=both)
    except PermissionError:
        raise UsageError(f"A certificate for --domain takes TCP port {port}, which this user may not open.") from None
    except OSError:
        raise UsageError(f"A certificate for --domain takes TCP port {port}, and another program has it.") from None
