"""The picture of one arm as inline SVG: the share of answered set-ups, then of packets that arrived over time.

The call is a filled bar and a thick line, its twin a hollow bar and a dashed line, so they differ by more than colour.
Colours come from the page's classes, so the picture follows dark mode and can be printed. Its title and description say
in words what it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import NamedTuple

from talkpath.report.pictures.arrival_curve import ArrivalCurve, SetUp, Share
from talkpath.report.pictures.markup import Element, element
from talkpath.report.words.amounts import percent, seconds
from talkpath.report.words.language import say

WIDTH, HEIGHT = 200, 104
LEFT, RIGHT, TOP, BOTTOM = 28, 6, 8, 22
BAR, MIDDLE = 10, 72  # a set-up bar's width; where the media begin
MAX_ROW_CHARACTERS, ROW_HEIGHT = 18, 14  # of a text that stands in the picture
MAX_FAILED_SETUP_SHARE = 0.5  # share of answered set-ups below which the calls count as not set up

Point = tuple[float, float]


class TimeSpan(NamedTuple):
    """The first and last second of the time axis."""

    start_s: float
    end_s: float


def arrival_chart(curve: ArrivalCurve, setup: SetUp, state: str, name: str) -> Element:
    """One direction. `state` is the verdict's, for the colour of the call's line."""
    span = TimeSpan(curve.at_s[0] - curve.bin_s / 2, curve.at_s[-1] + curve.bin_s / 2)
    return element(
        "svg",
        element("title", chart_title(curve, name)),
        element("desc", chart_description(curve, setup)),
        *_grid_lines(span),
        *_setup_bars(setup, state),
        *(_no_call_text() if is_setup_failed(setup) else _media_lines(curve, span, state)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="chart",
    )


def chart_title(curve: ArrivalCurve, name: str) -> str:
    """Whose packets it shows."""
    if curve.direction == "up":
        return say("chart", "{name}, sent by you", name=name)
    return say("chart", "{name}, sent to you", name=name)


def chart_legend() -> Element:
    """The legend, once a picture."""
    return element(
        "p",
        element("svg", element("path", d="M1 6H35", class_="call key"), viewBox="0 0 36 12", aria_hidden="true"),
        f" {say('chart', 'calls')}  ",
        element("svg", element("path", d="M1 6H35", class_="twin"), viewBox="0 0 36 12", aria_hidden="true"),
        f" {say('chart', 'control traffic sent at the same moments.')} ",
        say(
            "chart",
            "Bars: of 100 set-ups, how many were answered. Lines: of 100 packets, how many arrived, while the call "
            "went "
            "on. Ordinary congestion lowers both; a rule about calls lowers one.",
        ),
        f" {say('chart', 'Calls that last through the check are not drawn.')}",
        class_="key",
    )


def chart_description(curve: ArrivalCurve, setup: SetUp) -> str:
    """What the picture shows, in words: the set-up where it failed, else the packets."""
    if is_setup_failed(setup):
        return say(
            "chart",
            "Set-ups answered: calls {calls_answered} of {calls}, control traffic {twins_answered} of {twins}.",
            **asdict(setup),
        )
    calls = percent(curve.call_arrived / curve.call_sent) if curve.call_sent else "–"
    twins = percent(curve.twin_arrived / curve.twin_sent) if curve.twin_sent else "–"
    return say("chart", "Packets that arrived: calls {calls}, control traffic {twins}.", calls=calls, twins=twins)


def is_setup_failed(setup: SetUp) -> bool:
    """Were so few set-ups answered that hardly a call would begin, whatever becomes of packets sent all the same?"""
    return bool(setup.calls) and setup.calls_answered / setup.calls < MAX_FAILED_SETUP_SHARE


def _no_call_text() -> Iterator[Element]:
    x = (MIDDLE + WIDTH - RIGHT) / 2
    for row, text in enumerate(wrap(say("chart", "no set-up, no call"), MAX_ROW_CHARACTERS)):
        yield element("text", text, x=x, y=_y_of_share(0.66) + ROW_HEIGHT * row, text_anchor="middle")


def _media_lines(curve: ArrivalCurve, span: TimeSpan, state: str) -> Iterator[Element]:
    call, twin = _curve_points(curve, curve.call, span), _curve_points(curve, curve.twin, span)
    if call:
        yield _curve_area(call)
        yield _curve_line(call, f"call {state}")
    if twin:
        yield _curve_line(twin, "twin")


def _grid_lines(span: TimeSpan) -> Iterator[Element]:
    for share in (0.0, 0.5, 1.0):
        y = _y_of_share(share)
        yield element("path", d=f"M{LEFT} {y:g}H{WIDTH - RIGHT}", class_="grid")
        yield element("text", f"{100 * share:.0f}", x=LEFT - 5, y=f"{y + 3.5:g}", text_anchor="end")
    yield element("text", say("chart", "set-up"), x=0, y=HEIGHT - 6)
    yield element("text", seconds(span.start_s), x=MIDDLE, y=HEIGHT - 6)
    yield element("text", seconds(span.end_s), x=WIDTH - RIGHT, y=HEIGHT - 6, text_anchor="end")


def _setup_bars(setup: SetUp, state: str) -> Iterator[Element]:
    """Of set-ups, how many were answered; a line at the bottom where none was."""
    if setup.calls:
        yield _setup_bar(LEFT + 2, setup.calls_answered / setup.calls, f"bar {state}")
    if setup.twins:
        yield _setup_bar(LEFT + 2 + BAR + 4, setup.twins_answered / setup.twins, "bar twin")


def _setup_bar(x: float, share: float, kind: str) -> Element:
    return element("path", d=f"M{x:g} {_y_of_share(0):g}V{_y_of_share(share):g}h{BAR}V{_y_of_share(0):g}Z", class_=kind)


def _y_of_share(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def _x_of_time(at_s: float, span: TimeSpan) -> float:
    return round(MIDDLE + (at_s - span.start_s) / (span.end_s - span.start_s) * (WIDTH - MIDDLE - RIGHT), 1)


def _curve_points(curve: ArrivalCurve, shares: Sequence[Share], span: TimeSpan) -> list[Point]:
    """Where something was sent: pauses are bridged."""
    return [
        (_x_of_time(at_s, span), _y_of_share(share))
        for at_s, share in zip(curve.at_s, shares, strict=True)
        if share is not None
    ]


def _curve_line(run: Sequence[Point], kind: str) -> Element:
    if len(run) == 1:
        (x, y) = run[0]
        return element("path", d=f"M{x - 3:g} {y:g}h6", class_=kind)
    return element("path", d="M" + "L".join(f"{x:g} {y:g}" for x, y in run), class_=kind)


def _curve_area(run: Sequence[Point]) -> Element:
    edge = "L".join(f"{x:g} {y:g}" for x, y in run)
    return element(
        "path", d=f"M{run[0][0]:g} {_y_of_share(0):g}L{edge}L{run[-1][0]:g} {_y_of_share(0):g}Z", class_="area"
    )
