"""What a recording shows of RTP: the SSRCs that its end sent and received, and how long its own sound stood still."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from proof.engines import pcap
from proof.engines.path import KNOWN, addresses_of, media_of

STALL_S = 0.15  # no engine here sends sound or pictures less often than each 70 ms
ENOUGH_PACKETS = 200  # probes and repair come when they are needed
CLOCKS_HZ = (8000, 48000, 90000)


@dataclass(frozen=True, slots=True)
class Packet:
    """When an RTP packet was seen, and its timestamp."""

    at_s: float
    timestamp: int


def rtp_streams(file: Path, end: Mapping[str, str]) -> dict[str, dict[int, list[Packet]]]:
    """Return the RTP packets by side ("sent", "received") and SSRC."""
    link, frames = pcap.read(file)
    local = {address for address in KNOWN if pcap.text(address) in (end["ipv4"], end["ipv6"])}
    found: dict[str, dict[int, list[Packet]]] = {"sent": defaultdict(list), "received": defaultdict(list)}
    for frame in frames:
        packet = frame.data[pcap.LINK_BYTES[link] :]
        data = media_of(packet)
        if data and not 192 <= data[1] <= 223:
            side = "sent" if addresses_of(packet)[0] in local else "received"
            seen = Packet(frame.at_s, int.from_bytes(data[4:8], "big"))
            found[side][int.from_bytes(data[8:12], "big")].append(seen)
    return found


def stall_share(file: Path, end: Mapping[str, str]) -> float:
    """Return the largest share of time in which sound or pictures that this end sent stood still, as on a busy machine.

    Either nothing was sent, or the media clock (RFC 3550 section 5.1) ran slower than time.
    """
    sent = rtp_streams(file, end)["sent"].values()
    return round(max((_stall(packets) for packets in sent if len(packets) >= ENOUGH_PACKETS), default=0.0), 3)


def _stall(packets: list[Packet]) -> float:
    lasts_s = packets[-1].at_s - packets[0].at_s
    gaps_s = [after.at_s - before.at_s for before, after in pairwise(packets)]
    still_s = sum(gap_s for gap_s in gaps_s if gap_s > STALL_S)
    ticks = (packets[-1].timestamp - packets[0].timestamp) % (1 << 32)
    clock_hz = min(CLOCKS_HZ, key=lambda hz: abs(ticks / hz - lasts_s))
    return max(still_s, lasts_s - ticks / clock_hz) / lasts_s
