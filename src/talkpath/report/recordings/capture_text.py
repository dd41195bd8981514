"""Prints a capture on a terminal: a table of calls, then for each a sentence and a timeline for each direction."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from talkpath.measure.call import Call, Moment, Second, Stream
from talkpath.measure.pauses import without_pauses
from talkpath.report.check_text import STYLES
from talkpath.report.printable import printable
from talkpath.report.recordings import call_pieces, capture_sentences, no_call
from talkpath.report.recordings.clock import NO_CLOCK, RecordingClock
from talkpath.report.recordings.outcome_words import CALL_OUTCOME_MARKS as MARKS_OF
from talkpath.report.recordings.outcome_words import OUTCOME_STATES, outcome_label
from talkpath.report.words import sentences
from talkpath.report.words.amounts import SPACE, milliseconds, seconds
from talkpath.report.words.language import count, listed, say
from talkpath.verdict.bases.call_outcome import Outcome
from talkpath.verdict.bases.calls_together import JudgedCall, JudgedRecording
from talkpath.verdict.model import Verdict

MAX_TIMELINE_MARKS = 100
MAX_SHOWN_STREAMS = 40
SECOND_MARKS = (("█", "green"), ("▆", "yellow"), ("▃", "red"), ("×", "bold red"), ("·", "dim"))
"""By severity: fine; under 5 % lost; 5 % or more lost; frozen; nothing arrived."""


def show_capture(
    console: Console,
    file: str,
    judged: JudgedRecording,
    endpoints: Sequence[Sequence[str]] = (),
    clock: RecordingClock = NO_CLOCK,
) -> None:
    """Print everything about one file."""
    findings = judged.findings
    came = count("unit", "{number} packet", "{number} packets", findings.packets)
    heading = (
        f"{printable(file)}: {listed([came, seconds(findings.duration_s), *([clock.begun] if clock.begun else [])])}"
    )
    console.print(Text(heading, style="bold"))
    for note in capture_sentences.recording_notes(findings):
        console.print(f"  {note}")
    if not findings.calls and not findings.attempts:
        console.print(f"  {no_call.no_call_found(findings)} {no_call.no_call_advice(findings)}")
    if judged.calls:
        console.print(call_table(judged.calls, clock))
    for places in call_pieces.told_together(judged.calls):
        console.print()
        _show_call(console, places, judged.calls, clock)
        for text in (text for place in places for text in endpoints[place]) if endpoints else ():
            console.print(f"    {text}", highlight=False)
        for line in capture_sentences.pair_lines(findings, places):
            console.print(f"    {line}", highlight=False)
    for attempt in judged.attempts:
        console.print()
        console.print(f"  {capture_sentences.attempt_sentence(attempt, clock)}", highlight=False)
        console.print(f"     {capture_sentences.attempt_advice()}", highlight=False)
    show_together(console, judged.together)
    for note in (*call_pieces.call_notes(judged.calls), sentences.translation_note()):
        if note:
            console.print(Text(f"\n  {note}", style="dim"))


def show_together(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print what several calls say together."""
    for verdict in verdicts:
        console.print()
        console.print(f"  {capture_sentences.together_sentence(verdict)}", highlight=False)


def call_table(calls: Sequence[JudgedCall[Call]], clock: RecordingClock = NO_CLOCK) -> RenderableType:
    """A row for each call. No column is narrower than its longest word."""
    rows = [_call_row(places, calls, clock) for places in call_pieces.told_together(calls)]
    grid = Table(box=None, pad_edge=False)
    for title, *cells in zip(capture_sentences.column_titles(), *rows, strict=True):
        words = [word for cell in (title, *cells) for word in str(cell).split(" ")]
        grid.add_column(title, min_width=max(map(cell_len, words)))
    for row in rows:
        grid.add_row(*row)
    return grid


def _call_row(
    places: Sequence[int], calls: Sequence[JudgedCall[Call]], clock: RecordingClock
) -> tuple[str | Text, ...]:
    call, outcome = calls[places[0]].call, calls[places[0]].outcome
    return (
        *call_pieces.call_cells(places, calls, clock),
        Text(
            f"{MARKS_OF[outcome.kind]} {outcome_label(outcome, clock, call)}",
            style=STYLES[OUTCOME_STATES[outcome.kind]],
        ),
    )


def call_timeline(moments: Sequence[Moment], direction: str, width: int = MAX_TIMELINE_MARKS) -> Text:
    """A mark for each second, or for several seconds where the line is too short."""
    text = Text(f"    {capture_sentences.direction_word(direction):9}")
    for mark in _timeline_marks(moments, direction, width):
        text.append(SECOND_MARKS[mark][0], style=SECOND_MARKS[mark][1])
    return text


