"""A capture as one HTML page: a table of calls, then for each a sentence and a picture of each direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from talkpath.measure.call import Call, Moment, RecordedDirection, Second
from talkpath.measure.pauses import without_pauses
from talkpath.report.pictures.check_page import html_page
from talkpath.report.pictures.markup import Element, element, with_code_marks
from talkpath.report.recordings import call_pieces, capture_sentences, no_call
from talkpath.report.recordings.capture_text import SECOND_MARKS as SEVERITIES
from talkpath.report.recordings.capture_text import worst_mark
from talkpath.report.recordings.clock import NO_CLOCK, RecordingClock
from talkpath.report.recordings.outcome_words import CALL_OUTCOME_MARKS, FREEZE_TOLD_S, OUTCOME_STATES, outcome_label
from talkpath.report.words.amounts import numeral, seconds
from talkpath.report.words.language import count, listed, say, spoken
from talkpath.verdict.bases.call_outcome import Outcome, frozen_s
from talkpath.verdict.bases.calls_together import JudgedCall, JudgedRecording

MARKS_OF_SECONDS = tuple(mark for mark, _ in SEVERITIES)
STILL, EMPTY = MARKS_OF_SECONDS[3], MARKS_OF_SECONDS[4]
WIDTH, HEIGHT, LEFT, FOOT = 600, 90, 44, 14
COLOURS = ("--ok", "--poor", "--restricted", "--closed", "--grid")


def capture_page(judged: JudgedRecording, clock: RecordingClock = NO_CLOCK) -> str:
    """The whole page."""
    findings = judged.findings
    came = count("unit", "{number} packet", "{number} packets", findings.packets)
    values = {
        "packets": came,
        "seconds": seconds(findings.duration_s),
        "calls": sum(call.continues is None for call in findings.calls),
    }
    summary = say("capture", "{packets} in {seconds}; calls: {calls}.", **values)
    body = [
        element("p", summary, f" {spoken().isolate(clock.begun)}" if clock.begun else None, class_="soft"),
        *(element("p", note, class_="soft") for note in capture_sentences.recording_notes(findings)),
    ]
    if judged.calls:
        body += [_call_table(judged.calls, clock), _seconds_legend()]
    elif not findings.attempts:
        advice = with_code_marks(no_call.no_call_advice(findings))
        body.append(element("p", f"{no_call.no_call_found(findings)} ", *advice))
    for places in call_pieces.told_together(judged.calls):
        body += _call_section(places, judged.calls, clock)
        body += (element("p", line, class_="soft") for line in capture_sentences.pair_lines(findings, places))
    for attempt in judged.attempts:
        body.append(element("p", capture_sentences.attempt_sentence(attempt, clock)))
        body.append(element("p", *with_code_marks(capture_sentences.attempt_advice()), class_="soft"))
    for verdict in judged.together:
        body.append(element("p", capture_sentences.together_sentence(verdict)))
    notes = *call_pieces.call_notes(judged.calls), judged.calls and capture_sentences.assumption_note()
    body += [element("p", note, class_="soft") for note in notes if note]
    return html_page(say("capture", "What happened to the calls in this recording"), body, simulated=False)


def _call_table(calls: Sequence[JudgedCall[Call]], clock: RecordingClock) -> Element:
    titles = (element("th", title, scope="col") for title in capture_sentences.column_titles())
    head = element("thead", element("tr", *titles))
    rows = (_call_row(places, calls, clock) for places in call_pieces.told_together(calls))
    return element("table", head, element("tbody", *rows), class_="calls")


def _call_row(places: Sequence[int], calls: Sequence[JudgedCall[Call]], clock: RecordingClock) -> Element:
    judged, outcome = calls[places[0]], calls[places[0]].outcome
    cells = call_pieces.call_cells(places, calls, clock)
    titles = capture_sentences.column_titles()
    how = element(
        "td",
        f"{CALL_OUTCOME_MARKS[outcome.kind]} {outcome_label(outcome, clock, judged.call)}",
        class_=f"state {OUTCOME_STATES[outcome.kind]}",
    )
    row = (element("td", cell, data_title=title) for cell, title in zip(cells, titles, strict=False))
    return element("tr", *row, how)


def _seconds_legend() -> Element:
    parts: list[Element | str] = [say("capture", "A bar is a second; its height is kbit/s."), " "]
    for colour, mark, meaning in zip(COLOURS, MARKS_OF_SECONDS, capture_sentences.mark_meanings(), strict=True):
        square = (
            element("rect", width=12, height=12, style=f"fill:var({colour})") if mark != STILL else _still_mark(6, 11)
        )
        shown = None if mark == EMPTY else square
        kind = "square empty" if mark == EMPTY else "square"
        frame = element("svg", shown, viewBox="0 0 12 12", aria_hidden="true", class_=kind)
        parts += [element("span", frame, f" {meaning}"), " "]
    return element("p", *parts, class_="key")


def _call_section(places: Sequence[int], calls: Sequence[JudgedCall[Call]], clock: RecordingClock) -> list[Element]:
    judged, number = calls[places[0]], call_pieces.call_numbers(places)
    call = judged.call
    out = [
        element("h2", f"{number}. {listed([capture_sentences.app_name(call.app), capture_sentences.call_kind(call)])}")
    ]
    out.append(element("p", call_pieces.call_words(places, calls, clock)))
    if advice := capture_sentences.call_advice(judged):
        out.append(element("p", *with_code_marks(advice), class_="soft"))
    if len(places) > 1:
        return out
    return out + [_direction_figure(judged, direction, clock) for direction in ("sent", "received")]


def _direction_figure(judged: JudgedCall[Call], direction: RecordedDirection, clock: RecordingClock) -> Element:
    call = without_pauses(judged.call)
    moments = [getattr(moment, direction) for moment in call.seconds]
    most = max([one.kbps for one in moments] + [1.0])
    words = _direction_words(call, judged.outcome, direction, clock)
    name = say("capture", "What left this end") if direction == "sent" else say("capture", "What came to this end")
    return element(
        "figure",
        element(
            "svg",
            element("title", name),
            element("desc", words),
            element("text", f"{most:.0f}", x=LEFT - 4, y=10, text_anchor="end"),
            element("text", clock.at(call.start_s), x=LEFT, y=HEIGHT - 2),
            element("text", clock.at(call.start_s + call.duration_s), x=WIDTH, y=HEIGHT - 2, text_anchor="end"),
            *_second_bars(call.seconds, direction, most),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            class_="chart",
        ),
        element("figcaption", element("b", name), words),
    )


def _second_bars(moments: Sequence[Moment], direction: str, most: float) -> Iterator[Element]:
    """A bar for each second in which packets came; a cross over one that stood still."""
    each = (WIDTH - LEFT) / max(len(moments), 1)
    for place, moment in enumerate(moments):
        second: Second = getattr(moment, direction)
        mark, x, y = worst_mark([second]), LEFT + place * each, HEIGHT - FOOT - 1.0
        if second.packets:
            height = max((HEIGHT - FOOT) * second.kbps / most, 1.5)
            y = HEIGHT - FOOT - height
            size = {"width": f"{max(each - 0.3, 0.4):.2f}", "height": f"{height:.2f}"}
            yield element("rect", x=f"{x:.2f}", y=f"{y:.2f}", **size, style=f"fill:var({COLOURS[mark]})")
        if MARKS_OF_SECONDS[mark] == STILL:
            yield _still_mark(x + each / 2, max(y - 2, 10.0))


def _still_mark(x: float, y: float) -> Element:
    return element("text", STILL, x=f"{x:.2f}", y=f"{y:.2f}", text_anchor="middle", class_="still")


def _direction_words(call: Call, outcome: Outcome, direction: RecordedDirection, clock: RecordingClock) -> str:
    """One direction in numbers, those of the sentence and of the JSON."""
    moments = [getattr(moment, direction) for moment in call.seconds]
    packets, lost = sum(one.packets for one in moments), sum(one.lost or 0 for one in moments)
    if not packets:
        return say("capture", "Nothing.")
    still_s = frozen_s(call, direction)
    known = any(one.lost is not None for one in moments)
    parts = [count("unit", "{number} packet", "{number} packets", packets)]
    if outcome.kind == "went_silent" and direction == outcome.direction:
        parts.append(outcome_label(outcome, clock))
    elif known:
        parts.append(say("capture", "missing: {lost}", lost=numeral(lost)))
    else:
        parts.append(say("capture", "losses cannot be told"))
    if still_s >= FREEZE_TOLD_S:
        parts.append(say("capture", "{seconds} stood still", seconds=seconds(still_s)))
    return f"{listed(parts)}."
