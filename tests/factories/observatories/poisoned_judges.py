"""Judges that some bundles kill, block or exhaust. In a module of their own: another process finds them by name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from talkpath.observatory.judging.judges import judge_again, judge_received
from talkpath.observatory.log.records import Judged, Received, Unfit
from talkpath.observatory.log.register import Known


class UnpicklableError(Exception):
    """Cannot be handed from one process to another."""

    def __init__(self, first: object, second: object) -> None:
        super().__init__("only one")


def killed_judge(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """Stands in for a judge that a bundle of an odd size kills, and one of a size divisible by 4 makes run for ever."""
    if received.size_bytes % 2:
        os._exit(1)
    if received.size_bytes % 4 == 0:
        spin()
    return judge_received(packs, received, listed, simulated)


def poisoned_again(packs: Path, known: Known, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit | None:
    """Likewise one that judges again."""
    if known.received.size_bytes % 2:
        os._exit(1)
    return judge_again(packs, known, listed, simulated)


def hungry_judge(packs: Path, received: Received, listed: Mapping[str, str], simulated: bool) -> Judged | Unfit:
    """Needs 8 GB for a bundle of an odd size; for one of a size divisible by 4 raises what cannot be handed over, or
    (divisible by 8) what would end the process that gets it."""
    if received.size_bytes % 2:
        bytearray(8 << 30)
    if received.size_bytes % 8 == 0:
        raise SystemExit
    if received.size_bytes % 4 == 0:
        raise UnpicklableError(1, 2)
    return judge_received(packs, received, listed, simulated)


def sleep_for(seconds: float) -> float:
    """Takes so long."""
    time.sleep(seconds)
    return seconds


def spin() -> None:
    """Uses the processor, and never ends."""
    while True:
        pass


def killed_once(marker: Path) -> int:
    """The number of this process, which the first time is killed from outside: where `marker` is, it was already."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def keep_memory(megabytes: int) -> int:
    """Keeps so much memory until the process ends; how much it keeps by now."""
    _kept.append(bytearray(megabytes << 20))
    return len(_kept)


_kept: list[bytearray] = []
