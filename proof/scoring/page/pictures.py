"""Draws the three pictures of docs/error-rates.md, from rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import inf

from proof.scoring.metrics import goals, rates, speed
from proof.scoring.page.svg import Axis, svg_dot, svg_line, svg_picture, svg_text
from proof.scoring.row import CheckRow
from talkpath.report.pictures.markup import Element, element

CELL, LEFT, TOP = 30, 130, 150
PICTURE_WIDTH = 640
SLOWEST_S, SOONEST_S = 60.0, 0.05
SERIES = (
    ("clean", 1, "one", "one arm, clean line"),
    ("ge,loss=0.05", 1, "three", "one arm, 5 % lost in bursts"),
    ("clean", 8, "two", "default battery, clean line"),
)
WORST = 0.6


def score_pictures(rows: Sequence[CheckRow]) -> dict[str, str]:
    """Returns the SVG of each picture by file name."""
    seen = [row for row in rows if row.said and not rates.has_unseen_background(row)]
    drawn = rates.drawn_at_large(seen)
    return {
        "confusion.svg": confusion_picture(drawn),
        "known.svg": known_time_picture(seen),
        "coverage.svg": coverage_picture(drawn),
    }


# -- what was taken for what ---------------------------------------------------------------------------------------


def confusion_picture(rows: Sequence[CheckRow]) -> str:
    """Draws the confusion matrix of true rule by rule named; darker cells have a larger share of their row."""
    counts = rates.confusion_counts(rows)
    truths = sorted({true for true, _ in counts})
    saids = [*truths, *sorted({said for _, said in counts} - set(truths))]
    totals = Counter(true for true, _ in counts.elements())
    parts = [
        part for place, true in enumerate(truths) for part in _matrix_row(counts, place, true, saids, totals[true])
    ]
    heads = [_column_head(name, place) for place, name in enumerate(saids)]
    width, height = LEFT + CELL * len(saids) + 70, TOP + CELL * len(truths) + 20
    said = f"Rows: what truly acts. Columns: what was said. {sum(counts.values())} checks; numbers are counts."
    return svg_picture(
        width, height, "What was taken for what", said, [svg_text(said, 12, 36, class_="soft"), *heads, *parts]
    )


def _column_head(name: str, place: int) -> Element:
    x, y = LEFT + CELL * place + 18, TOP - 8
    return svg_text(name, x, y, transform=f"rotate(-60 {x} {y})")


def _matrix_row(
    counts: Counter[tuple[str, str]], place: int, true: str, saids: list[str], total: int
) -> Iterator[Element]:
    y = TOP + CELL * place
    yield svg_text(true, LEFT - 8, y + 19, text_anchor="end")
    for column, said in enumerate(saids):
        count, x = counts[true, said], LEFT + CELL * column
        yield element("rect", x=x, y=y, width=CELL, height=CELL, class_="grid")
        if count:
            opacity = f"{0.1 + 0.5 * count / total:.2f}"
            kind = "cell" if said == true else "cell off"
            yield element("rect", x=x, y=y, width=CELL, height=CELL, class_=kind, fill_opacity=opacity)
            yield svg_text(f"{count}", x + CELL / 2, y + 19, text_anchor="middle")


# -- how soon ------------------------------------------------------------------------------------------------------


def known_time_picture(rows: Sequence[CheckRow]) -> str:
    """Draws median and 90 % quantile of the time until known, by effect, with Wald's bound."""
    x = Axis(0.02, 1.0, 60, PICTURE_WIDTH - 20, by_logarithm=True)
    y = Axis(SOONEST_S, SLOWEST_S, 330, 60, by_logarithm=True)
    cells = speed.speed_cells(rows)
    parts = list(_known_grid(x, y))
    for place, (line, arms, kind, name) in enumerate(SERIES):
        mine = [cell for cell in cells if (cell.line, cell.arms) == (line, arms)]
        parts += [*_series_parts(mine, x, y, kind), *_legend_parts(name, place, kind)]
    parts.append(
        svg_text(
            "WebRTC's voice, 50 packets a second; dots: median; bars: to 90 %; dashed: Wald's bound",
            60,
            392,
            class_="soft",
        )
    )
    return svg_picture(
        PICTURE_WIDTH,
        404,
        "Seconds until known, by share of the packets dropped one way",
        "Median, 90 % and Wald's bound, by effect.",
        parts,
    )


