"""How a recorded call was, in words: one label for the table, the sentence and the page, and what it is told by."""

from __future__ import annotations

from talkpath.measure.call import Call, Stream
from talkpath.measure.pauses import paused_share, without_pauses
from talkpath.measure.silence import end_of, streams_of
from talkpath.report.recordings.both_ends import VANISHED_DOWN, vanished_words
from talkpath.report.recordings.clock import RecordingClock
from talkpath.report.recordings.poor_times import poor_words
from talkpath.report.words.amounts import milliseconds, numeral, percent, seconds
from talkpath.report.words.language import listed, say
from talkpath.verdict.bases.call_outcome import Outcome, frozen_s
from talkpath.verdict.model import Verdict

CALL_OUTCOME_MARKS = {
    "good": "✓",
    "poor": "~",
    "one_way": "!",
    "went_silent": "!",
    "never_connected": "!",
    "unknown": "?",
}
OUTCOME_STATES = {
    "good": "ok",
    "poor": "impaired",
    "one_way": "restricted",
    "went_silent": "restricted",
    "never_connected": "restricted",
    "unknown": "insufficient",
}
"""Outcome -> the state whose colour it is shown in."""

FREEZE_TOLD_S, UNSEEN_S, TELLING_OWN_SHARE, FILE_END_S = 0.05, 5.0, 0.25, 1.0
FEWEST_UDP_REQUESTS = 3


def outcome_label(outcome: Outcome, clock: RecordingClock, call: Call | None = None) -> str:
    """How the call was, with the time from which on, or in which."""
    time = "" if outcome.at_s is None else clock.at(outcome.at_s)
    match outcome.kind:
        case "good":
            return say("outcome", "good")
        case "poor" if outcome.direction == "sent" and outcome.at_s is None:
            return say("outcome", "poor before it left")
        case "poor" if call is not None and outcome.direction != "sent":
            return poor_words(call, outcome.signs, clock)
        case "poor":
            return say("outcome", "poor")
        case "one_way":
            return say("outcome", "one way")
        case "went_silent":
            return say("outcome", "silent from {time} on", time=time)
        case "never_connected":
            return say("outcome", "never connected")
        case "unknown" if time and outcome.signs == ("silence",):
            return say("outcome", "silent from {time} on, or muted", time=time)
        case "unknown" if outcome.signs == ("late_start",) and outcome.at_s is not None:
            return say("outcome", "not heard before {time}", time=clock.at(outcome.at_s + (outcome.lasts_s or 0.0)))
        case _:
            return say("outcome", "could not tell")


def what_arrived(call: Call, verdict: Verdict, outcome: Outcome) -> str:
    """What the outcome is told by: numbers that are known, and what it may be besides."""
    parts = [
        *_silence_words(call, outcome),
        *_arrival_numbers(call, verdict, outcome),
        *_missing_picture(call, outcome),
        *_sent_words(call, verdict, outcome),
        *vanished_words(verdict),
        _untold_words(call, outcome),
        _own_end(call),
        say("capture", "UDP did not pass, TCP did") if _fell_back(call) else "",
        _ending(call),
    ]
    told = listed(part for part in parts if part)
    if outcome.kind != "poor":
        return told
    return say("capture", "because of {signs}: {facts}", signs=listed(map(_sign, outcome.signs)), facts=told)


def _untold_words(call: Call, outcome: Outcome) -> str:
    """What the recording cannot tell, and why."""
    if call.clock == "clusters":
        return say("capture", "the recording's clock does not tell delay, standstills and quality")
    if call.clock == "batches":
        return say("capture", "the recording's clock does not tell how evenly packets came")
    if call.partly_read:
        return say("capture", "packets that may be media of it were cut too short to be read")
    if outcome.signs == ("clock",):
        return say("capture", "what this end sent came no better, so this device may be why")
    return ""


def _ending(call: Call) -> str:
    """How the call ended, where that is known: somebody hung up, the recording was over, or no usual good-bye came."""
    if call.closed:
        return say("capture", "it was hung up")
    if call.file_end_s - call.start_s - call.duration_s < FILE_END_S:
        return say("capture", "the recording ends with it")
    if call.opened and call.file_end_s - call.control_end_s >= UNSEEN_S:
        return say("capture", "it ended without a good-bye")
    return ""


def _sign(sign: str) -> str:
    """What was poor."""
    return {
        "loss": say("capture", "losses"),
        "freezes": say("capture", "standstills"),
        "delay": say("capture", "delay"),
        "jitter": say("capture", "unevenness"),
        "quality": say("capture", "voice quality"),
    }[sign]


def _fell_back(call: Call) -> bool:
    """Did the call go over TCP while what it asked by UDP was never answered?"""
    tried = [flow for flow in call.flows if flow.protocol == "udp"]
    asked = sum(flow.requests for flow in tried)
    return call.protocol == "tcp" and asked >= FEWEST_UDP_REQUESTS and not any(flow.packets_received for flow in tried)


def _own_end(call: Call) -> str:
    """How sure it is which end recorded the call."""
    if call.guessed_ends:
        return say("capture", "which of the two ends recorded it is a guess")
    if call.assumed_ends:
        return say("capture", "that this end recorded it is likely, not certain")
    return ""


