"""`bufferbloat`: congestion with a buffer of 300 to 1000 ms and long busy spells: much delay, little loss."""

from __future__ import annotations

from dataclasses import replace

from talkpath.lab.backgrounds import congestion
from talkpath.lab.backgrounds.background import BackgroundKind

KIND = BackgroundKind(
    "bufferbloat",
    "a bottleneck with too large a buffer",
    congestion.make,
    (
        congestion.KBPS,
        replace(congestion.QUEUE_MS, default=600.0, drawn=(300, 1000)),
        replace(congestion.LOAD, default=1.2, drawn=(1.05, 1.5)),
        replace(congestion.BUSY_S, default=3.0, drawn=(1.0, 6.0)),
        replace(congestion.QUIET_S, default=2.0, drawn=(1.0, 4.0)),
        congestion.DIRECTION,
    ),
)
