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

A long call of which a part is bad is poor as well (`measure.spells`).

A recorder's losses are nobody's: where what this end sent misses as large a share, it lost packets itself. Where a
stream has no sequence numbers, holes in it that may be pauses of speech are neither losses nor freezes, unless nothing
else came either.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Literal

from msgspec import Struct

from talkpath.measure.call import Attempt, Call, Moment, RecordedDirection, Stream
from talkpath.measure.pauses import paused_share, without_pauses
from talkpath.measure.quality import TALKABLE_MOS, mos_with_silence
from talkpath.measure.silence import (
    LONGEST_REPORT_S,
    SILENT_END_S,
    end_of,
    medium_end_of,
    says_that_it_sends,
    silence_of,
    streams_of,
)
from talkpath.measure.spells import (
    PART_S,
    RECORDERS_SHARE,
    UNHEARD_S,
    BadPart,
    CallSpell,
    bad_part,
    late_start,
    long_pause,
    longest_silence,
    longest_stop,
    longest_unheard,
)
from talkpath.verdict.bases.recorded_losses import loss_runs

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
    "late_start",
    "media_alone",
    "clock",
]

POOR_LOSS, POOR_FROZEN, POOR_DELAY_MS = 0.03, 0.05, 400.0
POOR_JITTER_MS, POOR_UNEVEN_MS, MORE_UNEVEN, BEST_MOS = 30.0, 25.0, 1.5, 4.5
LEAST_FROZEN_S = 0.5
STOPPED_S = 3.0
"""A freeze as long as this is poor in a call of any length."""
SILENT_RUN_S = 10.0
"""From this length on a freeze is told as silence, though the call went on afterwards."""

ENOUGH_S, ENOUGH_PACKETS = 5.0, 50
CLEAR_LOSS, CLEAR_LOST = 0.1, 2
"""Of fewer packets, losses are told from this share and number on."""
FEWEST_RUNS, RECORDERS_ERRORS = 5, 2.0
"""Of what this end sent, fewer runs of lost packets are a pause, or a gap in the recording. The recorder lost packets
where RECORDERS_SHARE of all losses may be its own, of enough runs within RECORDERS_ERRORS standard errors."""
ASKED, TRIED_S, HELLOS = 3, 0.25, 4
"""Unanswered requests, for so long before the media: a recording that began later tells nothing of the set-up; and
ClientHellos of one handshake that no data followed."""
SHARED_APPS, FEW_HOSTS = ("webrtc",), 8
"""Kinds of calls that try addresses where nobody is; who asks more than FEW_HOSTS is looking for peers."""
MEETING_APPS = ("discord", "meet", "teams", "telemost", "zoom")
"""Their servers, where a call has one, answer although nobody else is there, or talks."""


class Outcome(Struct, frozen=True):
    """How a call was. `at_s`: when it began to be so, in seconds of the recording; `direction`: of which media;
    `signs`: by what it is told, the most important first; `lasts_s`: of a silence, or of the part that was poor."""

    kind: OutcomeKind
    at_s: float | None = None
    direction: RecordedDirection | None = None
    signs: tuple[Sign, ...] = ()
    lasts_s: float | None = None


def call_outcome(call: Call) -> Outcome:
    """Tell how a talk was."""
    outcome = _judge_outcome(without_pauses(call))
    if outcome.kind in ("good", "unknown") and outcome.signs in ((), ("untold",)) and paused_share(call) is not None:
        return Outcome("unknown", None, "received", ("pauses",))
    return outcome


def _judge_outcome(call: Call) -> Outcome:
    heard, said = streams_of(call, "received"), streams_of(call, "sent")
    if call.partly_read or not (heard or said):
        return Outcome("unknown", signs=("untold",))
    if not heard:
        return _outcome_by_sent(call, said)
    spell, stop, silence = _uncounted_silence(call), longest_silence(call), silence_of(call)
    if spell is None and stop is not None and stop.lasts_s >= SILENT_RUN_S:
        spell = stop
    if spell is not None:
        alone: tuple[Sign, ...] = ("media_alone",) if silence is not None and silence.answers and silence.hears else ()
        return Outcome("went_silent", round(spell.at_s, 2), "received", ("silence", *alone), round(spell.lasts_s, 2))
    return _outcome_by_received(call, heard, said)


