"""Calls of a recording as they are told: each by itself, or the short pieces of one together."""

from __future__ import annotations

from collections.abc import Sequence

from talkpath.apps.contract.feature import SURE_CONFIDENCE
from talkpath.measure.call import Call
from talkpath.report.recordings.capture_sentences import app_name, call_kind, call_path, call_sentence
from talkpath.report.recordings.clock import NO_CLOCK, RecordingClock
from talkpath.report.recordings.poor_times import poor_note
from talkpath.report.words.amounts import numeral, percent, seconds
from talkpath.report.words.language import say
from talkpath.report.words.sentences import medium_word
from talkpath.verdict.bases.calls_together import JudgedCall


def told_together(calls: Sequence[JudgedCall[Call]]) -> list[list[int]]:
    """The places of calls that are told together: pieces of one call, each too short to tell anything of. Every other
    call is by itself."""
    out: dict[tuple[bool, int], list[int]] = {}
    for place, one in enumerate(calls):
        is_short = one.outcome.signs == ("short",)
        out.setdefault((is_short, (is_short and one.call.continues) or place + 1), []).append(place)
    return list(out.values())


def call_numbers(places: Sequence[int]) -> str:
    """The numbers of calls at these places: "3", or "1–22" of several."""
    return str(places[0] + 1) if len(places) == 1 else f"{places[0] + 1}–{places[-1] + 1}"


def call_cells(places: Sequence[int], calls: Sequence[JudgedCall[Call]], clock: RecordingClock) -> tuple[str, ...]:
    """The cells of a table of calls but for the last, how it was: "–" where the losses or the quality are not known. Of
    pieces of one call the time of all is told, and no more."""
    first, last, figures = calls[places[0]].call, calls[places[-1]].call, calls[places[0]].verdict.figures
    whole = len(places) == 1
    loss, mos = (figures.get(figure) if whole else None for figure in ("loss_down_pct", "mos_down"))
    return (
        call_numbers(places),
        app_name(first.app, first.app_confidence),
        " + ".join(map(medium_word, first.media)),
        clock.at(first.start_s),
        seconds(last.start_s + last.duration_s - first.start_s),
        "–" if loss is None else percent(loss / 100, 1),
        "–" if mos is None else numeral(mos, 1),
    )


def call_notes(calls: Sequence[JudgedCall[Call]]) -> list[str]:
    """What the table of calls leaves open: what is poor, and what a question mark says."""
    poor = any(one.outcome.kind in ("good", "poor") for one in calls)
    unsure = any(one.call.app_confidence < SURE_CONFIDENCE for one in calls)
    question = say("capture", "“?”: only one sign tells which app it was.")
    return [poor_note()] * poor + [question] * unsure


def call_words(places: Sequence[int], calls: Sequence[JudgedCall[Call]], clock: RecordingClock = NO_CLOCK) -> str:
    """What is told of one call, or of the pieces of one."""
    if len(places) > 1:
        return _pieces_sentence([calls[place] for place in places])
    one = calls[places[0]]
    return " ".join(filter(None, (call_sentence(one, clock), _piece_note(one.call))))


def _pieces_sentence(pieces: Sequence[JudgedCall[Call]]) -> str:
    """One sentence on a call of which short pieces were recorded alone."""
    first, last = pieces[0].call, pieces[-1].call
    return say(
        "capture",
        "{app}, {kind}, {path}: could not tell; this recording holds {number} short pieces of one call, {seconds} of "
        "{whole}. The numbers and the clock of its packets run on from piece to piece; nothing shows how it was in "
        "between.",
        app=app_name(first.app),
        kind=call_kind(first),
        path=call_path(first),
        number=len(pieces),
        seconds=seconds(sum(one.call.duration_s for one in pieces)),
        whole=seconds(last.start_s + last.duration_s - first.start_s, 0),
    )


def _piece_note(call: Call) -> str:
    """That it is a later piece of another call; "" where it is none."""
    if call.continues is None:
        return ""
    return say(
        "capture",
        "It is a later piece of call {number}: the numbers and the clock of its packets run on, and nothing shows how "
        "it was in between.",
        number=call.continues,
    )