def _known_grid(x: Axis, y: Axis) -> Iterator[Element]:
    for p in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        yield svg_line([(x.at(p), y.start), (x.at(p), y.end)], "grid")
        yield svg_text(f"{p:.0%}", x.at(p), y.start + 16, text_anchor="middle")
    for at_s in (0.1, 1, 3, 6, 10, 60):
        yield svg_line([(x.start, y.at(at_s)), (x.end, y.at(at_s))], "grid")
        words = "never" if at_s == SLOWEST_S else f"{at_s:g} s"
        yield svg_text(words, x.start - 6, y.at(at_s) + 4, text_anchor="end")


def _series_parts(cells: Sequence[speed.SpeedCell], x: Axis, y: Axis, kind: str) -> Iterator[Element]:
    if not cells:
        return
    middles = [(x.at(cell.p), cell.seconds.quantile(0.5)) for cell in cells]
    yield svg_line([(at, y.at(middle)) for at, middle in middles if middle < inf] or [(0, 0)], f"line {kind}")
    yield svg_line([(x.at(cell.p), y.at(cell.bound_s)) for cell in cells], f"line thin dashed {kind}")
    for cell, (at, middle) in zip(cells, middles, strict=True):
        yield svg_line([(at, y.at(middle)), (at, y.at(cell.seconds.quantile(0.9)))], f"line thin {kind}")
        yield svg_dot(at, y.at(middle), kind)


def _legend_parts(name: str, place: int, kind: str) -> Iterator[Element]:
    at = 60 + 190 * place
    yield svg_line([(at, 368), (at + 24, 368)], f"line {kind}")
    yield svg_text(name, at + 30, 372, class_=kind)


# -- do intervals hold ---------------------------------------------------------------------------------------------


def coverage_picture(rows: Sequence[CheckRow]) -> str:
    """Draws, for each background, the proportion of printed 95 % intervals that contain the truth."""
    found = [
        (kind, goals.interval_coverage(some)) for kind, some in rates.rows_by_key(rows, lambda row: row.kind).items()
    ]
    shares = [*((kind, one) for kind, one in found if one.total), ("all", goals.interval_coverage(rows))]
    x = Axis(WORST, 1.0, LEFT, PICTURE_WIDTH - 20)
    bottom = 50 + 18 * len(shares)
    parts = [svg_line([(x.at(mark), 44), (x.at(mark), bottom)], "grid") for mark in (0.6, 0.7, 0.8, 0.9, 1.0)]
    parts += [
        svg_text(f"{mark:.0%}", x.at(mark), bottom + 16, text_anchor="middle") for mark in (0.6, 0.7, 0.8, 0.9, 1.0)
    ]
    parts.append(svg_line([(x.at(goals.COVERAGE), 44), (x.at(goals.COVERAGE), bottom)], "line thin dashed two"))
    for place, (kind, one) in enumerate(shares):
        y = 58 + 18 * place
        parts += [
            svg_text(kind, LEFT - 8, y + 4, text_anchor="end"),
            svg_line([(x.at(one.low), y), (x.at(one.high), y)], "line one"),
            svg_dot(x.at(one.value), y, "one"),
        ]
    said = "Share of printed 95 % intervals that hold the truth, by background (dashed: 95 %)"
    return svg_picture(PICTURE_WIDTH, bottom + 30, said, "Bars are exact 95 % intervals of the share.", parts)
