"""Attacks on the check page of a test server (`respond --web`): silent WebSockets of another site, long headers."""

from __future__ import annotations

import base64
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from attacks.stage import Attack, Finding, Server, free_ports, running_responder


def open_talk(port: int, source: str, origin: str, path: str = "/check/talk") -> tuple[socket.socket | None, bytes]:
    """Opens that WebSocket as a page of `origin` would: (the socket, the first line of the answer)."""
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n\r\n"
    )
    try:
        end = socket.create_connection(("127.0.0.1", port), 10, (source, 0))
        end.settimeout(10)
        end.sendall(request.encode())
        return end, end.recv(4096).split(b"\r\n")[0]
    except OSError:
        return None, b""


def first_message(end: socket.socket, seconds: float) -> str:
    """The text of the first WebSocket frame, "" where none came."""
    end.settimeout(seconds)
    with suppress(OSError):
        head = end.recv(2)
        size = head[1] & 127 if len(head) == 2 else 0
        if size == 126:
            size = int.from_bytes(end.recv(2), "big")
        return end.recv(size).decode(errors="replace")
    return ""


def silent_websockets(folder: Path) -> Finding:
    """60 silent WebSockets of another site's page, then a page of the server's own."""
    web, udp = free_ports(2)
    with running_responder(folder, "--web", str(web), "--web-udp", str(udp)) as far:
        until_served(web, far)
        held = [open_talk(web, "127.30.0.1", "https://evil.example") for _ in range(60)]
        let_in = sum(b" 101" in line for _, line in held)
        time.sleep(0.5)
        end, line = open_talk(web, "127.31.0.1", f"http://127.0.0.1:{web}")
        said = first_message(end, 15.0) if end is not None and b" 101" in line else ""
        for each, _ in held:
            if each is not None:
                each.close()
    served = '"welcome"' in said
    return Finding(served and let_in == 0, f"{let_in} of 60 let in; the own page: {said[:60] or line.decode()[:60]}")


def silent_own_pages(folder: Path) -> Finding:
    """60 silent WebSockets of one address that look like the server's own page, then somebody else's page."""
    web, udp = free_ports(2)
    with running_responder(folder, "--web", str(web), "--web-udp", str(udp)) as far:
        until_served(web, far)
        own = f"http://127.0.0.1:{web}"
        held = [open_talk(web, "127.32.0.1", own) for _ in range(60)]
        let_in = sum(b" 101" in line for _, line in held)
        end, line = open_talk(web, "127.33.0.1", own)
        said = first_message(end, 45.0) if end is not None and b" 101" in line else ""
        for each, _ in held:
            if each is not None:
                each.close()
    return Finding(
        '"welcome"' in said or '"queue"' in said,
        f"{let_in} of 60 let in; another's page: {said[:60] or line.decode()[:60]}",
    )


def long_host(folder: Path) -> Finding:
    """/check/qr.svg with Host headers that are long, strange, or none."""
    web, udp = free_ports(2)
    statuses = []
    with running_responder(folder, "--web", str(web), "--web-udp", str(udp)) as far:
        until_served(web, far)
        for host in ("x" * 3000, "x" * 20_000, "[::1", "\xff", "a:b:c", ""):
            with suppress(OSError):
                end = socket.create_connection(("127.0.0.1", web), 10)
                end.settimeout(10)
                end.sendall(
                    f"GET /check/qr.svg HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1")
                )
                statuses.append(end.recv(100).split(b" ")[1:2])
                end.close()
    codes = [status[0].decode() if status else "none" for status in statuses]
    return Finding(not any(code.startswith("5") for code in codes), f"statuses {', '.join(codes)}")


def until_served(port: int, far: Server) -> None:
    """Waits until the page is served."""
    for _ in range(100):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"the page does not answer: {far.error_text[-200:]}")


ATTACKS = (
    Attack("60 silent WebSockets of another site", "refused; the own page is served", silent_websockets),
    Attack("60 silent WebSockets of one address", "others are served or queued", silent_own_pages),
    Attack("/check/qr.svg with long and strange Host", "no 5xx", long_host),
)
