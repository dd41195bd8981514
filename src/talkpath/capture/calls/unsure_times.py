"""Leaves out of a call's record what a recording's times do not tell.

Of a call whose packets were recorded in batches nothing is told of how evenly they came; of one in clusters its numbers
are left, and no times of single packets.
"""

from __future__ import annotations

from msgspec.structs import replace

from talkpath.measure.call import Call, Moment, Stream


def without_times(call: Call, *, numbers_told: bool = True) -> Call:
    """Return the call with nothing said of jitter, lateness, freezes and quality, nor of losses that only the packet
    interval shows; nor of any, where packets are missing in the recording alone."""
    return replace(
        call,
        streams=tuple(_counted_stream(stream, numbers_told) for stream in call.streams),
        seconds=tuple(_counted_moment(moment, numbers_told) for moment in call.seconds),
    )


def without_unevenness(call: Call) -> Call:
    """Return the call with nothing said of how evenly packets came."""
    return replace(
        call,
        streams=tuple(replace(stream, jitter_ms=None, uneven_ms=None) for stream in call.streams),
        seconds=tuple(
            replace(
                moment,
                sent=replace(moment.sent, jitter_ms=None),
                received=replace(moment.received, jitter_ms=None),
            )
            for moment in call.seconds
        ),
    )


def _counted_stream(stream: Stream, numbers_told: bool) -> Stream:
    timeless = replace(
        stream, jitter_ms=None, late_ms=None, uneven_ms=None, freezes=0, frozen_s=0.0, longest_gap_ms=0.0, mos=None
    )
    is_counted = numbers_told and stream.loss_basis != "cadence"
    lossless = replace(timeless, lost=None, loss_pct=None, loss_basis=None, lost_range=None, mean_burst=None)
    return timeless if is_counted else lossless


def _counted_moment(moment: Moment, numbers_told: bool) -> Moment:
    sent, received = (
        replace(
            second, lost=second.lost if numbers_told else None, jitter_ms=None, late_ms=None, frozen_ms=0.0, mos=None
        )
        for second in (moment.sent, moment.received)
    )
    return replace(moment, sent=sent, received=received)
