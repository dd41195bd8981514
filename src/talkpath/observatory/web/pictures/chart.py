"""Charts of days as inline SVG: no script, dark in dark mode, and never colour alone. Each has a table beside it.

A bar's height is the share that is restricted. A day without any has a low tick, a day of which nothing may be shown a
ring, a day that nobody measured nothing at all. Days stand at their true distance, and a mark stands below each
seventh. Of more than WEEKS_FROM days each bar is a week: the mean of its days, so that it stays wide enough to be seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from statistics import fmean
from typing import NamedTuple

from talkpath.report.pictures.markup import Element, element
from talkpath.report.words.language import say

WIDTH, HEIGHT = 260, 92
LEFT, RIGHT, TOP, BOTTOM = 28, 6, 20, 20
MAX_BAR_WIDTH = 10  # of a bar
WEEKS_FROM = 45  # days; a bar of each would be less than 4 pixels wide
TICK = 3  # the height of a day on which nothing was restricted


class Bar(NamedTuple):
    """One day; `share` is None where nothing may be shown."""

    day: str
    share: float | None
    state: str = "restricted"


def bar_chart(found: Sequence[Bar], title: str, said: str, axis: str, mark: str = "") -> Element:
    """The chart, with its title and a description in words. `found` is in order of days, and not empty; `axis` names
    what is counted, `mark` is written on it, as SIMULATED."""
    first, last = _day_number(found[0].day), _day_number(found[-1].day)
    drawn, step = (_weekly_bars(found), 7) if last - first >= WEEKS_FROM else (found, 1)
    return element(
        "svg",
        element("title", title),
        element("desc", said),
        *_grid_lines(found),
        *(_bar_markup(bar, first, last, step) for bar in drawn),
        *(
            element("path", d=f"M{_bar_x(at, first, last):.1f} {_share_y(0):g}v3", class_="grid")
            for at in range(first, last + 1, 7)
        ),
        element("text", axis, x=2, y=9, class_="axis"),
        element("text", mark, x=WIDTH - RIGHT, y=9, text_anchor="end", class_="mark") if mark else None,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        class_="chart",
    )


def describe_bars(found: Iterable[Bar]) -> str:
    """The description in words: how many days, and on how many something was restricted."""
    days = [bar for bar in found if bar.share is not None]
    return say(
        "chart",
        "Days measured: {days}; with signs of restriction: {hit}.",
        days=len(days),
        hit=sum(bool(bar.share) for bar in days),
    )


def _grid_lines(found: Sequence[Bar]) -> Iterable[Element]:
    for share in (0.0, 0.5, 1.0):
        y = _share_y(share)
        yield element("path", d=f"M{LEFT} {y:g}H{WIDTH - RIGHT}", class_="grid")
        yield element("text", f"{100 * share:.0f}", x=LEFT - 5, y=f"{y + 3.5:g}", text_anchor="end")
    yield element("text", found[0].day, x=LEFT, y=HEIGHT - 4)
    if found[-1].day != found[0].day:
        yield element("text", found[-1].day, x=WIDTH - RIGHT, y=HEIGHT - 4, text_anchor="end")


def _weekly_bars(found: Sequence[Bar]) -> list[Bar]:
    """The mean of each week's days that may be shown, under the week's first day; its state is the most frequent."""
    first = _day_number(found[0].day)
    weeks = []
    for week, days in groupby(found, key=lambda bar: (_day_number(bar.day) - first) // 7):
        of_week = list(days)
        shares = [bar.share for bar in of_week if bar.share is not None]
        day = (date.fromordinal(first) + timedelta(weeks=week)).isoformat()
        state = Counter(bar.state for bar in of_week).most_common(1)[0][0]
        weeks.append(Bar(day, fmean(shares) if shares else None, state))
    return weeks


def _bar_x(at: int, first: int, last: int) -> float:
    """Where the bar of a day begins."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (at - first) / (last - first + 1)


def _bar_markup(bar: Bar, first: int, last: int, step: int) -> Element:
    room = step * (WIDTH - LEFT - RIGHT) / (last - first + 1)
    width, x = min(MAX_BAR_WIDTH, 0.8 * room), _bar_x(_day_number(bar.day), first, last)
    if bar.share is None:
        return element("circle", cx=f"{x + width / 2:.1f}", cy=f"{_share_y(0) - 3:g}", r="1.5", class_="withheld")
    height = max(TICK, bar.share * (HEIGHT - TOP - BOTTOM))
    kind = "bar " + (bar.state if bar.share or bar.state != "restricted" else "ok")
    return element("path", d=f"M{x:.1f} {_share_y(0):g}v{-height:.1f}h{width:.1f}v{height:.1f}Z", class_=kind)


def _share_y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def _day_number(day: str) -> int:
    return date.fromisoformat(day).toordinal()