def _uncounted_silence(call: Call) -> CallSpell | None:
    """Return a silence that nothing excuses and no stream's figures show: at the end, or where nothing at all came."""
    silence = silence_of(call)
    if silence and not silence.replied:
        return CallSpell(silence.since_s, silence.lasts_s)
    return longest_unheard(call)


def attempt_outcome(attempt: Attempt) -> Outcome:
    """Tell how set-up without talk ended. Whoever was asked and answered may just not have picked up."""
    waited = attempt.end_s - attempt.start_s >= SILENT_END_S
    if waited and attempt.hellos >= HELLOS:
        return Outcome("never_connected", attempt.start_s, None, ("unanswered",))
    if waited and not (attempt.answered or attempt.begun_before or may_be_nobody(attempt)):
        return Outcome("never_connected", attempt.start_s, "received", ("unanswered",))
    return Outcome("unknown", attempt.start_s, None, () if attempt.answered else ("unanswered",))


def may_be_nobody(attempt: Attempt) -> bool:
    """Whether the addresses that were asked may be some where nobody is."""
    return attempt.app in SHARED_APPS and (attempt.others_answered or attempt.far_hosts > FEW_HOSTS)


def is_recorders(call: Call) -> bool:
    """Whether the recorder lost packets: what this end sent misses about as large a share as what it received."""
    streams = streams_of(call, "sent")
    received, sent, runs = share_lost(streams_of(call, "received")), share_lost(streams), loss_runs(streams)
    if not received or not sent:
        return False
    if runs < FEWEST_RUNS:
        return sent >= max(POOR_LOSS, RECORDERS_SHARE * received)
    return sent * (1 + RECORDERS_ERRORS / sqrt(runs)) >= RECORDERS_SHARE * received


def share_lost(streams: list[Stream]) -> float | None:
    """Return the share of lost packets, None if nothing shows it."""
    known = [stream for stream in streams if stream.lost is not None]
    lost = sum(stream.lost or 0 for stream in known)
    packets = sum(stream.packets for stream in known)
    return lost / (packets + lost) if packets + lost else None


def frozen_s(call: Call, direction: RecordedDirection) -> float:
    """Return for how many seconds one direction stood still: the one number for sentences, pictures and JSON."""
    seconds = (moment.received if direction == "received" else moment.sent for moment in call.seconds)
    by_second = sum(min(second.frozen_ms, 1000.0) for second in seconds) / 1000
    return max([by_second, *(stream.frozen_s for stream in streams_of(call, direction))])


def voice_quality(call: Call, direction: RecordedDirection) -> float | None:
    """Return the opinion score of the voice of one direction, None if too little shows it. A silence that nothing
    excuses counts as time in which nothing could be played."""
    streams = streams_of(call, direction)
    rated = [
        stream
        for stream in streams
        if stream.mos is not None
        and stream.packets + (stream.lost or 0) >= ENOUGH_PACKETS
        and stream.duration_s >= ENOUGH_S
    ]
    spell = _uncounted_silence(call) if direction == "received" else None
    if spell is None or not streams or "voice" not in call.media:
        return min((stream.mos for stream in rated if stream.mos is not None), default=None)
    begin_s = min(spell.at_s, *(stream.start_s for stream in streams))
    lasts_s = max(spell.at_s + spell.lasts_s, end_of(streams)) - begin_s
    unheard_pct = min(100.0, 100 * (frozen_s(call, direction) + spell.lasts_s) / lasts_s)
    lost_pct = 100 * (share_lost(streams) or 0.0)
    jitter_ms = max((stream.jitter_ms or 0.0 for stream in streams), default=0.0)
    return round(mos_with_silence(lost_pct, unheard_pct, jitter_ms), 2)


