"""Calls made from the app files' own shapes, as IP packets seen at the caller's end."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from factories.packets.capture_files import Packet, udp_packet
from factories.packets.libtgvoip import LIBTGVOIP
from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm, Shape

CALLER, SERVER = bytes((10, 0, 0, 5)), bytes((198, 51, 100, 7))
CALLER_PORT, SERVER_PORT, PEER_PORT = 40000, 3478, 50000
BETWEEN_PEERS = ("webrtc/dtls", "telegram/tgcalls", "telegram/direct")
"""Variants whose calls go to no server."""
BEGIN_NS = 1_700_000_000_000_000_000
WAY_MS = 30.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet of a made call: what it is, and the IP packet with the time at which it passes the caller's end."""

    direction: str
    stage: str
    size: int
    packet: Packet


def shaped_call(arm: str, packets: int = 400, seed: int = 1) -> list[Sent]:
    """A call of an arm (`app/variant/medium`), `packets` media packets each way, nothing lost."""
    shape: Shape = ({**shapes(), LIBTGVOIP.arm: LIBTGVOIP})[Arm.parse(arm)]
    schedule = shape.schedule(Random(seed), packets)
    far_port = PEER_PORT if arm.startswith(BETWEEN_PEERS) else SERVER_PORT
    made = zip(schedule.slots, shape.datagrams(schedule, bytes((seed,)) * 32), strict=True)
    out = [
        Sent(slot.direction, slot.stage, slot.size, _ip_packet(slot.direction, slot.at_ms, data, far_port))
        for slot, data in made
        if slot.retry_of is None
    ]
    return sorted(out, key=lambda sent: sent.packet.time_ns)


def _ip_packet(direction: str, at_ms: float, data: bytes, far_port: int) -> Packet:
    if direction == "up":
        return Packet(BEGIN_NS + round(at_ms * 1e6), udp_packet(CALLER, SERVER, CALLER_PORT, far_port, data))
    late = BEGIN_NS + round((at_ms + WAY_MS) * 1e6)
    return Packet(late, udp_packet(SERVER, CALLER, far_port, CALLER_PORT, data))


def packets_of(sent: list[Sent]) -> list[Packet]:
    """Their packets, in order of time."""
    return sorted((one.packet for one in sent), key=lambda packet: packet.time_ns)


def background_traffic(seconds: float, rate: float = 20.0) -> list[Packet]:
    """Other traffic of the same host: packets both ways with a server, bytes that look like nothing."""
    rng, out = Random(9), []
    for number in range(int(seconds * rate)):
        at = BEGIN_NS + round(number / rate * 1e9)
        data = b"\x01" + rng.randbytes(rng.randrange(40, 900))
        out.append(Packet(at, udp_packet(CALLER, bytes((203, 0, 113, 9)), 50123, 8443, data)))
        out.append(Packet(at + 20_000_000, udp_packet(bytes((203, 0, 113, 9)), CALLER, 8443, 50123, data)))
    return out
