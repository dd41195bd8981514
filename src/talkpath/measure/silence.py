"""The silence at the end of a recorded call: nothing was heard any more while this end went on.

A direction that ends together with the other is no silence: somebody hung up, or the recording ended. Where the far end
still replied on the flow that had carried the media, it may have been muted or on hold; `replied` says so. Whoever is
muted goes on to report what comes (RTCP): where an end that did so fell silent altogether, its media did not arrive,
whatever else it still answers. Where this end only listened, the far end has nothing to report.

Counts the silence at the end of a call in the quality of its voice, and in its seconds.
"""

from __future__ import annotations

from math import inf
from typing import Literal, NamedTuple

from msgspec.structs import replace

from talkpath.measure.call import Call, Flow, Moment, RecordedDirection, Stream
from talkpath.measure.quality import WORST_MOS, burst_ratio, mos_with_silence

SILENT_END_S = 3.0
"""This end went on that long without hearing anything: longer than silence suppression and a hung-up phone."""

ALONE_S = 5.0
"""Voice came for as long without pictures that had come before, or pictures without a voice."""

UNANSWERED_CHECKS_S = 10.0
"""Where this end has no media either: its requests went on that long without any answer."""

LONGER_FACTOR = 1.5
"""A silence is so many times longer than any pause before."""

DUE_FACTOR = 1.2
"""A reply that usually came within this share of the time is overdue, but not before SILENT_S: set-up makes the usual
time look short."""

FEWEST_FEEDBACK, OVERDUE_FEEDBACK = 5, 5.0
"""An end that gave feedback so often is known to; it has stopped after so many of its usual intervals."""

FEWEST_UNHEARD = 3
"""So many checks are lost or overtaken in any call."""

LONGEST_REPORT_S = 7.5
"""The longest interval between reports of few ends (RFC 3550 section 6.2: 5 s, and half of that by chance)."""


class Silence(NamedTuple):
    """Nothing was heard from `since_s` on, for `lasts_s`; `replied`: the far end still replied, or may have; `answers`:
    something of it still came, though its media and reports did not; `hears`: it still answered checks, or was hardly
    asked; an end that nothing reaches any more does not, and stops its media by itself (RFC 7675 section 5.1)."""

    since_s: float
    lasts_s: float
    replied: bool
    answers: bool = False
    hears: bool = False


def streams_of(call: Call, direction: RecordedDirection) -> list[Stream]:
    """Return the voice and video streams of one direction."""
    return [stream for stream in call.streams if stream.direction == direction and stream.medium]


def end_of(streams: list[Stream]) -> float:
    """Return when the last packet of some streams came."""
    return max(stream.start_s + stream.duration_s for stream in streams)


def silence_of(call: Call) -> Silence | None:
    """Return the silence that the call ended with, None if it ended with none, or nothing was ever heard."""
    heard, said = streams_of(call, "received"), streams_of(call, "sent")
    if not heard or call.partly_read:
        return None
    since_s = end_of(heard)
    carriers = [flow for flow in call.flows if flow.media_received]
    until_s = max(end_of(said), _resent_until(carriers)) if said else _listened_until(call, carriers, since_s)
    lasts_s = until_s - since_s
    if lasts_s < max(SILENT_END_S, *(LONGER_FACTOR * stream.longest_gap_ms / 1000 for stream in heard)):
        return None
    feedback = goes_on_reporting(call, since_s, until_s) if said else None
    overdue = any(
        until_s - (flow.last_received_s or inf) > LONGEST_REPORT_S
        for flow in call.flows
        if not (flow.media_received or flow.requests)
    )
    replied = feedback or (
        feedback is None
        and any(_has_far_end_replied(flow, since_s, until_s, until_s if overdue else inf) for flow in call.flows)
    )
    return Silence(
        since_s,
        lasts_s,
        replied,
        answers=not replied and any((flow.last_received_s or 0.0) > since_s + SILENT_END_S for flow in carriers),
        hears=any(
            (flow.last_answer_s or flow.last_received_s or 0.0) > since_s + SILENT_END_S
            or flow.requests - flow.answers < FEWEST_UNHEARD
            for flow in carriers
        ),
    )


