"""`shape_port`: some of the far end's UDP ports are each shaped to a rate, whatever the payload.

It models classes of service by port, as in home routers and mobile networks: a packet waits in the queue of its port,
and is lost when the queue is full.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import five_tuple, is_udp
from talkpath.lab.path.link import PASS, PacketFilter, Queue

SHARE = Setting("share", "share", "of ports that are shaped", 0.3, drawn=(0.1, 0.6))
KBPS = Setting("kbps", "kbit/s", "of IP bytes of one port each way", 64.0, low=1, high=1e6, drawn=(20, 120))
QUEUE_MS = Setting("queue_ms", "ms", "that a port's queue holds", 150.0, low=1, high=10000, drawn=(50, 400))


def port_shaping_filter(
    rng: Random, ports: frozenset[int], kbps: float, queue_ms: float, far_at: slice
) -> PacketFilter:
    """The packet filter of one direction; `far_at` is the index of the far end's port in the packet's ports."""
    queues: dict[int, Queue] = {}

    def fate(now_s: float, packet: bytes) -> float:
        port = int.from_bytes(five_tuple(packet)[-5:-1][far_at], "big")
        if port not in ports or not is_udp(packet):
            return PASS
        if port not in queues:
            queues[port] = Queue(rng, kbps, queue_ms)
        return queues[port].wait(now_s, packet)

    return fate


def make(settings: RunSettings) -> Impairments:
    """The same far ports in both directions, with a queue for each port and direction."""
    rng, share = settings.random("ports"), settings.number("share")
    ports = frozenset(port for port in range(1 << 16) if rng.random() < share)
    kbps, queue_ms = settings.number("kbps"), settings.number("queue_ms")
    return Impairments(
        (port_shaping_filter(rng, ports, kbps, queue_ms, slice(2, 4)),),
        (port_shaping_filter(rng, ports, kbps, queue_ms, slice(0, 2)),),
    )


KIND = BackgroundKind("shape_port", "some far ports are shaped", make, (SHARE, KBPS, QUEUE_MS), unseen=True)
