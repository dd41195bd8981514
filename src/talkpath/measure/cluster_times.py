"""What is left of a call whose packets were recorded in clusters: their numbers, and no times of single packets."""

from __future__ import annotations

from msgspec.structs import replace

from talkpath.measure.call import Call, Moment, Second, Stream


def without_times(call: Call) -> Call:
    """Return the call with nothing said of jitter, lateness, freezes and quality, nor of losses that only the packet
    interval shows."""
    return replace(
        call, streams=tuple(map(_counted_stream, call.streams)), seconds=tuple(map(_counted_moment, call.seconds))
    )


def _counted_stream(stream: Stream) -> Stream:
    timeless = replace(
        stream, jitter_ms=None, late_ms=None, uneven_ms=None, freezes=0, frozen_s=0.0, longest_gap_ms=0.0, mos=None
    )
    if stream.loss_basis != "cadence":
        return timeless
    return replace(timeless, lost=None, loss_pct=None, loss_basis=None, lost_range=None, mean_burst=None)


def _counted_moment(moment: Moment) -> Moment:
    return replace(moment, sent=_counted_second(moment.sent), received=_counted_second(moment.received))


def _counted_second(second: Second) -> Second:
    return replace(second, jitter_ms=None, late_ms=None, frozen_ms=0.0, mos=None)
