"""Charts of days as inline SVG: no script, dark in dark mode, and never colour alone. Each has a table beside it.

A bar's height is the share that is restricted. A day without any has a low tick, a day of which nothing may be shown a
dot. Days stand at their true distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from talkpath.report.pictures.markup import Element, element
from talkpath.report.words.language import say

WIDTH, HEIGHT = 240, 78
LEFT, RIGHT, TOP, BOTTOM = 28, 6, 6, 18
WIDEST = 10  # of a bar
TICK = 3  # the height of a day on which nothing was restricted


class Bar(NamedTuple):
    """One day; `share` is None where nothing may be shown."""

    day: str
    share: float | None
    state: str = "restricted"


def bars(found: Sequence[Bar], title: str, said: str) -> Element:
    """The chart, with its title and a description in words. `found` is in order of days, and not empty."""
    first, last = _ordinal(found[0].day), _ordinal(found[-1].day)
    return element(
        "svg",
        element("title", title),
        element("desc", said),
        *_grid(found),
        *(_bar(bar, first, last) for bar in found),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="chart",
    )


def describe(found: Iterable[Bar]) -> str:
    """The description in words: how many days, and on how many something was restricted."""
    days = [bar for bar in found if bar.share is not None]
    hit = sum(bool(bar.share) for bar in days)
    return say("chart", "Days measured: {days}; with signs of restriction: {hit}.", days=len(days), hit=hit)


def _grid(found: Sequence[Bar]) -> Iterable[Element]:
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        yield element("path", d=f"M{LEFT} {y:g}H{WIDTH - RIGHT}", class_="grid")
        yield element("text", f"{100 * share:.0f}", x=LEFT - 5, y=f"{y + 3.5:g}", text_anchor="end")
    yield element("text", found[0].day, x=LEFT, y=HEIGHT - 4)
    if found[-1].day != found[0].day:
        yield element("text", found[-1].day, x=WIDTH - RIGHT, y=HEIGHT - 4, text_anchor="end")


def _bar(bar: Bar, first: int, last: int) -> Element:
    width = min(WIDEST, max(1.5, 0.8 * (WIDTH - LEFT - RIGHT) / (last - first + 1)))
    room = WIDTH - LEFT - RIGHT - width
    x = LEFT + room * (_ordinal(bar.day) - first) / max(1, last - first)
    if bar.share is None:
        return element("circle", cx=f"{x + width / 2:.1f}", cy=f"{_y(0) - 3:g}", r="1.5", class_="withheld")
    height = max(TICK, bar.share * (HEIGHT - TOP - BOTTOM))
    kind = "bar " + (bar.state if bar.share or bar.state != "restricted" else "ok")
    return element("path", d=f"M{x:.1f} {_y(0):g}v{-height:.1f}h{width:.1f}v{height:.1f}Z", class_=kind)


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()
