"""Judges calls that were recorded at both ends: what vanished between the two counts, in either direction.

One end alone cannot tell a person who is muted from media that vanish, nor what becomes of what it sends. Where the
other end's recording shows it, that goes before; what vanished alone does not tell whether a rule took it or a line.
"""

from __future__ import annotations

from dataclasses import replace as with_fields

from msgspec.structs import replace

from talkpath.measure.call import Call, Findings, Paired, PairedDirection, RecordedDirection
from talkpath.measure.silence import SILENT_END_S
from talkpath.report.words.amounts import percent
from talkpath.report.words.language import say
from talkpath.verdict.bases.call_outcome import CLEAR_LOST, ENOUGH_PACKETS, POOR_LOSS, Outcome, OutcomeKind
from talkpath.verdict.bases.calls_together import JudgedCall, JudgedRecording, judge_recording
from talkpath.verdict.model import Reason, Verdict

FEWEST_VANISHED = 10
"""A silence in which the other end sent fewer packets is a pause of speech in which one was lost."""
WORSE_OUTCOMES = {"good": 0, "unknown": 0, "poor": 1}
VANISHED_UP, VANISHED_DOWN, SENT_DOWN = "vanished_up_pct", "vanished_down_pct", "sent_down"
"""Figures of a verdict: the share of packets that left one end and did not arrive at the other, and how many packets of
media the other end sent."""


def judge_both_ends(findings: Findings) -> JudgedRecording:
    """Judge all calls of a recording, those that the other end recorded too by both recordings."""
    judged = judge_recording(findings)
    pairs = {pair.call - 1: pair for pair in findings.pairs or ()}
    calls = (_judged_pair(one, pairs[place]) if place in pairs else one for place, one in enumerate(judged.calls))
    return with_fields(judged, calls=tuple(calls))


def _judged_pair(judged: JudgedCall[Call], pair: Paired) -> JudgedCall[Call]:
    outcome = _outcome_of_pair(judged, pair)
    return with_fields(judged, outcome=outcome, verdict=_verdict_of_pair(judged, outcome, pair))


def _outcome_of_pair(judged: JudgedCall[Call], pair: Paired) -> Outcome:
    """Tell how the talk was, by the worst of what is known. Where this recording itself lost packets, those that it
    lacks tell nothing."""
    own = judged.outcome
    if judged.call.partly_read or "recorder" in own.signs:
        return own
    if own.kind == "one_way" and pair.down is not None and pair.down.sent == 0:
        own = Outcome("unknown", own.at_s, "received", ("silence",), judged.call.duration_s)
    down, up = _outcome_of_direction(pair.down, "received"), _outcome_of_direction(pair.up, "sent")
    if own.kind == "one_way" and down is not None and up is not None and up.kind == "one_way":
        own = Outcome("went_silent", down.at_s, "received", ("silence",), down.lasts_s)
    return max(filter(None, (own, down, up)), key=lambda one: WORSE_OUTCOMES.get(one.kind, 2))


def _outcome_of_direction(found: PairedDirection | None, direction: RecordedDirection) -> Outcome | None:
    """Tell what was bad about what one end sent and the other received; None where nothing was, or too little shows
    it."""
    if found is None or found.first_lost_s is None:
        return None
    begin_s, end_s = found.silent_s or (0.0, 0.0)
    if end_s - begin_s >= SILENT_END_S and found.longest_run >= FEWEST_VANISHED:
        kind: OutcomeKind = "went_silent" if found.arrived else "one_way"
        return Outcome(kind, begin_s, direction, ("silence",), round(end_s - begin_s, 2))
    if found.sent >= ENOUGH_PACKETS and found.lost >= CLEAR_LOST and found.loss_pct >= 100 * POOR_LOSS:
        return Outcome("poor", found.first_lost_s, direction, ("loss",))
    return None


def _verdict_of_pair(judged: JudgedCall[Call], outcome: Outcome, pair: Paired) -> Verdict:
    """Return the verdict with what both recordings show. Nothing that all arrived fits no rule that takes it."""
    verdict, figures = judged.verdict, dict(judged.verdict.figures)
    for name, found in ((VANISHED_UP, pair.up), (VANISHED_DOWN, pair.down)):
        if found is not None and found.sent:
            figures[name] = found.loss_pct
    if pair.down is not None:
        figures[SENT_DOWN] = float(pair.down.sent)
        figures["loss_down_pct"] = figures.get(VANISHED_DOWN, figures.get("loss_down_pct"))
    if outcome != judged.outcome and outcome.direction != "sent":
        figures["mos_down"] = None
    changed = outcome != judged.outcome and verdict.state in ("ok", "insufficient")
    spared = pair.down is not None and not pair.down.lost and verdict.state == "insufficient"
    return replace(
        verdict,
        figures=figures,
        state="insufficient" if changed else verdict.state,
        reason=Reason("no_control", verdict.reason.values if verdict.reason else {}) if changed else verdict.reason,
        alternatives=() if spared else verdict.alternatives,
    )


def is_seen_from_both_ends(verdict: Verdict) -> bool:
    """Whether the other end's recording shows some of the call."""
    return not {VANISHED_UP, VANISHED_DOWN, SENT_DOWN}.isdisjoint(verdict.figures)


def vanished_words(verdict: Verdict) -> list[str]:
    """What both recordings show of each direction, as clauses."""
    up, down = verdict.figures.get(VANISHED_UP), verdict.figures.get(VANISHED_DOWN)
    parts = []
    if down:
        share = percent(down / 100, 1)
        parts.append(say("capture", "{share} of what the other end sent vanished on the way", share=share))
    elif verdict.figures.get(SENT_DOWN) == 0:
        parts.append(say("capture", "the other end sent neither voice nor video"))
    if up == 0:
        parts.append(say("capture", "all that this end sent arrived at the other end"))
    elif up is not None:
        share = percent(up / 100, 1)
        parts.append(say("capture", "{share} of what this end sent vanished on the way", share=share))
    return parts
