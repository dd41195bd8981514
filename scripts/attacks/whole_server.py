"""An attack on a whole test server, its page and its far end included: what all floods of memory take at once."""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from attacks.check_page import open_talk, until_served
from attacks.far_end import CONNECTIONS, first_packets
from attacks.responder import hold_partial_frames, junk_until, layouts_until
from attacks.stage import Attack, Finding, free_ports, running_responder

UNIT = Path(__file__).parents[2] / "deploy" / "talkpath-respond.service"
FOR_S = 25.0
BLOCKS_OF_PAGES, PAGES_A_BLOCK, MESSAGES = 8, 8, 8
NESTED = b'{"type":"start","more":[' + b"[]," * 87_000 + b"[]]}"
"""A message of nearly the length that a page may send: decoded it takes thirty times as much."""


def limit_mb() -> float:
    """From where on the unit has the kernel slow the service down."""
    found = re.search(r"^MemoryHigh=(\d+)M$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, "the unit has no MemoryHigh="
    return float(found[1])


def _websocket_frame(text: bytes) -> bytes:
    """A WebSocket message of a client (RFC 6455 section 5.2), masked with zeros."""
    return b"\x81" + struct.pack("!BQ", 0x80 | 127, len(text)) + bytes(4) + text


def pages_until(web: int, stop: threading.Event) -> None:
    """Pages of several address blocks that wait for their turn and send long messages meanwhile."""
    frame, held = _websocket_frame(NESTED), []
    for number in range(BLOCKS_OF_PAGES * PAGES_A_BLOCK):
        end, line = open_talk(web, f"127.50.{number // PAGES_A_BLOCK}.1", f"http://127.0.0.1:{web}")
        if end is not None and b" 101" in line:
            held.append(end)
            end.settimeout(0.5)
            with suppress(OSError):
                for _ in range(MESSAGES):
                    end.sendall(frame)
    stop.wait()
    for end in held:
        end.close()


def quic_until(udp: int, stop: threading.Event) -> None:
    """New QUIC connections of many address blocks, and junk, at the port of calls."""
    for number, packet in enumerate(first_packets(CONNECTIONS)):
        if stop.wait(0.005):
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((f"127.51.{number % 50}.1", 0))
            for datagram in (packet, os.urandom(60)):
                stranger.sendto(datagram, ("127.0.0.1", udp))


def all_floods(folder: Path) -> Finding:
    """What the floods of `running_responder`, `check_page` and `far_end` take together, of all processes."""
    web, udp = free_ports(2)
    with running_responder(folder, "--web", str(web), "--web-udp", str(udp)) as far:
        until_served(web, far)
        stop, start = threading.Event(), far.mib
        played: list[tuple[Callable[..., object], tuple[object, ...]]] = [
            *((layouts_until, (far, stop, block)) for block in range(5)),
            (junk_until, (far, stop)),
            (hold_partial_frames, (far,)),
            (pages_until, (web, stop)),
            (quic_until, (udp, stop)),
        ]
        attacks = [threading.Thread(target=play, args=arguments) for play, arguments in played]
        for attack in attacks:
            attack.start()
        peak, until_s = start, time.monotonic() + FOR_S
        while time.monotonic() < until_s:
            peak = max(peak, far.mib)
            time.sleep(0.1)
        stop.set()
        for attack in attacks:
            attack.join(30)
        is_serving = far.process.poll() is None
    return Finding(is_serving and peak <= limit_mb(), f"{start:.0f} MB at the start, {peak:.0f} MB at most")


ATTACKS = (Attack("a server with its page: all floods of memory at once", f"≤ {limit_mb():.0f} MB", all_floods),)
