"""Counts the silence at the end of a call in the quality of its voice, and in its seconds."""

from __future__ import annotations

from msgspec.structs import replace

from talkpath.measure.call import Call, Moment, Stream
from talkpath.measure.quality import WORST_MOS, burst_ratio, mos_with_silence
from talkpath.measure.silence import Silence, silence_of


def with_silent_end(call: Call) -> Call:
    """Return the record with the silence that it ended with, where nothing excuses it."""
    silence = silence_of(call)
    if silence is None or silence.replied or "voice" not in call.media:
        return call
    streams = tuple(_rated_stream(stream, silence) for stream in call.streams)
    return replace(call, streams=streams, seconds=tuple(_silent_moment(moment, silence) for moment in call.seconds))


def _rated_stream(stream: Stream, silence: Silence) -> Stream:
    """Rate a voice that went silent over the time for which it was waited for as well."""
    if stream.direction != "received" or stream.medium != "voice" or stream.lost is None:
        return stream
    lasts_s = silence.since_s + silence.lasts_s - stream.start_s
    unheard_s = lasts_s - stream.duration_s + stream.frozen_s
    runs = round(stream.lost / stream.mean_burst) if stream.mean_burst else 0
    sent = stream.packets + stream.lost
    mos = mos_with_silence(
        100 * stream.lost / max(sent, 1),
        100 * unheard_s / lasts_s,
        stream.jitter_ms or 0.0,
        burst_ratio(stream.lost, runs, sent),
    )
    return replace(stream, mos=round(mos, 2))


def _silent_moment(moment: Moment, silence: Silence) -> Moment:
    if moment.at_s < silence.since_s or moment.at_s + 1 > silence.since_s + silence.lasts_s:
        return moment
    return replace(moment, received=replace(moment.received, mos=WORST_MOS))
