"""A capture as one HTML file: a table of calls, a picture of each direction second by second, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from talkpath.measure.call import Call, Findings, Moment, Second
from talkpath.report import capture_words, words
from talkpath.report.capture_text import grade
from talkpath.report.html import page
from talkpath.report.markup import Element, element
from talkpath.verdict.call import judge_attempt, judge_call
from talkpath.verdict.model import Verdict

WIDTH, HEIGHT, LEFT, FOOT = 600, 90, 44, 14
COLOURS = ("--ok", "--poor", "--restricted", "--closed", "--grid")
MEANINGS = ("fine", "up to 5 % lost", "more lost or 0.2 s still", "still for half of it", "nothing came")
WAYS = {"sent": "left this end", "received": "came to this end"}


def capture_page(file: str, findings: Findings) -> str:
    """The whole file."""
    told = f"{findings.packets} packets in {findings.duration_s:.1f} s, {len(findings.calls)} calls."
    body = [element("p", told, class_="soft"), *_unread(findings)]
    if findings.calls:
        body += [_table(findings.calls), _key()]
    for number, call in enumerate(findings.calls, 1):
        body += _call(number, call)
    body += [
        element("p", capture_words.attempt_sentence(attempt, judge_attempt(attempt))) for attempt in findings.attempts
    ]
    body.append(element("p", capture_words.ASSUMPTIONS, class_="soft"))
    return page(f"What happened to the calls in {file}", body, simulated=False)


def _unread(findings: Findings) -> Iterator[Element]:
    if findings.unread:
        parts = ", ".join(f"{times} × {name}" for name, times in findings.unread.items())
        yield element("p", f"Not read: {parts}.", class_="soft")


def _table(calls: Sequence[Call]) -> Element:
    names = ("", "app", "media", "path", "begins", "lasts", "lost on the way here", "voice quality", "result")
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in names)))
    return element("table", head, element("tbody", *(_row(number, call) for number, call in enumerate(calls, 1))))


def _row(number: int, call: Call) -> Element:
    verdict = judge_call(call)
    loss, mos = verdict.figures.get("loss_down_pct"), verdict.figures.get("mos_down")
    cells = (
        str(number),
        capture_words.app_name(call.app),
        " and ".join(call.media),
        f"{call.transport}, {call.protocol.upper()}",
        f"{call.start_s:.1f} s",
        f"{call.duration_s:.1f} s",
        "" if loss is None else f"{loss:.1f} %",
        "" if mos is None else f"{mos:.1f} of 4.5",
    )
    result = element("td", f"{words.MARKS[verdict.state]} {words.label(verdict)}", class_=f"state {verdict.state}")
    return element("tr", *(element("td", cell) for cell in cells), result)


def _key() -> Element:
    parts: list[Element | str] = []
    for colour, meaning in zip(COLOURS, MEANINGS, strict=True):
        square = element("rect", width=12, height=12, style=f"fill:var({colour})")
        parts += [element("svg", square, viewBox="0 0 12 12", aria_hidden="true", style="width:12px"), f" {meaning}  "]
    return element("p", *parts, "A bar is a second; its height is kbit/s.", class_="key")


def _call(number: int, call: Call) -> list[Element]:
    verdict: Verdict = judge_call(call)
    out = [element("h2", f"{number}. {capture_words.app_name(call.app)} {capture_words.kind(call)}")]
    out.append(element("p", capture_words.sentence(call, verdict)))
    if capture_words.advice(verdict):
        out.append(element("p", capture_words.advice(verdict), class_="soft"))
    return out + [_picture(call, heading) for heading in ("sent", "received")]


def _picture(call: Call, heading: str) -> Element:
    seconds = [getattr(moment, heading) for moment in call.seconds]
    most = max([one.kbps for one in seconds] + [1.0])
    name = f"What {WAYS[heading]}"
    return element(
        "figure",
        element(
            "svg",
            element("title", name),
            element("desc", _described(seconds)),
            element("text", f"{most:.0f}", x=2, y=10),
            element("text", f"{call.start_s:.0f} s", x=LEFT, y=HEIGHT - 2),
            element("text", f"{call.start_s + call.duration_s:.0f} s", x=WIDTH - 40, y=HEIGHT - 2),
            *_bars(call.seconds, heading, most),
            viewBox=f"0 0 {WIDTH} {HEIGHT}",
            role="img",
            class_="chart",
        ),
        element("figcaption", element("b", name), _described(seconds)),
    )


def _bars(moments: Sequence[Moment], heading: str, most: float) -> Iterator[Element]:
    each = (WIDTH - LEFT) / max(len(moments), 1)
    for place, moment in enumerate(moments):
        second: Second = getattr(moment, heading)
        height = max((HEIGHT - FOOT) * second.kbps / most, 1.5)
        x, y = LEFT + place * each, HEIGHT - FOOT - height
        size = {"width": f"{max(each - 0.3, 0.4):.2f}", "height": f"{height:.2f}"}
        yield element("rect", x=f"{x:.2f}", y=f"{y:.2f}", **size, style=f"fill:var({COLOURS[grade([second])]})")


def _described(seconds: Sequence[Second]) -> str:
    packets, lost = sum(one.packets for one in seconds), sum(one.lost or 0 for one in seconds)
    if not packets:
        return "Nothing."
    frozen = sum(one.frozen_ms for one in seconds) / 1000
    counted = f"{lost} missing" if any(one.lost is not None for one in seconds) else "losses cannot be told"
    return f"{packets} packets, {counted}" + (f", {frozen:.1f} s stood still." if frozen else ".")
