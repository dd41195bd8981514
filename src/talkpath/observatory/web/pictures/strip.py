"""Networks by days as one picture: which network said what on which day, for one app and medium of a country.

A cell is as high as it is bad, so that colour is never alone: full for signs of restriction, three quarters for UDP
closed, half for a poor line, a third for calls that get through, a ring where too few people measured, and nothing
where nobody did or it is not shown yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from talkpath.days import later_day
from talkpath.observatory.index.queries import NetworkDayCount
from talkpath.observatory.publication import PublicationView
from talkpath.observatory.web.cell import state_cell
from talkpath.observatory.web.source import Span
from talkpath.report.pictures.markup import Element, element

STRIP_DAYS = 28
LEFT, TOP, STEP, ROW = 62, 14, 10, 12
LEFT_NAMED, LONGEST_NAME = 160, 28  # pixels and characters of a network's number and operator
HEIGHTS = {"restricted": 10.0, "closed": 7.5, "impaired": 5.0, "ok": 3.4}


class StripRow(Struct, frozen=True):
    """One network: a state by day, "small" where too few people measured; days that are not shown are missing.
    `operator` is who runs it, "" where that is not known."""

    network: str
    states: dict[str, str]
    operator: str = ""

    @property
    def hit(self) -> int:
        """The number of days with signs of restriction."""
        return sum(state == "restricted" for state in self.states.values())


class Strip(Struct, frozen=True):
    """The picture's rows, and its days in order: the last four weeks up to the last day that was measured."""

    app: str
    days: tuple[str, ...]
    rows: tuple[StripRow, ...]


def strip_span(last: str) -> Span:
    """The days that a picture shows which ends with this one."""
    return Span(later_day(last, 1 - STRIP_DAYS), last)


def app_strip(
    rule: PublicationView, app: str, found: Sequence[NetworkDayCount], networks: Mapping[str, str]
) -> Strip | None:
    """The picture of one app on these networks, in their order; None where there is nothing to show. `networks`: the
    operator of each."""
    last = max((one.day for one in found), default="")
    if not last:
        return None
    days = tuple(later_day(last, back) for back in range(1 - STRIP_DAYS, 1))
    ordered = sorted((one for one in found if one.day >= days[0]), key=lambda one: one.network)
    by_network = {
        name: _day_states(rule, list(counts)) for name, counts in groupby(ordered, key=lambda one: one.network)
    }
    rows = [StripRow(name, by_network[name], operator) for name, operator in networks.items() if by_network.get(name)]
    return Strip(app, days, tuple(rows)) if rows else None


def _day_states(rule: PublicationView, counts: Sequence[NetworkDayCount]) -> dict[str, str]:
    cells = {one.day: state_cell(rule, one) for one in counts}
    return {day: cell.withheld or cell.state for day, cell in cells.items() if cell is not None}


def strip_picture(
    found: Strip, title: str, labels: Mapping[str, str], names: Mapping[str, str], mark: str = "", *, wide: bool = False
) -> Element:
    """The strip as SVG. `labels` are the states in words, `names` those of networks, which are written beside the rows
    of a `wide` one; `mark` is written on it, as SIMULATED."""
    left = LEFT_NAMED if wide and any(row.operator for row in found.rows) else LEFT
    width, height = left + STEP * len(found.days) + 4, TOP + ROW * len(found.rows) + 16
    ticks = [(at, day) for at, day in enumerate(found.days) if at % 7 == 0]
    return element(
        "svg",
        element("title", title),
        *(element("text", day[5:], x=left + STEP * at, y=height - 4) for at, day in ticks),
        *(element("path", d=f"M{left + STEP * at - 1} {TOP}V{height - 14}", class_="grid") for at, _ in ticks),
        *(
            each
            for at, row in enumerate(found.rows)
            for each in _network_row(found, row, (left, TOP + ROW * at), labels, names)
        ),
        element("text", mark, x=width - 4, y=10, text_anchor="end", class_="mark") if mark else None,
        viewBox=f"0 0 {width} {height}",
        role="img",
        class_="strip",
    )


def _network_row(
    found: Strip, row: StripRow, start: tuple[int, int], labels: Mapping[str, str], names: Mapping[str, str]
) -> list[Element]:
    left, base, name = start[0], start[1] + ROW - 1, names[row.network]
    written = _short_name(name) if left == LEFT_NAMED else row.network
    drawn = [element("text", written, x=left - 5, y=base - 1, text_anchor="end")]
    for at, day in enumerate(found.days):
        state, x = row.states.get(day, ""), left + STEP * at
        if state == "small":
            drawn.append(element("circle", cx=x + 4, cy=base - 2, r="1.5", class_="withheld"))
        elif state in HEIGHTS:
            shape = f"M{x} {base}v{-HEIGHTS[state]:g}h8v{HEIGHTS[state]:g}Z"
            said = element("title", f"{name}, {day}: {labels[state]}")
            drawn.append(element("path", said, d=shape, class_=f"bar {state}"))
    return drawn


def _short_name(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
