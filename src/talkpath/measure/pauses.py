"""Pauses of speech in streams without sequence numbers: a packet that was never sent looks like one that was lost.

Losses of single packets leave holes of a known length: where a share p is lost, a hole has 1 / (1 - p) packets on
average (a geometric distribution). An end that sends nothing while nobody talks (DTX), or is muted, leaves far longer
ones. Long holes are no losses to rely on: they are pauses, or a line or server that fails for moments. Holes in what
this end sent are pauses surely, since no network had it yet; an app that makes pauses here makes them at the far end.
"""

from __future__ import annotations

from math import sqrt

from msgspec.structs import replace

from talkpath.measure.call import Call, Moment, Second, Stream

SURE_ERRORS = 3.0
"""Holes are longer than losses leave them by so many standard errors."""
SHORTEST_PAUSE_MS = 200.0
"""A shorter gap in speech belongs to the talk (Brady 1968)."""


def is_lost_singly(stream: Stream) -> bool:
    """Whether losses that the packet interval shows are as short as losses of single packets leave them. Where sequence
    numbers show losses, their length does not matter."""
    return stream.loss_basis != "cadence" or is_lost_at_random(stream)


def is_lost_at_random(stream: Stream) -> bool:
    """Whether losses are in no longer runs than those of a share of all packets, each by itself, leave them. Sequence
    numbers that show longer ones tell of moments in which everything was lost."""
    if not stream.lost or not stream.mean_burst:
        return True
    if not stream.packets:
        return False  # no packet is there that a hole could lie between
    share, holes = stream.lost / (stream.packets + stream.lost), stream.lost / stream.mean_burst
    usual, spread = 1 / (1 - share), sqrt(share) / (1 - share)
    return _mean_hole(stream) <= usual + SURE_ERRORS * spread / sqrt(holes)


def may_be_pauses(call: Call, stream: Stream) -> bool:
    """Whether what the packet interval lets miss in a stream of the call may be pauses of speech rather than losses."""
    if stream.loss_basis != "cadence" or not stream.lost:
        return False
    if stream.direction == "received" and any(not is_lost_singly(one) for one in call.streams if _is_own(one)):
        return True
    is_long = _is_own(stream) or _mean_hole(stream) * (stream.packet_ms or 0.0) >= SHORTEST_PAUSE_MS
    return is_long and not is_lost_singly(stream)


def without_pauses(call: Call) -> Call:
    """Return the call with nothing said of losses and freezes where they may be pauses of speech."""
    paused = {place for place, stream in enumerate(call.streams) if may_be_pauses(call, stream)}
    if not paused:
        return call
    streams = tuple(_without_losses(one) if place in paused else one for place, one in enumerate(call.streams))
    directions: set[str] = {call.streams[place].direction for place in paused}
    return replace(call, streams=streams, seconds=tuple(_paused_moment(one, directions) for one in call.seconds))


def paused_share(call: Call) -> float | None:
    """Return the share of packet intervals that brought nothing to this end and may be pauses, None where none may."""
    paused = [one for one in call.streams if not _is_own(one) and may_be_pauses(call, one)]
    missing = sum(stream.lost or 0 for stream in paused)
    return missing / (missing + sum(stream.packets for stream in paused)) if paused else None


def _is_own(stream: Stream) -> bool:
    return stream.direction == "sent"


def _mean_hole(stream: Stream) -> float:
    """Return the mean length of a hole in packets that keep the interval. Where only those of one size do, each of
    them stands for several in the count of losses."""
    if stream.loss_basis != "cadence":
        return stream.mean_burst or 1.0
    intervals = max(0.0, 1e3 * stream.duration_s / stream.packet_ms) if stream.packet_ms else 0.0
    each = (stream.packets + (stream.lost or 0)) / (intervals + 1)
    return (stream.mean_burst or 1.0) / max(1.0, each)


def _without_losses(stream: Stream) -> Stream:
    return replace(
        stream,
        lost=None,
        loss_pct=None,
        loss_basis=None,
        lost_range=None,
        mean_burst=None,
        late_ms=None,
        mos=None,
        freezes=0,
        frozen_s=0.0,
    )


def _paused_moment(moment: Moment, directions: set[str]) -> Moment:
    sent, received = moment.sent, moment.received
    return replace(
        moment,
        sent=_paused_second(sent) if "sent" in directions else sent,
        received=_paused_second(received) if "received" in directions else received,
    )


def _paused_second(second: Second) -> Second:
    return replace(second, lost=None, late_ms=None, frozen_ms=0.0, mos=None)
