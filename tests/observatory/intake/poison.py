"""A judge that some bundles kill. In a module of its own, since another process has to find it by name."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from talkpath.observatory.intake.judges import judge_received
from talkpath.observatory.log.records import Judged, Received, Unfit


def poisoned(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """Stands in for a judge that a bundle of an odd size kills, and one of a size divisible by 4 makes run for ever."""
    if received.size_bytes % 2:
        os._exit(1)
    if received.size_bytes % 4 == 0:
        time.sleep(3600)
    return judge_received(packs, received, listed, simulated)
