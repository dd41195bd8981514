"""When a call was poor: the times in which what came was lost or stood still, told in a few words; and what poor is."""

from __future__ import annotations

from collections.abc import Collection
from itertools import accumulate, groupby

from talkpath.measure.call import Call, Moment
from talkpath.measure.pauses import without_pauses
from talkpath.measure.quality import TALKABLE_MOS
from talkpath.report.recordings.clock import RecordingClock
from talkpath.report.words.amounts import milliseconds, numeral, percent, seconds
from talkpath.report.words.language import listed, say
from talkpath.verdict.bases.call_outcome import (
    POOR_DELAY_MS,
    POOR_FROZEN,
    POOR_JITTER_MS,
    POOR_LOSS,
    POOR_UNEVEN_MS,
    STOPPED_S,
    Sign,
)

WORST_SHARE, BAD_SHARE = 0.75, 0.1
"""The worst seconds are those that together hold so much of all that was missing; seconds beside them belong to them
from this share on."""
FINE_AGAIN_S, MAX_TOLD_TIMES = 5, 2


def poor_words(call: Call, signs: Collection[Sign], clock: RecordingClock) -> str:
    """Return that a call was poor, and when; no more where it was so from its beginning to its end, or where single
    seconds do not tell (unevenness, delay)."""
    times = poor_times(call, signs)
    if not times or times[0][1] - times[0][0] > len(call.seconds) - FINE_AGAIN_S:
        return say("outcome", "poor")
    begin, end = clock.at(times[0][0]), clock.at(times[-1][1])
    if len(times) > MAX_TOLD_TIMES:
        return say("outcome", "poor {number} times, {begin}–{end}", number=len(times), begin=begin, end=end)
    if len(times) == 1 and times[0][1] > call.seconds[-1].at_s + 1 - FINE_AGAIN_S:
        return say("outcome", "poor from {time} on", time=begin)
    return say("outcome", "poor {times}", times=listed(f"{clock.at(first)}–{clock.at(last)}" for first, last in times))


def poor_times(call: Call, signs: Collection[Sign]) -> list[tuple[int, int]]:
    """Return the times (begin, end) in which most of what makes a call poor happened; it is fine again after
    FINE_AGAIN_S."""
    shares = [(one.at_s, _missing_share(one, signs)) for one in without_pauses(call).seconds]
    worst = sorted((share for _, share in shares if share), reverse=True)
    bound = next(
        (one for one, so_far in zip(worst, accumulate(worst), strict=True) if so_far >= WORST_SHARE * sum(worst)), 1.0
    )
    times: list[tuple[int, int]] = []
    for _, run in groupby(shares, lambda one: one[1] >= min(bound, BAD_SHARE)):
        part = list(run)
        begin_s, end_s = part[0][0], part[-1][0] + 1
        if max(share for _, share in part) < bound:
            continue
        if times and begin_s - times[-1][1] < FINE_AGAIN_S:
            begin_s, _ = times.pop()
        times.append((begin_s, end_s))
    return times


def _missing_share(moment: Moment, signs: Collection[Sign]) -> float:
    """Return how much of a second was lost, or stood still though this end's own packets did not."""
    came, lost = moment.received.packets, moment.received.lost or 0
    still = (moment.received.frozen_ms - moment.sent.frozen_ms) / 1000 if "freezes" in signs else 0.0
    return max(0.0, still, lost / (came + lost) if lost and "loss" in signs else 0.0)


def poor_note() -> str:
    """What is poor, in the numbers that are told of each call."""
    return say(
        "capture",
        "Poor, as told here: {lost} lost, or {still} of the time still beyond what this end's own packets show; {stop} "
        "still at once; a tenth of half a minute lost or still; half of the packets {uneven} or one in twenty {late} "
        "behind; jitter {jitter}; voice quality below {mos}.",
        lost=percent(POOR_LOSS),
        still=percent(POOR_FROZEN),
        stop=seconds(STOPPED_S, 0),
        uneven=milliseconds(POOR_UNEVEN_MS),
        late=milliseconds(POOR_DELAY_MS),
        jitter=milliseconds(POOR_JITTER_MS),
        mos=numeral(TALKABLE_MOS, 1),
    )
