"""A picture as a PNG file: with its heading, where it is from, and SIMULATED where that is so, for whoever cuts it out.

The SVG of the page is drawn again by resvg, in the colours of the light page. Fonts come as packages, so that no server
lacks the letters of a language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from textwrap import wrap
from xml.etree import ElementTree

from talkpath.errors import UsageError, in_place_of
from talkpath.report.pictures.markup import Element, element
from talkpath.report.words.language import POP, spoken

WIDTH, ZOOM, MARGIN = 800, 2.0, 24
LINE, FOOT = 30, 22  # of the heading, of what stands below
HEADING_LETTERS, FOOT_LETTERS = 62, 100  # of a line
FONTS = {"fontpkg_noto_sans": "NotoSans[wdth,wght].ttf", "fontpkg_noto_sans_arabic": "NotoSansArabic[wdth,wght].ttf"}
PNG_NEEDS = "Pictures as PNG need talkpath[observatory]: `make dev` in a checkout installs it."
MAX_PICTURES_KEPT = 64
FAMILY = "Noto Sans"
RIGHT_TO_LEFT = "\u2067"  # an isolate: lines of this language begin at the right


def png_picture(picture: Element, heading: str, foot: Sequence[str], style: str) -> bytes:
    """The file. `foot` are the lines below the picture, `style` is the style sheet of the pages."""
    return _drawn_png(
        ElementTree.tostring(_picture_sheet(picture, heading, foot), encoding="unicode"), _svg_rules(style)
    )


def _picture_sheet(picture: Element, heading: str, foot: Sequence[str]) -> Element:
    _, _, wide, high = map(float, picture.attrib["viewBox"].split())
    width = WIDTH - 2 * MARGIN
    titles, lines = wrap(heading, HEADING_LETTERS), [each for line in foot for each in wrap(line, FOOT_LETTERS)]
    top = MARGIN + LINE * len(titles) + 6
    inner = high * width / wide
    height = top + inner + 10 + FOOT * len(lines) + MARGIN
    picture.attrib.update(x=f"{MARGIN}", y=f"{top}", width=f"{width}", height=f"{inner:g}")
    return element(
        "svg",
        element("rect", width=WIDTH, height=f"{height:g}", class_="sheet"),
        *(_text_line(text, MARGIN + LINE * at + 16, "heading") for at, text in enumerate(titles)),
        picture,
        *(_text_line(text, top + inner + 26 + FOOT * at, "foot") for at, text in enumerate(lines)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height:g}",
        width=WIDTH,
        height=f"{height:g}",
    )


def _text_line(text: str, y: float, kind: str) -> Element:
    right_to_left = spoken().direction == "rtl"
    x, anchor = (WIDTH - MARGIN, "end") if right_to_left else (MARGIN, "start")
    shown = f"{RIGHT_TO_LEFT}{text}{POP}" if right_to_left else text
    return element("text", shown, x=x, y=f"{y:g}", text_anchor=anchor, class_=kind)


@lru_cache(MAX_PICTURES_KEPT)
def _drawn_png(svg: str, rules: str) -> bytes:
    with in_place_of(ImportError, UsageError(PNG_NEEDS)):
        from resvg_py import svg_to_bytes
    drawn = svg_to_bytes(
        svg_string=svg,
        style_sheet=rules,
        zoom=ZOOM,
        skip_system_fonts=True,
        font_files=_font_files(),
        font_family=FAMILY,
        sans_serif_family=FAMILY,
    )
    return bytes(drawn)


@cache
def _font_files() -> list[str]:
    with in_place_of(ModuleNotFoundError, UsageError(PNG_NEEDS)):
        return [str(files(package).joinpath("files", name)) for package, name in FONTS.items()]


@cache
def _svg_rules(style: str) -> str:
    """The style sheet's rules for pictures, with the colours of the light page filled in."""
    light = re.sub(r"@media[^{]*\{.*?\}\s*\}", "", style, flags=re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+):\s*([^;}]+)", light))
    rules = re.sub(r"font:[^;}]*", "", "\n".join(re.findall(r"svg [^{}]*\{[^}]*\}", light)))
    filled = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], rules)
    own = (
        "text { font-family: 'Noto Sans', 'Noto Sans Arabic'; } svg text { font-size: 10px; }"
        f"rect.sheet {{ fill: {colours['card']}; }} text.heading {{ font-size: 22px; fill: {colours['ink']}; }}"
        f"text.foot {{ font-size: 15px; fill: {colours['soft']}; }}"
    )
    return filled + own
