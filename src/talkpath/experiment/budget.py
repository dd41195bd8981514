"""What an epoch costs, worked out before a packet leaves."""

from __future__ import annotations

from talkpath.experiment.layout import Layout

HEADER_BYTES = {4: 28, 6: 48}  # IP and UDP (RFC 791, 8200, 768)


def epoch_bytes(layout: Layout, family: int = 4) -> tuple[int, int]:
    """(up, down) bytes of IP packets when nothing is lost and every first try is answered."""
    header = HEADER_BYTES[family]
    slots = layout.schedule.slots
    up = down = 0
    for slot in slots:
        if slot.retry_of is not None or (slot.answers is not None and slots[slot.answers].retry_of is not None):
            continue
        if slot.direction == "up":
            up += slot.size + header
        else:
            down += slot.size + header
    return up * len(layout.flows), down * len(layout.flows)


def epoch_packets(layout: Layout) -> int:
    """Packets both ways, retries left out."""
    return len(layout.flows) * sum(slot.retry_of is None for slot in layout.schedule.slots)
