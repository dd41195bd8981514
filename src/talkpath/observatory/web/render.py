"""Renders a view as a page: the templates, and the words that they print. A template computes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from msgspec import Struct

from talkpath.errors import UsageError
from talkpath.observatory.web import chart, labels, strip
from talkpath.observatory.web.network import StreamView
from talkpath.observatory.web.now import AppRow
from talkpath.observatory.web.strip import Strip
from talkpath.report.transport_table import transport_name
from talkpath.report.words import sentences
from talkpath.report.words.language import codes, count, isolated, language, listed, say, speaking, spoken

if TYPE_CHECKING:
    from jinja2 import Environment

NATIVE = {"en": "English", "ru": "Русский", "fa": "فارسی", "ar": "العربية"}


class PageFrame(Struct, frozen=True):
    """The frame of every page. `path` is the page's without its language, `root` what the server is mounted under,
    `address` the origin that permalinks begin with; `query` is as it was asked, "" or "?…"."""

    language: str
    root: str
    path: str
    query: str
    address: str
    as_of: str
    simulated: bool
    article: bool
    check: bool
    servers: bool
    style: str

    def link(self, path: str, code: str = "") -> str:
        """The address of another page, in this language or another."""
        return f"{self.root}/{code or self.language}{path}"

    @property
    def permalink(self) -> str:
        """The page's lasting address, which leads to each reader's language."""
        return f"{self.address}{self.root}{self.path}{self.query}"


def render_page(template: str, frame: PageFrame, view: Struct | None) -> str:
    """The whole page, in the frame's language."""
    with speaking(language(frame.language)):
        return (
            environment()
            .get_template(template)
            .render(
                frame=frame,
                view=view,
                direction=spoken().direction,
                languages=[(code, NATIVE.get(code, code)) for code in codes()],
                **_words(),
            )
        )


@cache
def environment() -> Environment:
    """Jinja's environment; every value is escaped."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        need = "The observatory's pages need talkpath[observatory]: `make dev` in a checkout installs it."
        raise UsageError(need) from None
    made = Environment(
        loader=PackageLoader("talkpath.observatory.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        say=say,
        count=count,
        listed=listed,
        isolated=isolated,
        percent=percent,
        grouped=grouped,
        millions=millions,
        app_name=labels.app_name,
        heading=labels.stream_heading,
        medium=labels.medium_name,
        rule_name=labels.mechanism_text,
        contributors=labels.contributors,
        transport_name=transport_name,
        country_chart=country_chart,
        stream_chart=stream_chart,
        strip_picture=strip_picture,
    )
    made.filters.update(app_name=labels.app_name, source_name=labels.source_name, transport_name=transport_name)
    return made


def _words() -> Mapping[str, Any]:
    """Tables of words in the current language."""
    return {
        "labels": sentences.labels(),
        "marks": sentences.MARKS,
        "never": sentences.never_means(),
        "outcomes": labels.outcomes(),
        "outcome_marks": labels.OUTCOME_MARKS,
        "levels": labels.levels(),
        "level_marks": labels.LEVEL_MARKS,
        "kinds": labels.kinds(),
        "kind_marks": labels.KIND_MARKS,
        "speakers": labels.speakers(),
        "credibilities": labels.credibilities(),
        "simulation": say("page", "SIMULATED"),
        "translation_note": sentences.translation_note(),
    }


def percent(share: float) -> str:
    """A share in percent, its number and sign joined by a no-break space."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def grouped(number: int) -> str:
    """A number with its thousands apart, as in 31 362."""
    return f"{number:,}".replace(",", "\u00a0")


def millions(people: float) -> str:
    """Millions with one decimal, in the language's notation."""
    return f"{people / 1e6:.1f}".replace(".", spoken().decimal)


def country_chart(row: AppRow, medium: str, *, simulated: bool) -> Any:
    """Networks with signs of restriction, of those measured, day by day."""
    found = [chart.Bar(day.day, day.hit / day.measured if day.measured else 0.0) for day in row.days]
    title = say(
        "chart",
        "{app}, {medium}: of 100 networks measured that day, how many had signs of restriction",
        app=labels.app_name(row.app),
        medium=labels.medium_name(medium),
    )
    return _svg(found, title, say("chart", "% of networks"), simulated)


def stream_chart(stream: StreamView, *, simulated: bool) -> Any:
    """Reports of restriction, of all decided ones, day by day."""
    found = [
        chart.Bar(
            day.day,
            None if day.withheld else day.restricted / day.reports if day.reports else 0.0,
            day.state if day.state in ("closed", "impaired") else "restricted",
        )
        for day in stream.days
    ]
    title = say(
        "chart",
        "{app}, {medium}: of 100 reports that day, how many say restricted",
        app=labels.app_name(stream.app),
        medium=labels.medium_name(stream.medium),
    )
    return _svg(found, title, say("chart", "% of reports"), simulated)


def strip_picture(found: Strip, medium: str, *, simulated: bool) -> Any:
    """Networks by days, of one app."""
    heading = labels.stream_heading(found.app, medium)
    title = say("chart", "{what}: each network's state, day by day", what=heading)
    words = {str(state): text for state, text in sentences.labels().items()}
    return _markup(strip.picture(found, title, words, _mark(simulated)))


def _mark(simulated: bool) -> str:
    return say("page", "SIMULATED") if simulated else ""


def _svg(found: list[chart.Bar], title: str, axis: str, simulated: bool) -> Any:
    return _markup(chart.bars(found, title, chart.describe(found), axis, _mark(simulated))) if found else ""


def _markup(drawn: ElementTree.Element) -> Any:
    from markupsafe import Markup

    return Markup(ElementTree.tostring(drawn, encoding="unicode", method="html"))
