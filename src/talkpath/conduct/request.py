"""What a check is asked to do, and who is told of it while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from talkpath.measure.facts import Exchange, Facts, Plan
from talkpath.probe.relays.turn_server import TurnServers
from talkpath.verdict.model import PlannedEpoch


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """What a check measures, and how. `family` 4 or 6 uses that version of IP only. `relays` are the TURN servers of
    `plan.relays`. `country` is the person's own, as two letters; "" takes the word of a list of test servers for it.
    `exchanges`: what other hosts answered just before, which the facts hold too."""

    plan: Plan
    family: int = 0
    relays: TurnServers | None = None
    country: str = ""
    exchanges: tuple[Exchange, ...] = ()


def _ignore(*_: Any) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Functions that are told what a check does, for people. `question_asked`: what is asked now, and the facts that it
    was chosen from. `epoch_ended`: the facts with one more epoch. `server_tried`: which server of a list is tried, the
    first, second, ... of so many, its country and its operator. `second_server_asked`: the result asks for the word of
    a second server, and one is tried next. `other_family_asked`: the same is asked over IPv4 or IPv6 (4 or 6)."""

    question_asked: Callable[[Facts, PlannedEpoch], object] = _ignore
    epoch_ended: Callable[[Facts], object] = _ignore
    server_tried: Callable[[int, int, str, str], object] = _ignore
    second_server_asked: Callable[[], object] = _ignore
    other_family_asked: Callable[[int], object] = _ignore


UNOBSERVED: Final = Observer()
