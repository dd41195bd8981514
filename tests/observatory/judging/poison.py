"""A judge that some bundles kill. In a module of its own, since another process has to find it by name."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from talkpath.observatory.judging.worker import judge_again, judge_received
from talkpath.observatory.log.records import Judged, Received, Unfit
from talkpath.observatory.log.register import Known


def poisoned(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """Stands in for a judge that a bundle of an odd size kills, and one of a size divisible by 4 makes run for ever."""
    if received.size_bytes % 2:
        os._exit(1)
    if received.size_bytes % 4 == 0:
        time.sleep(3600)
    return judge_received(packs, received, listed, simulated)


def poisoned_again(packs: Path, known: Known, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit | None:
    """Likewise one that judges again."""
    if known.received.size_bytes % 2:
        os._exit(1)
    return judge_again(packs, known, listed, simulated)