def _silence_words(call: Call, outcome: Outcome) -> list[str]:
    """What did not come at all."""
    lasts = seconds(outcome.lasts_s or 0.0, 0)
    if outcome.kind == "went_silent" and outcome.direction == "sent":
        return [say("capture", "nothing that this end sent arrived for {seconds}", seconds=lasts)]
    if outcome.kind == "went_silent":
        until_s = (outcome.at_s or 0.0) + (outcome.lasts_s or 0.0)
        heard = streams_of(call, "received")
        if heard and until_s < end_of(heard):
            return [say("capture", "nothing came for {seconds}, then it went on", seconds=lasts)]
        alone = say(
            "capture",
            "the other end still answered, but its media and its reports on this end's did not come, as when a filter "
            "takes the media alone",
        )
        came = say("capture", "nothing came for {seconds}", seconds=lasts)
        return [came, alone] if "media_alone" in outcome.signs else [came]
    if outcome.signs == ("late_start",):
        return [
            say(
                "capture",
                "nothing was heard for the first {seconds}, as when the other end had not answered yet",
                seconds=lasts,
            )
        ]
    if outcome.kind == "unknown" and outcome.signs == ("silence",):
        return [
            say(
                "capture",
                "nothing was heard for {seconds}, as when the other end is muted, on hold or not there",
                seconds=lasts,
            )
        ]
    if outcome.signs == ("unanswered",):
        return [say("capture", "nothing answered what this end sent")]
    if outcome.direction == "received" and outcome.signs in (("silence",), ("short",), ("untold",)):
        return [say("capture", "nothing of the other side is in this recording")]
    return []


def _arrival_numbers(call: Call, verdict: Verdict, outcome: Outcome) -> list[str]:
    """What arrived at this end, in numbers."""
    streams = without_pauses(call).streams
    heard = [stream for stream in streams if stream.direction == "received" and stream.medium]
    if not heard:
        return []
    loss, still_s, still, mos = (
        verdict.figures.get(name) for name in ("loss_down_pct", "frozen_down_s", "frozen_down_pct", "mos_down")
    )
    paused = paused_share(call)
    told = outcome.kind == "went_silent" or VANISHED_DOWN in verdict.figures
    parts = [] if told or (loss is None and paused) else [_loss_words(loss, heard)]
    if paused is not None and outcome.kind != "went_silent":
        values = {"share": percent(paused)}
        parts.append(say("capture", "nothing came for {share} of the time, which may be pauses of speech", **values))
    if still_s and still is not None and still_s >= FREEZE_TOLD_S:
        values = {"seconds": seconds(still_s), "share": percent(still / 100)}
        parts.append(say("capture", "it stood still for {seconds} ({share} of the time)", **values))
        if (own_s := frozen_s(call, "sent")) >= still_s * TELLING_OWN_SHARE:
            own = seconds(own_s)
            parts.append(say("capture", "what this end sent for {seconds}, as when this device stalls", seconds=own))
    if outcome.kind == "poor" and outcome.lasts_s:
        lasts = seconds(outcome.lasts_s, 0)
        parts.append(say("capture", "in {seconds} of it a tenth or more was missing or late", seconds=lasts))
    if "delay" in outcome.signs:
        late = milliseconds(max(stream.late_ms or 0.0 for stream in heard))
        parts.append(say("capture", "one packet in twenty came {ms} late or later", ms=late))
    if "jitter" in outcome.signs:
        behind = milliseconds(max(stream.uneven_ms or 0.0 for stream in heard if stream.medium == heard[0].medium))
        parts.append(say("capture", "half of the packets came {ms} behind the quickest or more", ms=behind))
    if uneven := [stream.jitter_ms for stream in heard if stream.medium == "voice" and stream.jitter_ms]:
        parts.append(say("capture", "jitter {ms}", ms=milliseconds(max(uneven))))
    if mos is not None:
        parts.append(say("capture", "voice quality {mos} of 4.5", mos=numeral(mos, 1)))
    return parts


def _missing_picture(call: Call, outcome: Outcome) -> list[str]:
    """How long no picture came beside a good voice, while this end sent its own."""
    heard, sent = streams_of(call, "received"), streams_of(call, "sent")
    pictures = [stream for stream in heard if stream.medium == "video"]
    own_s = sum(stream.duration_s for stream in sent if stream.medium == "video")
    if outcome.kind != "good" or own_s < UNSEEN_S:
        return []
    if not pictures:
        return [say("capture", "no picture came, as when the other end's camera is off")]
    unseen_s = end_of(heard) - end_of(pictures)
    if unseen_s < UNSEEN_S:
        return []
    lasts = seconds(unseen_s, 0)
    return [
        say("capture", "no picture came for the last {seconds}, as when the other end's camera is off", seconds=lasts)
    ]


def _loss_words(loss: float | None, heard: list[Stream]) -> str:
    """How much was lost; where it was estimated, with the bounds of that."""
    if loss is None:
        return say("capture", "losses cannot be told")
    values = {"share": percent(loss / 100, 1)}
    if loss == 0:
        return say("capture", "nothing of what was sent to this end was lost")
    if all(stream.lost_range is None for stream in heard):
        return say("capture", "{share} of what was sent to this end did not arrive", **values)
    packets = sum(stream.packets for stream in heard)
    for place, bound in enumerate(("low", "high")):
        lost = sum(stream.lost_range[place] if stream.lost_range else stream.lost or 0 for stream in heard)
        values[bound] = percent(lost / (packets + lost), 1)
    return say("capture", "about {share} ({low} to {high}) of what was sent to this end did not arrive", **values)


def _sent_words(call: Call, verdict: Verdict, outcome: Outcome) -> list[str]:
    """What was missing of this end's own packets when they were recorded, and whose losses these are."""
    missing = verdict.figures.get("loss_up_pct")
    if not streams_of(call, "sent"):
        return [say("capture", "nothing that this end said is in this recording")]
    parts = []
    if missing:
        share = percent(missing / 100, 1)
        parts.append(say("capture", "{share} of what this end sent was missing before it was recorded", share=share))
    if "recorder" in outcome.signs:
        parts.append(say("capture", "so the recording itself lost packets"))
    return parts
