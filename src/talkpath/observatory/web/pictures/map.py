"""A map of squares: one for each country, near where it lies. It shows no border, since nobody measured any.

Below its code a square has a bar as high as the share of networks with signs of restriction; one without any has a low
bar, a country where too few people measured a ring, one that nobody measured an empty outline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from talkpath.observatory.index.queries import CountryDay
from talkpath.observatory.web.labels import country_squares
from talkpath.report.pictures.markup import Element, element

STEP, SIDE, TOP = 26, 24, 18
LOWEST, HIGHEST = 2.0, 11.0  # of a bar
SQUARES_APART = (29, 0)  # the square of a made-up country, which lies nowhere


def country_map(
    found: Sequence[CountryDay],
    withheld: Sequence[str],
    title: str,
    describe: Callable[[CountryDay], str],
    links: Mapping[str, str],
    mark: str = "",
) -> Element:
    """The map as SVG. `describe` says a country's numbers in words, `links` are the addresses of countries, `mark` is
    written on it, as SIMULATED."""
    places = {
        **country_squares(),
        **{day.country: SQUARES_APART for day in found if day.country not in country_squares()},
    }
    measured = {day.country: day for day in found}
    columns, rows = (1 + max(place[at] for place in places.values()) for at in (0, 1))
    width, height = STEP * columns, TOP + STEP * rows
    drawn = [
        _country_square(code, place, measured.get(code), code in withheld, describe, links)
        for code, place in places.items()
    ]
    return element(
        "svg",
        *drawn,
        element("text", mark, x=width - 4, y=12, text_anchor="end", class_="mark") if mark else None,
        viewBox=f"0 0 {width} {height}",
        role="group" if links else "img",
        aria_label=title,
        class_="map",
    )


def _country_square(
    code: str,
    place: tuple[int, int],
    day: CountryDay | None,
    withheld: bool,
    describe: Callable[[CountryDay], str],
    links: Mapping[str, str],
) -> Element:
    x, y = STEP * place[0], TOP + STEP * place[1]
    base = y + SIDE
    parts = [element("path", d=f"M{x} {y}h{SIDE}v{SIDE}h{-SIDE}Z", class_="tile" if day or withheld else "tile none")]
    if day is not None:
        height = max(LOWEST, HIGHEST * day.hit / day.measured)
        kind = "bar restricted" if day.hit else "bar ok"
        shape = f"M{x} {base}v{-height:.1f}h{SIDE}v{height:.1f}Z"
        parts.append(element("path", element("title", describe(day)), d=shape, class_=kind))
    if withheld:
        parts.append(element("circle", cx=x + SIDE - 5, cy=base - 6, r="2.5", class_="withheld"))
    kind = "code" if day or withheld else "code soft"
    parts.append(element("text", code, x=x + SIDE / 2, y=y + 10, text_anchor="middle", class_=kind))
    return element("a", *parts, href=links[code]) if code in links else element("g", *parts)
