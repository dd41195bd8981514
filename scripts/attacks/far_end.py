"""Attacks on the far end of browsers' calls: floods by strangers, measured by the memory that its process takes."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from attacks.stage import Attack, Finding, free_ports
from talkpath.browser.far_end.far_end_process import start_far_end

HERE = "127.0.0.1"
CONNECTIONS, BLOCKS, JUNK = 1000, 50, 20_000
GROWTH_MB = 60.0


def first_packets(count: int) -> list[bytes]:
    """The first packets of so many new QUIC connections."""
    packets = []
    for _ in range(count):
        client = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=["h3"]))
        client.connect((HERE, 443), now=0.0)
        packets.append(client.datagrams_to_send(now=0.0)[0][0])
    return packets


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _memory_in_flood() -> tuple[float, float]:
    """Resident memory of the far end before and after, in MB."""
    (port,) = free_ports(1)
    far_end = await start_far_end(HERE, port)
    try:
        before_mb = _resident_mb(far_end.process.pid)
        for number, packet in enumerate(first_packets(CONNECTIONS)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind((f"127.40.{number % BLOCKS}.1", 0))
                stranger.sendto(packet, (HERE, port))
            await asyncio.sleep(0.002)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.41.0.1", 0))
            for _ in range(JUNK):
                stranger.sendto(os.urandom(60), (HERE, port))
        await asyncio.sleep(2.0)
        return before_mb, _resident_mb(far_end.process.pid)
    finally:
        await far_end.stop()


def flood_quic(folder: Path) -> Finding:
    """New QUIC connections of many address blocks, and junk."""
    before_mb, after_mb = asyncio.run(_memory_in_flood())
    measured = f"{before_mb:.0f} MB before, {after_mb:.0f} MB after"
    return Finding(after_mb - before_mb < GROWTH_MB, measured)


ATTACKS = (
    Attack("far end: 1000 QUIC connections of 50 blocks, 20 000 datagrams of junk", "grows by < 60 MB", flood_quic),
)
