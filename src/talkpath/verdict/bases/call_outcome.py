"""How a recorded call was for the person at this end, whatever the reason: good, poor, one way, silent, or never there.

This is a statement on what happened, and no verdict: `recorded_call` says what it is consistent with. The limits are
those that people and receivers have for a conversation:

    loss      3 % of voice or video (ITU-T G.1010)
    freezes   a twentieth of the time, or 3 s at once; `capture.streams.freezes` says what a freeze is
    quality   MOS 3.1, below which nearly all are dissatisfied (ITU-T G.107 annex B)
    jitter    30 ms on average (RFC 3550), as makers of telephones ask; or half of all packets come 25 ms later than the
              fastest ones, where ITU-T Y.1541 (class 0) gives all of them 50 ms; each half as much again as what
              this end's own packets show before any network had them
    delay     400 ms behind the best of the last seconds, in a twentieth of the packets (ITU-T G.114)

A recorder's losses are nobody's: where what this end sent misses as large a share, it lost packets itself. Where a
stream has no sequence numbers, holes in it that may be pauses of speech are neither losses nor freezes.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from talkpath.measure.call import Attempt, Call, Heading, Moment, Stream
from talkpath.measure.pauses import paused_share, without_pauses
from talkpath.measure.quality import TALKABLE_MOS, heard_mos
from talkpath.measure.silence import SILENT_S, Silence, end_of, silence_of, streams_of

OutcomeKind = Literal["good", "poor", "one_way", "went_silent", "never_connected", "unknown"]
Sign = Literal[
    "loss",
    "freezes",
    "quality",
    "jitter",
    "delay",
    "silence",
    "recorder",
    "short",
    "untold",
    "unanswered",
    "pauses",
]

POOR_LOSS, POOR_FROZEN, POOR_DELAY_MS = 0.03, 0.05, 400.0
POOR_JITTER_MS, POOR_UNEVEN_MS, MORE_UNEVEN = 30.0, 25.0, 1.5
LEAST_FROZEN_S = 0.5
STOPPED_S = 3.0
"""A freeze as long as this is poor in a call of any length."""
SILENT_RUN_S = 10.0
"""From this length on a freeze is told as silence, though the call went on afterwards."""

ENOUGH_S, ENOUGH_PACKETS = 5.0, 50
CLEAR_LOSS, CLEAR_LOST = 0.1, 2
"""Of fewer packets, losses are told from this share and number on."""
RECORDERS_SHARE, FEWEST_RUNS = 0.5, 5
"""Of what this end sent, fewer runs of lost packets are a pause, or a gap in the recording."""
ASKED, HELLOS = 3, 4
"""Unanswered requests, and ClientHellos of one handshake that no data followed."""
SHARED_APPS = ("webrtc",)
"""Kinds of calls that try addresses where nobody is."""


class Outcome(Struct, frozen=True):
    """How a call was. `at_s`: when it began to be so, in seconds of the recording; `direction`: of which media;
    `signs`: by what it is told, the most important first; `lasts_s`: of a silence."""

    kind: OutcomeKind
    at_s: float | None = None
    direction: Heading | None = None
    signs: tuple[Sign, ...] = ()
    lasts_s: float | None = None


def call_outcome(call: Call) -> Outcome:
    """Tell how a talk was."""
    outcome = _outcome(without_pauses(call))
    if outcome.kind in ("good", "unknown") and outcome.signs in ((), ("untold",)) and paused_share(call) is not None:
        return Outcome("unknown", None, "received", ("pauses",))
    return outcome


def _outcome(call: Call) -> Outcome:
    heard, said = streams_of(call, "received"), streams_of(call, "sent")
    if not heard and not said:
        return Outcome("unknown", signs=("untold",))
    if not heard or not said:
        return _one_direction(call, heard or said, "sent" if heard else "received")
    silence = silence_of(call)
    if silence and not silence.replied:
        return Outcome("went_silent", round(silence.since_s, 2), "received", ("silence",), round(silence.lasts_s, 2))
    stop = longest_stop(call)
    if stop is not None and stop[1] >= SILENT_RUN_S:
        return Outcome("went_silent", float(stop[0]), "received", ("silence",), float(stop[1]))
    return _heard(call, heard, said, silence)


def attempt_outcome(attempt: Attempt) -> Outcome:
    """Tell how set-up without talk ended. Whoever was asked and answered may just not have picked up."""
    waited = attempt.end_s - attempt.start_s >= SILENT_S
    nobody_there = attempt.others_answered and attempt.app in SHARED_APPS
    if waited and attempt.hellos >= HELLOS:
        return Outcome("never_connected", attempt.start_s, None, ("unanswered",))
    if waited and not attempt.answered and not nobody_there:
        return Outcome("never_connected", attempt.start_s, "received", ("unanswered",))
    return Outcome("unknown", attempt.start_s, None, () if attempt.answered else ("unanswered",))


def is_recorders(call: Call) -> bool:
    """Whether the recorder lost packets: what this end sent misses about as large a share as what it received."""
    received, sent = (share_lost(streams_of(call, direction)) for direction in ("received", "sent"))
    return bool(received and sent and sent >= POOR_LOSS and sent >= RECORDERS_SHARE * received)


def share_lost(streams: list[Stream]) -> float | None:
    """Return the share of lost packets, None if nothing shows it."""
    known = [stream for stream in streams if stream.lost is not None]
    lost = sum(stream.lost or 0 for stream in known)
    packets = sum(stream.packets for stream in known)
    return lost / (packets + lost) if packets + lost else None


def frozen_s(call: Call, direction: Heading) -> float:
    """Return for how many seconds one direction stood still: the one number for sentences, pictures and JSON."""
    seconds = (moment.received if direction == "received" else moment.sent for moment in call.seconds)
    by_second = sum(min(second.frozen_ms, 1000.0) for second in seconds) / 1000
    return max([by_second, *(stream.frozen_s for stream in streams_of(call, direction))])


def quality(call: Call, direction: Heading) -> float | None:
    """Return the opinion score of the voice of one direction, None if too little shows it. A silence that nothing
    excuses counts as time in which nothing could be played."""
    rated = [stream for stream in streams_of(call, direction) if stream.mos is not None and _is_enough(stream)]
    silence = silence_of(call) if direction == "received" else None
    if silence is None or silence.replied or "voice" not in call.media:
        return min((stream.mos for stream in rated if stream.mos is not None), default=None)
    lasts_s = silence.since_s + silence.lasts_s - min(stream.start_s for stream in streams_of(call, direction))
    unheard_pct = 100 * (frozen_s(call, direction) + silence.lasts_s) / lasts_s
    lost_pct = 100 * (share_lost(streams_of(call, direction)) or 0.0)
    jitter_ms = max((stream.jitter_ms or 0.0 for stream in streams_of(call, direction)), default=0.0)
    return round(heard_mos(lost_pct, unheard_pct, jitter_ms), 2)


def _is_enough(stream: Stream) -> bool:
    return stream.packets + (stream.lost or 0) >= ENOUGH_PACKETS and stream.duration_s >= ENOUGH_S


def longest_stop(call: Call) -> tuple[int, int] | None:
    """Return the longest run of seconds in which what came stood still for half of each: (first, how many)."""
    best: tuple[int, int] | None = None
    begin = 0
    for place, moment in enumerate(call.seconds):
        if moment.received.frozen_ms < 500:
            begin = place + 1
        elif best is None or place + 1 - begin > best[1]:
            best = call.seconds[begin].at_s, place + 1 - begin
    return best


def _one_direction(call: Call, streams: list[Stream], missing: Heading) -> Outcome:
    lasts_s = end_of(streams) - min(stream.start_s for stream in streams)
    if lasts_s < SILENT_S or sum(stream.packets for stream in streams) < ENOUGH_PACKETS / 2:
        return Outcome("unknown", None, missing, ("short",))
    if missing == "received" and _is_unanswered(call):
        return Outcome("never_connected", call.setup_s, missing, ("unanswered",))
    return Outcome("one_way", call.start_s, missing, ("silence",))


def _is_unanswered(call: Call) -> bool:
    """Whether the flows of the media never had an answer, while others show that answers were recorded."""
    carriers = [flow for flow in call.flows if flow.media_sent]
    alive = any(flow.packets_received for flow in call.flows) or any(moment.other_packets for moment in call.seconds)
    asked = sum(flow.requests for flow in carriers)
    return alive and asked >= ASKED and not any(flow.packets_received for flow in carriers)


def _heard(call: Call, heard: list[Stream], said: list[Stream], silence: Silence | None) -> Outcome:
    """Tell how a talk was in which both ends were heard."""
    signs = _signs(call, heard, said)
    if signs and "delay" not in signs and is_recorders(call):
        return Outcome("unknown", first_trouble(call), "received", ("recorder",))
    if signs:
        return Outcome("poor", first_trouble(call), "received", signs)
    if _lossy(said) and _runs(said) >= FEWEST_RUNS:
        kind: OutcomeKind = "unknown" if is_recorders(call) else "poor"
        return Outcome(kind, None, "sent", ("recorder" if kind == "unknown" else "loss",))
    if silence:
        return Outcome("unknown", round(silence.since_s, 2), "received", ("silence",), round(silence.lasts_s, 2))
    if call.duration_s < ENOUGH_S or sum(stream.packets for stream in heard) < ENOUGH_PACKETS:
        return Outcome("unknown", None, None, ("short",))
    if all(stream.lost is None and stream.jitter_ms is None for stream in heard):
        return Outcome("unknown", None, None, ("untold",))
    return Outcome("good")


def _signs(call: Call, heard: list[Stream], said: list[Stream]) -> tuple[Sign, ...]:
    """Return what was poor about what came."""
    stop, still_s = longest_stop(call), frozen_s(call, "received")
    enough = [stream for stream in heard if stream.packets >= ENOUGH_PACKETS and stream.medium == "voice"]
    enough = enough or [stream for stream in heard if stream.packets >= ENOUGH_PACKETS]
    held = stop is not None and stop[1] >= STOPPED_S
    checks: tuple[tuple[Sign, bool], ...] = (
        ("freezes", held or still_s >= max(POOR_FROZEN * call.duration_s, LEAST_FROZEN_S)),
        ("loss", any(_lossy(of) for of in _by_medium(heard))),
        ("delay", any((stream.late_ms or 0.0) >= POOR_DELAY_MS for stream in enough)),
        ("jitter", any(_is_uneven(stream, said) for stream in enough)),
        ("quality", any(stream.mos is not None and stream.mos < TALKABLE_MOS for stream in heard)),
    )
    return tuple(sign for sign, holds in checks if holds)


def _is_uneven(stream: Stream, said: list[Stream]) -> bool:
    """Whether packets came too unevenly, and clearly more so than this end's own of that kind left it."""
    own = [one for one in said if (one.medium, one.payload_type) == (stream.medium, stream.payload_type)]
    jitter_ms, uneven_ms = stream.jitter_ms or 0.0, stream.uneven_ms or 0.0
    own_jitter_ms = max((one.jitter_ms or 0.0 for one in own), default=0.0)
    own_uneven_ms = max((one.uneven_ms or 0.0 for one in own), default=0.0)
    jitters = jitter_ms >= max(POOR_JITTER_MS, MORE_UNEVEN * own_jitter_ms)
    return jitters or uneven_ms >= max(POOR_UNEVEN_MS, MORE_UNEVEN * own_uneven_ms)


def _by_medium(streams: list[Stream]) -> list[list[Stream]]:
    return [[stream for stream in streams if stream.medium == medium] for medium in ("voice", "video")]


def _lossy(streams: list[Stream]) -> bool:
    """Whether more was lost than a conversation bears; of a few packets, only where it is clear."""
    share, lost = share_lost(streams) or 0.0, sum(stream.lost or 0 for stream in streams)
    enough = sum(stream.packets for stream in streams) + lost >= ENOUGH_PACKETS
    return share >= (POOR_LOSS if enough else CLEAR_LOSS) and lost >= CLEAR_LOST


def _runs(streams: list[Stream]) -> float:
    return sum((stream.lost or 0) / (stream.mean_burst or 1) for stream in streams)


def first_trouble(call: Call) -> float | None:
    """Return the first second in which what came was lost or stood still, None if no second stands out."""
    return next((float(moment.at_s) for moment in call.seconds if _is_troubled(moment)), None)


def _is_troubled(moment: Moment) -> bool:
    second = moment.received
    lost = second.lost or 0
    return second.frozen_ms >= 200 or (lost > 0 and lost >= POOR_LOSS * (second.packets + lost))
