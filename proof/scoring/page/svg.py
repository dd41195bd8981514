"""Draws SVG files with a light and a dark style, and axes.

Contract: pure. Coordinates are pixels from the top left. No information is carried by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import NamedTuple
from xml.etree import ElementTree

from talkpath.report.pictures.markup import Element, element

STYLE = """
svg { background: #fbfaf7; color: #1b1d1f; }
text { font: 11px system-ui, sans-serif; fill: currentColor; }
text.title { font-size: 13px; font-weight: 600; }
.grid { stroke: currentColor; opacity: .16; fill: none; }
.line { fill: none; stroke: currentColor; stroke-width: 1.8; }
.dashed { stroke-dasharray: 5 3; } .dotted { stroke-dasharray: 1.5 3; } .thin { stroke-width: 1; }
.dot { fill: currentColor; stroke: none; }
.one { color: #1f6f43; } .two { color: #b3261e; } .three { color: #7b2d8b; } .soft { color: #5a6068; }
.cell { fill: #1f6f43; } .cell.off { fill: #b3261e; }
@media (prefers-color-scheme: dark) {
  svg { background: #15171a; color: #eceae6; }
  .one { color: #6cc494; } .two { color: #ff8a80; } .three { color: #d9a3e5; } .soft { color: #a7adb5; }
}
"""


class Axis(NamedTuple):
    """Maps numbers to pixels, linearly or logarithmically."""

    least: float
    most: float
    start: float
    end: float
    by_logarithm: bool = False

    def at(self, value: float) -> float:
        """Returns the pixel of a number; numbers outside the axis are moved to its ends."""
        value = min(max(value, self.least), self.most)
        low, high = (log(self.least), log(self.most)) if self.by_logarithm else (self.least, self.most)
        share = ((log(value) if self.by_logarithm else value) - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 1)


def svg_picture(width: int, height: int, title: str, description: str, parts: Iterable[Element]) -> str:
    """Returns the text of the file."""
    root = element(
        "svg",
        element("title", title),
        element("desc", description),
        element("style", STYLE),
        svg_text(title, 12, 20, class_="title"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
    )
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def svg_text(words: str, x: float, y: float, **attributes: object) -> Element:
    """Draws one line of text."""
    return element("text", words, x=f"{x:g}", y=f"{y:g}", **attributes)


def svg_line(points: Iterable[tuple[float, float]], class_: str) -> Element:
    """Draws a line through the points."""
    return element("path", d="M" + "L".join(f"{x:g} {y:g}" for x, y in points), class_=class_)


def svg_dot(x: float, y: float, class_: str) -> Element:
    """Draws one dot."""
    return element("circle", cx=f"{x:g}", cy=f"{y:g}", r="3.2", class_=f"dot {class_}")
