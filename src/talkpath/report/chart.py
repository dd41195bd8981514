"""The picture of one arm, as inline SVG: how much of the call arrived while it went on, beside its look-alike.

Two lines that differ in width and dashes, not by colour alone; colours are the page's (classes), so it is dark in the
dark and prints. Its title and description say in words what it shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from talkpath.report.curve import BIN_S, Curve, Share
from talkpath.report.markup import Element, element

WIDTH, HEIGHT = 240, 104
LEFT, RIGHT, TOP, BOTTOM = 32, 6, 8, 22
WAYS = {"up": "sent by you", "down": "sent to you"}

Point = tuple[float, float]


class Span(NamedTuple):
    """The seconds from left to right."""

    start_s: float
    end_s: float


def chart(curve: Curve, state: str, name: str) -> Element:
    """One direction. `state` is the verdict's, for the colour of the call's line."""
    span = Span(curve.at_s[0] - BIN_S / 2, curve.at_s[-1] + BIN_S / 2)
    call = _points(curve, curve.call, span)
    return element(
        "svg",
        element("title", f"{name}, {WAYS[curve.direction]}"),
        element("desc", description(curve)),
        *_grid(span),
        *(_area(run) for run in call),
        *(_line(run, f"call {state}") for run in call),
        *(_line(run, "twin") for run in _points(curve, curve.twin, span)),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="chart",
    )


def key() -> Element:
    """The legend, once a page."""
    return element(
        "p",
        element("svg", element("path", d="M1 6H35", class_="call key"), viewBox="0 0 36 12", aria_hidden="true"),
        " calls  ",
        element("svg", element("path", d="M1 6H35", class_="twin"), viewBox="0 0 36 12", aria_hidden="true"),
        " look-alikes sent at the same moments. Height: how many of 100 packets arrived. Left to right: time since the "
        "call began. Bad weather pulls down both lines; a rule about calls pulls down one.",
        class_="key",
    )


def description(curve: Curve) -> str:
    """What the picture shows, in words."""
    if not curve.call_sent:
        return f"Of the look-alikes {_percent(curve.twin_arrived, curve.twin_sent)} arrived; no call was ever heard of."
    if not curve.twin_sent:
        return f"Of the calls {_percent(curve.call_arrived, curve.call_sent)} arrived."
    return (
        f"Of the calls {_percent(curve.call_arrived, curve.call_sent)} arrived, "
        f"of the look-alikes {_percent(curve.twin_arrived, curve.twin_sent)}."
    )


def _percent(arrived: int, sent: int) -> str:
    return f"{100 * arrived / sent:.0f} %"


def _grid(span: Span) -> Iterator[Element]:
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        yield element("path", d=f"M{LEFT} {y:g}H{WIDTH - RIGHT}", class_="grid")
        yield element("text", f"{100 * share:.0f}", x=LEFT - 5, y=f"{y + 3.5:g}", text_anchor="end")
    yield element("text", f"{span.start_s:.1f} s", x=LEFT, y=HEIGHT - 6)
    yield element("text", f"{span.end_s:.1f} s", x=WIDTH - RIGHT, y=HEIGHT - 6, text_anchor="end")


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def _x(at_s: float, span: Span) -> float:
    return round(LEFT + (at_s - span.start_s) / (span.end_s - span.start_s) * (WIDTH - LEFT - RIGHT), 1)


def _points(curve: Curve, shares: Sequence[Share], span: Span) -> list[list[Point]]:
    """Runs of points without a hole."""
    pairs = zip(curve.at_s, shares, strict=True)
    runs = groupby(pairs, key=lambda pair: pair[1] is None)
    return [[(_x(at_s, span), _y(share)) for at_s, share in run if share is not None] for hole, run in runs if not hole]


def _line(run: Sequence[Point], kind: str) -> Element:
    if len(run) == 1:
        (x, y) = run[0]
        return element("path", d=f"M{x - 3:g} {y:g}h6", class_=kind)
    return element("path", d="M" + "L".join(f"{x:g} {y:g}" for x, y in run), class_=kind)


def _area(run: Sequence[Point]) -> Element:
    edge = "L".join(f"{x:g} {y:g}" for x, y in run)
    return element("path", d=f"M{run[0][0]:g} {_y(0):g}L{edge}L{run[-1][0]:g} {_y(0):g}Z", class_="area")