def _outcome_by_sent(call: Call, said: list[Stream]) -> Outcome:
    """Tell how a talk was of which only what this end said is there."""
    lasts_s = end_of(said) - min(stream.start_s for stream in said)
    if lasts_s < SILENT_END_S or sum(stream.packets for stream in said) < ENOUGH_PACKETS / 2:
        return Outcome("unknown", None, "received", ("short",))
    if not (any(flow.packets_received for flow in call.flows) or any(one.other_packets for one in call.seconds)):
        return Outcome("unknown", None, "received", ("untold",))  # it holds what was sent alone
    if _is_unanswered(call):
        return Outcome("never_connected", call.setup_s, "received", ("unanswered",))
    only_listens = not says_that_it_sends(call, end_of(said) - lasts_s) and any(
        (flow.last_feedback_s or -inf) > end_of(said) - LONGEST_REPORT_S for flow in call.flows
    )
    alone = call.app in MEETING_APPS and call.transport != "p2p" and _replied_to_the_end(call, end_of(said))
    if only_listens or alone:
        return Outcome("unknown", call.start_s, "received", ("silence",), round(lasts_s, 2))
    return Outcome("one_way", call.start_s, "received", ("silence",))


def _replied_to_the_end(call: Call, end_s: float) -> bool:
    """Whether the far end of what this end said still replied in its last seconds."""
    heard_s = (flow.last_received_s for flow in call.flows if flow.media_sent)
    return any(at_s is not None and at_s > end_s - UNHEARD_S for at_s in heard_s)


def _is_unanswered(call: Call) -> bool:
    """Whether the flows of the media never had an answer."""
    carriers = [flow for flow in call.flows if flow.media_sent]
    return (
        call.start_s - call.setup_s >= TRIED_S
        and sum(flow.requests for flow in carriers) >= ASKED
        and not any(flow.packets_received for flow in carriers)
    )


def _outcome_by_received(call: Call, heard: list[Stream], said: list[Stream]) -> Outcome:
    """Tell how what came was. What this end said may be missing in the recording: no network had it yet."""
    part = bad_part(call)
    signs = _poor_signs(call, heard, said, part)
    if signs and "delay" not in signs and is_recorders(call):
        return Outcome("unknown", first_trouble(call), "received", ("recorder",))
    if signs:
        return _poor_outcome(call, heard, signs, part)
    if _is_lossy(said) and (call.guessed_ends or loss_runs(said) >= FEWEST_RUNS):
        if is_recorders(call):
            return Outcome("unknown", None, "sent", ("recorder",))
        kind: OutcomeKind = "poor" if loss_runs(said) >= FEWEST_RUNS else "unknown"
        return Outcome(kind, None, None if call.guessed_ends else "sent", ("loss",))
    if silence := silence_of(call) or medium_end_of(call, "voice"):
        return Outcome("unknown", round(silence.since_s, 2), "received", ("silence",), round(silence.lasts_s, 2))
    if pause := long_pause(call):
        return Outcome("unknown", pause.at_s, "received", ("silence",), pause.lasts_s)
    if late := late_start(call):
        return Outcome("unknown", round(late.at_s, 2), "received", ("late_start",), round(late.lasts_s, 2))
    if call.duration_s < ENOUGH_S or sum(stream.packets for stream in heard) < ENOUGH_PACKETS:
        return Outcome("unknown", None, None, ("short",))
    if all(stream.lost is None and stream.jitter_ms is None for stream in heard):
        return Outcome("unknown", None, None, ("untold",))
    if call.clock == "clusters" or _untalkable(heard):
        return Outcome("unknown", None, None, ("clock",))
    return Outcome("good")


