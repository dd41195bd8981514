"""Spells of a recorded call: times in which nothing came, in which it stood still, or in which much of it was lost.

A call can be good for minutes and useless for half of one, which no mean shows. All spells are of what came to this
end; what this end's own packets show in the same seconds is the recorder's, or a machine that slept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from talkpath.measure.call import Call, Moment, Stream
from talkpath.measure.silence import end_of, streams_of

STILL_MS = 500.0
"""A second stood still in which half of it did."""

UNHEARD_S = 7.0
"""Reports and checks come every few seconds (RFC 3550 section 6.2, RFC 7675 section 5.1): a call that has had them as
often is cut off where nothing of any kind comes for as long."""

LONG_PAUSE_S = 30.0
"""So long nobody is silent in a talk."""

PART_S, PART_PACKETS, PART_LOST, PART_STILL_S = 30, 100, 0.1, 3.0
"""A part of a call in which a tenth of enough packets was lost, or as much stood still, is bad whatever the rest is
like."""

RECORDERS_SHARE = 0.5
"""Losses are a recorder's where what this end sent misses as large a share of that of what it received."""

LATE_START_S = 5.0
"""Who was called begins to talk within as long after the caller."""


class CallSpell(NamedTuple):
    """A time in a call: when it began, in seconds of the recording, and how long it lasted."""

    at_s: float
    lasts_s: float


def longest_stop(call: Call) -> CallSpell | None:
    """Return the longest run of seconds in each of which what came stood still for half of it."""
    return _longest_spell(_second_runs(call, lambda moment: moment.received.frozen_ms >= STILL_MS))


def longest_silence(call: Call) -> CallSpell | None:
    """Return the longest time in which nothing came although it was sent, while this end went on."""

    def is_silent(moment: Moment) -> bool:
        return moment.received.frozen_ms >= STILL_MS and not moment.received.packets

    spells = (_widened_spell(call, spell) for spell in _second_runs(call, is_silent) if _call_went_on(call, spell))
    return _longest_spell(spells)


def longest_unheard(call: Call) -> CallSpell | None:
    """Return the longest time in which nothing of any kind came on the call's connections while this end went on; None
    where reports and checks are not often enough to tell that from a pause, or numbers show that nothing was sent."""
    heard = streams_of(call, "received")
    empty = _second_runs(call, lambda one: one.flow_packets == 0 and not one.received.packets)
    spell = _longest_spell(spell for spell in empty if _call_went_on(call, spell))
    if spell is None or spell.lasts_s < UNHEARD_S or not heard or spell.at_s >= end_of(heard):
        return None
    media_alone = _longest_spell(
        _second_runs(call, lambda one: bool(one.flow_packets) and one.flow_packets == one.received.packets)
    )
    numbered = [one for one in heard if one.loss_basis == "sequence"]
    spans = any(one.start_s < spell.at_s and _end_s(spell) < one.start_s + one.duration_s for one in numbered)
    return None if spans or (media_alone is not None and media_alone.lasts_s >= UNHEARD_S) else spell


def long_pause(call: Call) -> CallSpell | None:
    """Return the longest time for which no media came between others while this end went on; None where it is no longer
    than a talk's own pauses."""
    heard = streams_of(call, "received")
    spells = (one for one in _second_runs(call, lambda moment: not moment.received.packets) if _call_went_on(call, one))
    spell = _longest_spell(
        one for one in spells if heard and _end_s(one) < end_of(heard) and one.at_s > _begin_s(heard)
    )
    return spell if spell is not None and spell.lasts_s >= LONG_PAUSE_S else None


def late_start(call: Call) -> CallSpell | None:
    """Return the time for which this end talked before the other was heard first; None where it was not long."""
    heard, said = streams_of(call, "received"), streams_of(call, "sent")
    if not heard or not said:
        return None
    spell = CallSpell(_begin_s(said), _begin_s(heard) - _begin_s(said))
    return spell if spell.lasts_s >= LATE_START_S and _call_went_on(call, spell) else None


class BadPart(NamedTuple):
    """A part of a call that was bad: when it began, and whether by losses or else by standing still."""

    at_s: float
    lossy: bool


def bad_part(call: Call) -> BadPart | None:
    """Return the first PART_S of a longer call in which a tenth was lost, or as much stood still; None where there are
    none. What the recorder lost as well, or this end's own packets show, does not count."""
    if len(call.seconds) <= PART_S:
        return None
    lost, came, still_ms = (_part_sums(call, figure) for figure in ("lost", "packets", "frozen_ms"))
    share, own_share = lost / np.maximum(lost + came, PART_PACKETS)
    lossy = (share >= PART_LOST) & (own_share < RECORDERS_SHARE * share)
    bad = np.flatnonzero(lossy | (still_ms[0] - still_ms[1] >= 1e3 * PART_STILL_S))
    return BadPart(float(call.seconds[bad[0]].at_s), bool(lossy[bad[0]])) if len(bad) else None


def _part_sums(call: Call, figure: str) -> NDArray[np.float64]:
    """Return the sums over each PART_S of a call, of what was received and of what was sent: shape (2, parts)."""
    total = np.zeros((2, len(call.seconds) + 1))
    for row, name in zip(total, ("received", "sent"), strict=True):
        each = (getattr(getattr(moment, name), figure) or 0 for moment in call.seconds)
        row[1:] = np.cumsum(np.fromiter(each, np.float64, len(call.seconds)))
    sums: NDArray[np.float64] = total[:, PART_S:] - total[:, :-PART_S]
    return sums


def _second_runs(call: Call, holds: Callable[[Moment], bool]) -> Iterator[CallSpell]:
    """Yield the runs of seconds for which something holds."""
    for which, seconds in groupby(call.seconds, holds):
        if which:
            run = list(seconds)
            yield CallSpell(float(run[0].at_s), float(len(run)))


def _widened_spell(call: Call, spell: CallSpell) -> CallSpell:
    """Return a spell with what stood still of the seconds beside it."""
    first = call.seconds[0].at_s
    before, after = round(spell.at_s) - first - 1, round(spell.at_s + spell.lasts_s) - first
    more_s = [
        call.seconds[place].received.frozen_ms / 1e3 if 0 <= place < len(call.seconds) else 0.0
        for place in (before, after)
    ]
    return CallSpell(round(spell.at_s - more_s[0], 3), round(spell.lasts_s + sum(more_s), 3))


def _call_went_on(call: Call, spell: CallSpell) -> bool:
    """Whether this end sent media in most of the seconds."""
    first = call.seconds[0].at_s if call.seconds else 0
    seconds = call.seconds[max(0, ceil(spell.at_s) - first) : max(0, floor(_end_s(spell)) - first)]
    return 2 * sum(one.sent.packets > 0 for one in seconds) > len(seconds)


def _begin_s(streams: list[Stream]) -> float:
    return min(stream.start_s for stream in streams)


def _end_s(spell: CallSpell) -> float:
    return spell.at_s + spell.lasts_s


def _longest_spell(spells: Iterable[CallSpell]) -> CallSpell | None:
    return max(spells, key=lambda spell: spell.lasts_s, default=None)
