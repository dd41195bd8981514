"""What an epoch costs, worked out before a packet leaves."""

from __future__ import annotations

from talkpath.apps.shape import Schedule
from talkpath.experiment.layout import Layout

HEADER_BYTES = {4: 28, 6: 48}  # IP and UDP (RFC 791, 8200, 768)
TCP_HEADER_BYTES = {4: 52, 6: 72}  # IP and TCP with timestamps (RFC 9293, 7323)
SEGMENT_BYTES = 1428  # TCP payload in a packet of 1500 bytes over IPv6
RECORD_BYTES = 22  # what a TLS 1.3 record adds (RFC 8446 section 5.2: header, content type, tag)
OPENING_BYTES = (1000, 1500)  # (up, down) TCP and TLS 1.3 opened and closed again, measured with OpenSSL 3.0


def control_bytes(size: int, family: int = 4) -> tuple[int, int]:
    """(with, against) bytes of IP packets that a control message of `size` bytes costs: its segments and their ACKs."""
    segments = -(-(size + RECORD_BYTES) // SEGMENT_BYTES)
    header = TCP_HEADER_BYTES[family]
    return size + RECORD_BYTES + segments * header, segments * header


def epoch_bytes(layout: Layout, family: int = 4) -> tuple[int, int]:
    """(up, down) bytes of IP packets when nothing is lost and every first try is answered."""
    up, down = flow_bytes(layout.schedule, family)
    return up * len(layout.flows), down * len(layout.flows)


def flow_bytes(schedule: Schedule, family: int = 4) -> tuple[int, int]:
    """(up, down) likewise of one flow."""
    header = HEADER_BYTES[family]
    slots = schedule.slots
    up = down = 0
    for slot in slots:
        if slot.retry_of is not None or (slot.answers is not None and slots[slot.answers].retry_of is not None):
            continue
        if slot.direction == "up":
            up += slot.size + header
        else:
            down += slot.size + header
    return up, down