def _poor_signs(call: Call, heard: list[Stream], said: list[Stream], part: BadPart | None) -> tuple[Sign, ...]:
    """Return what was poor about what came."""
    enough = [stream for stream in heard if stream.packets >= ENOUGH_PACKETS and stream.medium == "voice"]
    enough = enough or [stream for stream in heard if stream.packets >= ENOUGH_PACKETS]
    own_late_ms = max((stream.late_ms or 0.0 for stream in said), default=0.0)
    own_mos = min((one.mos for one in said if one.mos is not None), default=BEST_MOS)
    checks: tuple[tuple[Sign, bool], ...] = (
        ("freezes", _stood_still(call) or (part is not None and not part.lossy)),
        ("loss", _loses_much(heard) or (part is not None and part.lossy)),
        ("delay", any((stream.late_ms or 0.0) >= max(POOR_DELAY_MS, MORE_UNEVEN * own_late_ms) for stream in enough)),
        ("jitter", any(_is_uneven(stream, said) for stream in enough)),
        ("quality", any(BEST_MOS - mos >= MORE_UNEVEN * (BEST_MOS - own_mos) for mos in _untalkable(heard))),
    )
    return tuple(sign for sign, holds in checks if holds)


def _untalkable(streams: list[Stream]) -> list[float]:
    """Return the quality of voices that is too low to talk."""
    return [stream.mos for stream in streams if stream.mos is not None and stream.mos < TALKABLE_MOS]


def _stood_still(call: Call) -> bool:
    """Whether what came stood still for too long, at once or in all, apart from what this end's own packets show."""
    stop = longest_stop(call)
    still_s = frozen_s(call, "received") - frozen_s(call, "sent")
    return (stop is not None and stop.lasts_s >= STOPPED_S) or still_s >= max(
        POOR_FROZEN * call.duration_s, LEAST_FROZEN_S
    )


def _is_uneven(stream: Stream, said: list[Stream]) -> bool:
    """Whether packets came too unevenly, and clearly more so than this end's own of that kind left it."""
    own = [one for one in said if (one.medium, one.payload_type) == (stream.medium, stream.payload_type)]
    jitter_ms, uneven_ms = stream.jitter_ms or 0.0, stream.uneven_ms or 0.0
    own_jitter_ms = max((one.jitter_ms or 0.0 for one in own), default=0.0)
    own_uneven_ms = max((one.uneven_ms or 0.0 for one in own), default=0.0)
    return jitter_ms >= max(POOR_JITTER_MS, MORE_UNEVEN * own_jitter_ms) or uneven_ms >= max(
        POOR_UNEVEN_MS, MORE_UNEVEN * own_uneven_ms
    )


def _loses_much(heard: list[Stream]) -> bool:
    """Whether voice or video lost more than a conversation bears."""
    return any(_is_lossy([stream for stream in heard if stream.medium == medium]) for medium in ("voice", "video"))


def _is_lossy(streams: list[Stream]) -> bool:
    """Whether more was lost than a conversation bears; of a few packets, only where it is clear."""
    share, lost = share_lost(streams) or 0.0, sum(stream.lost or 0 for stream in streams)
    enough = sum(stream.packets for stream in streams) + lost >= ENOUGH_PACKETS
    return share >= (POOR_LOSS if enough else CLEAR_LOSS) and lost >= CLEAR_LOST


def _poor_outcome(call: Call, heard: list[Stream], signs: tuple[Sign, ...], part: BadPart | None) -> Outcome:
    """Tell of what came poorly since when; of a call that was poor for a part alone, how long that is as well."""
    if part is None or _loses_much(heard) or _stood_still(call):
        return Outcome("poor", first_trouble(call), "received", signs)
    return Outcome("poor", first_trouble(call, part.at_s), "received", signs, float(PART_S))


def first_trouble(call: Call, from_s: float = -inf) -> float | None:
    """Return the first second in which what came was lost or stood still, None if no second stands out."""
    return next((float(one.at_s) for one in call.seconds if one.at_s >= from_s and _is_troubled(one)), None)


def _is_troubled(moment: Moment) -> bool:
    second = moment.received
    lost = second.lost or 0
    return second.frozen_ms >= 200 or (lost > 0 and lost >= POOR_LOSS * (second.packets + lost))
