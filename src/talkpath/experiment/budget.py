"""Computes what an epoch costs in bytes, before any packet is sent."""

from __future__ import annotations

from functools import lru_cache
from math import ceil

from talkpath.apps.contract.shape import Schedule
from talkpath.experiment.layout import Outline

IP_UDP_BYTES = {4: 28, 6: 48}  # IP and UDP (RFC 791, 8200, 768)
TCP_HEADER_BYTES = {4: 52, 6: 72}  # IP and TCP with timestamps (RFC 9293, 7323)
TCP_SEGMENT_BYTES = 1428  # TCP payload in a packet of 1500 bytes over IPv6
FRAME_BYTES = 2  # a datagram's length before it (RFC 4571)
MESSAGE_BYTES = 6  # a WebSocket's header and mask (RFC 6455 section 5.2), two more above 125 bytes, none of it down
TLS_RECORD_BYTES = 22  # what a TLS 1.3 record adds (RFC 8446 section 5.2: header, content type, tag)
CHANNEL_BYTES = {"udp": 4, "tcp": 6, "tls": 6}  # TURN's header (RFC 8656 section 12.4), on streams with its padding
CARRIER_BYTES = {
    family: {
        "udp": IP_UDP_BYTES[family],
        "tcp": TCP_HEADER_BYTES[family] + FRAME_BYTES,
        "tls": TCP_HEADER_BYTES[family] + FRAME_BYTES + TLS_RECORD_BYTES,
        "tls.browser": TCP_HEADER_BYTES[family] + FRAME_BYTES + TLS_RECORD_BYTES,
        "wss": TCP_HEADER_BYTES[family] + MESSAGE_BYTES + TLS_RECORD_BYTES,
        "wss.browser": TCP_HEADER_BYTES[family] + MESSAGE_BYTES + TLS_RECORD_BYTES,
        "turn-udp": IP_UDP_BYTES[family] + CHANNEL_BYTES["udp"],
        "turn-tcp": TCP_HEADER_BYTES[family] + CHANNEL_BYTES["tcp"],
        "turn-tls": TCP_HEADER_BYTES[family] + CHANNEL_BYTES["tls"] + TLS_RECORD_BYTES,
    }
    for family in (4, 6)
}  # overhead of one datagram's IP packet; over a stream it carries the ACKs too
OPENING_BYTES = (1000, 1500)  # (up, down) TCP and TLS 1.3 opened and closed again, measured with OpenSSL 3.0
STREAM_BYTES = {
    "udp": (0, 0),
    "tcp": (220, 170),
    "tls": OPENING_BYTES,
    "tls.browser": OPENING_BYTES,
    "wss": (1350, 1700),
    "wss.browser": (1350, 1700),
}  # likewise of one call
ALLOCATION_BYTES = (1000, 1000)  # to allocate at a TURN server over UDP; over streams `STREAM_BYTES` come on top

SEEN_FLOW_BYTES = 24  # of a flow in a receipt, without its bitmaps, late packets included
REPORT_BYTES = 5  # of the control channel to report one packet, both ways (measured)


def control_bytes(size: int, family: int = 4) -> tuple[int, int]:
    """Return (with, against) the bytes of IP packets that a control message of `size` bytes costs: its segments and
    their ACKs."""
    segments = -(-(size + TLS_RECORD_BYTES) // TCP_SEGMENT_BYTES)
    header = TCP_HEADER_BYTES[family]
    return size + TLS_RECORD_BYTES + segments * header, segments * header


def packet_bytes(size: int, transport: str, family: int = 4) -> int:
    """Return the size of the IP packet of one datagram, over "udp", "turn-tls" and so on (with or without "/PORT")."""
    return size + CARRIER_BYTES[family][transport.partition("/")[0]]


def epoch_bytes(plan: Outline, family: int = 4) -> tuple[int, int]:
    """Return (up, down) bytes of IP packets if nothing is lost and every first try is answered."""
    sums = [(count, *flow_bytes(plan.schedule, transport, family)) for transport, count in plan.transports.items()]
    up, down = opening_bytes(plan)
    return up + sum(count * up for count, up, _ in sums), down + sum(count * down for count, _, down in sums)


@lru_cache(maxsize=64)
def most_bytes(plan: Outline, family: int = 4) -> int:
    """Return the most an epoch may cost, both ways: every retry sent and answered, nothing lost, and the reports of
    both ends on the control channel."""
    flows, slots = plan.transports, plan.schedule.slots
    size = sum(slot.size for slot in slots)
    around = sum(count * packet_bytes(0, transport, family) for transport, count in flows.items())
    return flows.total() * (size + REPORT_BYTES * len(slots)) + around * len(slots) + sum(opening_bytes(plan))


def receipt_bytes(plan: Outline) -> int:
    """Return what an epoch adds to the far end's signed receipt at the end: each flow's role, and one bit for each
    packet (`wire.control.receipt`)."""
    segments = 1.0 + TCP_HEADER_BYTES[6] / TCP_SEGMENT_BYTES
    return ceil(segments * plan.transports.total() * (SEEN_FLOW_BYTES + len(plan.schedule.slots) / 8))


def opening_bytes(plan: Outline) -> tuple[int, int]:
    """Return (up, down) bytes that open and close an epoch's calls over TCP. Allocations at TURN servers are made, and
    counted, before."""
    counts = [(count, transport.partition("/")[0]) for transport, count in plan.transports.items()]
    each = [(count, *STREAM_BYTES[kind]) for count, kind in counts if kind in STREAM_BYTES]
    return sum(count * up for count, up, _ in each), sum(count * down for count, _, down in each)


def flow_bytes(schedule: Schedule, transport: str = "udp", family: int = 4) -> tuple[int, int]:
    """Return (up, down) bytes of one flow, as `epoch_bytes` counts them."""
    slots, around = schedule.slots, packet_bytes(0, transport, family)
    first = [s for s in slots if s.retry_of is None and (s.answers is None or slots[s.answers].retry_of is None)]
    up, down = (
        sum(around + slot.size for slot in first if slot.direction == direction) for direction in ("up", "down")
    )
    return up, down