def medium_end_of(call: Call, medium: Literal["voice", "video"]) -> Silence | None:
    """Return the time at the end of a call for which voice, or pictures, did not come any more though the other did,
    and this end went on with its own; None where there is none."""
    both: tuple[RecordedDirection, RecordedDirection] = ("received", "sent")
    heard, said = ([one for one in streams_of(call, way) if one.medium == medium] for way in both)
    if not heard or not said:
        return None
    since_s, until_s = end_of(heard), min(end_of(said), end_of(streams_of(call, "received")))
    lasts_s, gap_s = until_s - since_s, max(stream.longest_gap_ms for stream in heard) / 1000
    return Silence(since_s, lasts_s, replied=True) if lasts_s >= max(ALONE_S, LONGER_FACTOR * gap_s) else None


def _listened_until(call: Call, carriers: list[Flow], since_s: float) -> float:
    """Return until when an end without media of its own waited for the other's: its requests went on without an answer,
    or the other end still answered."""
    asked_s = max((flow.end_s for flow in carriers if flow.end_s > (flow.last_received_s or inf)), default=since_s)
    if not call.closed and asked_s - since_s >= UNANSWERED_CHECKS_S:
        return asked_s
    return max((flow.last_received_s or since_s for flow in carriers), default=since_s)


def _resent_until(carriers: list[Flow]) -> float:
    """Return until when this end sent on TCP what nothing answered any more: a connection that is cut lets no new media
    be sent, only the same again (RFC 9293 section 3.8.1)."""
    return max(
        (
            flow.last_sent_s or 0.0
            for flow in carriers
            if flow.protocol == "tcp" and (flow.last_sent_s or 0.0) > (flow.last_received_s or inf) + SILENT_END_S
        ),
        default=0.0,
    )


def goes_on_reporting(call: Call, since_s: float, until_s: float) -> bool | None:
    """Did the far end go on to report, after its media had stopped? None where it had hardly done so before."""
    told = [
        (flow.feedback, flow.start_s, flow.last_feedback_s) for flow in call.flows if flow.last_feedback_s is not None
    ]
    count, last_s = sum(one[0] for one in told), max((one[2] for one in told), default=0.0)
    if count < FEWEST_FEEDBACK:
        return None
    usual_s = (last_s - min(one[1] for one in told)) / count
    return last_s > since_s + SILENT_END_S or until_s - last_s < max(SILENT_END_S, OVERDUE_FEEDBACK * usual_s)


def says_that_it_sends(call: Call, since_s: float) -> bool:
    """Did the far end, never heard in a call that was recorded from its beginning, report as a sender? Who only listens
    never does (RFC 3550 section 6.4). Who sent once may do so for ever: Chromium does while a call is on hold."""
    return call.opened and any((flow.last_sender_report_s or 0.0) > since_s + SILENT_END_S for flow in call.flows)


def _has_far_end_replied(flow: Flow, since_s: float, until_s: float, counted_s: float) -> bool:
    """Did the far end of the media reply after the media, or is its next reply not due yet? Reports may have a flow of
    their own, which carries no set-up; other servers of the call's set-up tell nothing of its far end, and neither does
    what came after `counted_s`: the answer to a good-bye, where reports on a flow of their own had stopped with the
    media (whoever mutes, or holds a call, goes on to report)."""
    if flow.last_received_s is None or (flow.requests and not flow.media_received):
        return False
    usual_s = (flow.last_received_s - flow.start_s) / (flow.packets_received - flow.media_received or inf)
    return since_s + SILENT_END_S < flow.last_received_s <= counted_s or (
        bool(flow.media_received) and until_s - flow.last_received_s < max(SILENT_END_S, DUE_FACTOR * usual_s)
    )


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
