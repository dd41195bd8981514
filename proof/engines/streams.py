"""What a recording shows of RTP: the SSRCs that its end sent and received, and how long its own sound stood still."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from proof.engines import pcap
from proof.engines.path import KNOWN, addresses_of, media_of

STALL_S = 0.15  # no engine here sends sound less often than each 60 ms


def arrivals(file: Path, end: Mapping[str, str]) -> dict[str, dict[int, list[float]]]:
    """Return the times of RTP packets, by side ("sent", "received") and SSRC."""
    link, frames = pcap.read(file)
    local = {address for address in KNOWN if pcap.text(address) in (end["ipv4"], end["ipv6"])}
    found: dict[str, dict[int, list[float]]] = {"sent": defaultdict(list), "received": defaultdict(list)}
    for frame in frames:
        packet = frame.data[pcap.LINK_BYTES[link] :]
        data = media_of(packet)
        if data and not 192 <= data[1] <= 223:
            side = "sent" if addresses_of(packet)[0] in local else "received"
            found[side][int.from_bytes(data[8:12], "big")].append(frame.at_s)
    return found


def stall_share(file: Path, end: Mapping[str, str]) -> float:
    """Return the share of time in which the longest stream that this end sent stood still, as on a busy machine."""
    sent = arrivals(file, end)["sent"]
    longest = max(sent.values(), key=len, default=[])
    if len(longest) < 2:
        return 0.0
    still = sum(after - before for before, after in pairwise(longest) if after - before > STALL_S)
    return round(still / max(longest[-1] - longest[0], STALL_S), 3)
