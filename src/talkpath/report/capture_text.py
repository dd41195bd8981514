"""A capture on a terminal: a table of calls, a timeline per direction, one sentence each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from talkpath.measure.call import Call, Findings, Moment, Paired, Second, Stream
from talkpath.report import capture_words, words
from talkpath.report.text import STYLES
from talkpath.verdict.call import judge_attempt, judge_call

WIDEST = 100
MARKS = (("█", "green"), ("▆", "yellow"), ("▃", "red"), ("×", "bold red"), ("·", "dim"))
"""Fine; under 5 % lost; 5 % or more; stood still; nothing."""


def show(
    console: Console,
    file: str,
    findings: Findings,
    endpoints: Sequence[Sequence[str]] = (),
    pairs: Sequence[Paired] = (),
) -> None:
    """All of one file."""
    console.print(Text(f"{file}: {findings.packets} packets, {findings.duration_s:.1f} s", style="bold"))
    if findings.unread:
        console.print("  not read: " + ", ".join(f"{times} × {name}" for name, times in findings.unread.items()))
    if not findings.calls and not findings.attempts:
        console.print("  No call found.")
    if findings.calls:
        console.print(table(findings.calls))
    for number, call in enumerate(findings.calls):
        console.print()
        _call(console, number + 1, call)
        for text in endpoints[number] if endpoints else ():
            console.print(f"    {text}", highlight=False)
        for pair in pairs:
            if pair.call == number + 1:
                for line in capture_words.pair_lines(pair):
                    console.print(f"    {line}", highlight=False)
    for attempt in findings.attempts:
        console.print()
        console.print(f"  {capture_words.attempt_sentence(attempt, judge_attempt(attempt))}", highlight=False)


def table(calls: Sequence[Call]) -> RenderableType:
    """One row a call."""
    grid = Table(box=None, pad_edge=False)
    for title in ("", "app", "media", "path", "begins", "lasts", "lost here", "quality", "result"):
        grid.add_column(title)
    for number, call in enumerate(calls, 1):
        verdict = judge_call(call)
        loss, mos = verdict.figures.get("loss_down_pct"), verdict.figures.get("mos_down")
        grid.add_row(
            str(number),
            capture_words.app_name(call.app) + ("" if call.app_confidence >= 0.6 else "?"),
            "+".join(call.media),
            f"{call.transport} {call.protocol}",
            f"{call.start_s:.1f} s",
            f"{call.duration_s:.1f} s",
            "" if loss is None else f"{loss:.1f} %",
            "" if mos is None else f"{mos:.1f}",
            Text(f"{words.MARKS[verdict.state]} {words.label(verdict)}", style=STYLES[verdict.state]),
        )
    return grid


def timeline(seconds: Sequence[Moment], heading: str, width: int = WIDEST) -> Text:
    """A mark for each second, or for as many as fit into one mark."""
    each = -(-len(seconds) // width)
    text = Text(f"    {heading:9}")
    for begin in range(0, len(seconds), each):
        mark, style = MARKS[grade([getattr(one, heading) for one in seconds[begin : begin + each]])]
        text.append(mark, style=style)
    return text.append(f"  {each} s each" if each > 1 else "", style="dim")


def grade(seconds: Sequence[Second]) -> int:
    """The place in MARKS of some seconds together."""
    packets, lost = sum(one.packets for one in seconds), sum(one.lost or 0 for one in seconds)
    frozen = sum(one.frozen_ms for one in seconds) / (1000 * len(seconds))
    if frozen >= 0.5:
        return 3
    if not packets and not lost:
        return 4
    share = lost / (packets + lost)
    return 2 if share >= 0.05 or frozen >= 0.2 else 1 if share > 0.01 else 0


def _call(console: Console, number: int, call: Call) -> None:
    verdict = judge_call(call)
    console.print(f"  {number}. {capture_words.sentence(call, verdict)}", highlight=False)
    advice = capture_words.advice(verdict)
    if advice:
        console.print(f"     {advice}", highlight=False)
    width = max(min(WIDEST, console.width - 30), 10)
    for heading in ("sent", "received"):
        console.print(timeline(call.seconds, heading, width))
    for stream in call.streams:
        if stream.medium is not None:
            console.print(f"    {_stream(stream)}", highlight=False)


def _stream(stream: Stream) -> str:
    lost = "losses cannot be told" if stream.lost is None else f"{stream.lost} lost ({stream.loss_pct:.1f} %)"
    by = " by cadence" if stream.loss_basis == "cadence" else ""
    parts = [f"{stream.direction} {stream.medium}: {stream.packets} packets, {lost}{by}"]
    if stream.jitter_ms is not None:
        parts.append(f"jitter {stream.jitter_ms:.0f} ms")
    if stream.freezes:
        parts.append(f"{stream.freezes} freezes, {stream.frozen_s:.1f} s")
    parts.append(f"longest pause {stream.longest_gap_ms:.0f} ms")
    return ", ".join(parts)