def _timeline_marks(moments: Sequence[Moment], direction: str, width: int) -> list[int]:
    """The index in MARKS of each mark of a timeline."""
    each = _seconds_each(moments, width)
    directions = [one.sent if direction == "sent" else one.received for one in moments]
    return [worst_mark(directions[begin : begin + each]) for begin in range(0, len(moments), each)]


def _seconds_each(moments: Sequence[Moment], width: int) -> int:
    return max(1, -(-len(moments) // width))


def _timeline_legend(call: Call, width: int, clock: RecordingClock) -> Text:
    """When the timelines begin, how long a mark is, and what the marks in them mean."""
    each = seconds(_seconds_each(call.seconds, width), 0)
    text = Text(f"    {say('capture', 'from {time} on, {seconds} a mark:', time=clock.at(call.start_s), seconds=each)}")
    used = {mark for direction in ("sent", "received") for mark in _timeline_marks(call.seconds, direction, width)}
    for mark in sorted(used):
        text.append(f"  {SECOND_MARKS[mark][0]}{SPACE}", style=SECOND_MARKS[mark][1])
        text.append(capture_sentences.mark_meanings()[mark].replace(" ", SPACE))
    return text


def worst_mark(moments: Sequence[Second]) -> int:
    """The index in MARKS of some seconds together: by what was lost in all of them, and by the one that stood still for
    longest."""
    packets, lost = sum(one.packets for one in moments), sum(one.lost or 0 for one in moments)
    frozen = max(one.frozen_ms for one in moments) / 1000
    if frozen >= 0.5:
        return 3
    if not packets and not lost:
        return 4
    share = lost / (packets + lost)
    return 2 if share >= 0.05 or frozen >= 0.2 else 1 if share > 0.01 else 0


def _show_call(
    console: Console, places: Sequence[int], calls: Sequence[JudgedCall[Call]], clock: RecordingClock
) -> None:
    judged, number = calls[places[0]], call_pieces.call_numbers(places)
    console.print(f"  {number}. {call_pieces.call_words(places, calls, clock)}", highlight=False)
    if advice := capture_sentences.call_advice(judged):
        console.print(f"     {advice}", highlight=False)
    if len(places) > 1:
        return
    width = max(min(MAX_TIMELINE_MARKS, console.width - 30), 10)
    call = without_pauses(judged.call)
    for heading in ("sent", "received"):
        console.print(call_timeline(call.seconds, heading, width))
    if call.seconds:
        console.print(_timeline_legend(call, width, clock))
    _show_streams(console, call, judged.outcome, clock)


def _show_streams(console: Console, call: Call, outcome: Outcome, clock: RecordingClock) -> None:
    """A line for each stream, in the order of the call, where there are more than anybody reads the largest."""
    streams = [stream for stream in call.streams if stream.medium is not None]
    largest = sorted(range(len(streams)), key=lambda number: -streams[number].packets)[:MAX_SHOWN_STREAMS]
    names = [stream_name(stream) for stream in streams]
    for number in sorted(largest):
        stream, name = streams[number], names[number]
        place = f" {names[: number + 1].count(name)}" if names.count(name) > 1 else ""
        console.print(
            f"    {name}{place}: {_stream_line(stream, _stream_losses(outcome, stream, clock))}", highlight=False
        )
    if more := len(streams) - len(largest):
        told = count("capture", "{number} more stream: see --json", "{number} more streams: see --json", more)
        console.print(f"    {told}", highlight=False)


def _stream_losses(outcome: Outcome, stream: Stream, clock: RecordingClock) -> str:
    """The losses of a stream; where it went silent and had lost nothing before, since when: more is not known."""
    silent = outcome.kind == "went_silent" and stream.direction == outcome.direction
    return outcome_label(outcome, clock) if silent and not stream.lost else capture_sentences.stream_losses(stream)


def stream_name(stream: Stream) -> str:
    """The direction and the medium of a stream."""
    return say(
        "capture",
        "{direction}, {medium}",
        direction=capture_sentences.direction_word(stream.direction),
        medium=sentences.medium_word(stream.medium or ""),
    )


def _stream_line(stream: Stream, losses: str) -> str:
    parts = [count("unit", "{number} packet", "{number} packets", stream.packets), losses]
    if stream.jitter_ms is not None:
        parts.append(say("capture", "jitter {ms}", ms=milliseconds(stream.jitter_ms)))
    if stream.freezes:
        parts.append(
            count(
                "capture",
                "{number} freeze of {seconds}",
                "{number} freezes, {seconds} together",
                stream.freezes,
                seconds=seconds(stream.frozen_s),
            )
        )
    if 1000 * stream.frozen_s > stream.freezes * stream.longest_gap_ms:
        parts.append(say("capture", "stops that follow each other within a second count as one"))
    if stream.longest_gap_ms:
        parts.append(say("capture", "longest pause {ms}", ms=milliseconds(stream.longest_gap_ms)))
    return listed(parts)
