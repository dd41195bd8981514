"""Renders a view as a page: the templates, and the words that they print. A template computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

from msgspec import Struct

from talkpath.browser.web.page_texts import LANGUAGE_NAMES
from talkpath.errors import UsageError
from talkpath.observatory.events.record import Event, counted_share
from talkpath.observatory.web import labels
from talkpath.observatory.web.labels import country_name
from talkpath.observatory.web.pictures import drawings
from talkpath.observatory.web.source import HALF_YEAR
from talkpath.observatory.web.views.claims import translated_text
from talkpath.observatory.web.views.now import MEDIA_TABS
from talkpath.report.pictures.qr_code import qr_code
from talkpath.report.transport_table import transport_name
from talkpath.report.words import sentences
from talkpath.report.words.amounts import numeral
from talkpath.report.words.language import count, isolated, language, language_codes, listed, say, speaking, spoken

if TYPE_CHECKING:
    from jinja2 import Environment


class PageFrame(Struct, frozen=True):
    """The frame of every page. `path` is the page's without its language, `root` what the server is mounted under,
    `address` the origin that permalinks begin with; `query` is what was asked of what the page knows, "" or "?…".
    `operators`: names of the operators of networks, None where no data about them is installed."""

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
    map: bool
    style: str
    operators: Mapping[str, str] | None = None

    def link(self, path: str, code: str = "") -> str:
        """The address of another page, in this language or another."""
        return f"{self.root}/{code or self.language}{path}"

    def operator(self, network: str) -> str:
        """The name of a network's operator, "" where it is not known."""
        return (self.operators or {}).get(network, "")

    def asked(self, names: Sequence[str]) -> str:
        """The part of the query with these names, to be followed by another name."""
        kept = [(name, value) for name, value in parse_qsl(self.query.removeprefix("?")) if name in names]
        return f"{urlencode(kept)}&" if kept else ""

    @property
    def here(self) -> str:
        """The whole address of the page in this language."""
        return f"{self.address}{self.link(self.path)}{self.query}"

    @property
    def permalink(self) -> str:
        """The page's lasting address, which leads to each reader's language."""
        return f"{self.address}{self.root}{self.path}{self.query}"


def known_query(query: str, names: Collection[str]) -> str:
    """The part of an address's query with these names, "" or "?…": what others added to a link is not passed on."""
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name in names]
    return f"?{urlencode(kept)}" if kept else ""


def render_page(template: str, frame: PageFrame, view: Struct | None) -> str:
    """The whole page, in the frame's language."""
    with speaking(language(frame.language)):
        return (
            template_environment()
            .get_template(template)
            .render(
                frame=frame,
                view=view,
                direction=spoken().direction,
                languages=[(code, LANGUAGE_NAMES.get(code, code)) for code in language_codes()],
                **_word_tables(),
            )
        )


@cache
def template_environment() -> Environment:
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
    made.globals.update(_phrase_functions() | _picture_functions())
    made.globals.update(
        by_ids=_by_ids,
        country_links=lambda days, frame: {day.country: frame.link(f"/now/{day.country}") for day in days},
        no_span=HALF_YEAR,
        codes_and_names=lambda apps: [(code, labels.app_name(code)) for code in apps],
    )
    made.filters.update(app_name=labels.app_name, source_name=labels.source_name, transport_name=transport_name)
    return made


def _phrase_functions() -> dict[str, Any]:
    """The functions of words that templates call."""
    return {
        "say": say,
        "count": count,
        "listed": listed,
        "isolated": isolated,
        "share_of_networks": labels.share_of_networks,
        "counted_share": counted_share,
        "share_of_reports": labels.share_of_reports,
        "reach_text": labels.reach_text,
        "assumption_text": labels.assumption_text,
        "grouped": numeral,
        "millions": labels.millions_text,
        "app_name": labels.app_name,
        "network_name": labels.network_name,
        "country_name": country_name,
        "translated": translated_text,
        "heading": labels.stream_heading,
        "medium": labels.medium_name,
        "rule_name": labels.mechanism_text,
        "contributors": labels.contributors_phrase,
        "transport_name": transport_name,
    }


def _picture_functions() -> dict[str, Any]:
    """The functions of pictures that templates call."""
    return {
        "country_chart": _safe_markup(drawings.country_chart),
        "stream_chart": _safe_markup(drawings.stream_chart),
        "strip_picture": _safe_markup(drawings.strip_picture),
        "map_picture": _safe_markup(drawings.map_picture),
        "draw": _safe_markup(lambda view, simulated: drawings.VIEW_PICTURES[type(view)].draw(view, simulated)),
        "picture_of": drawings.picture_of,
        "chart_key": labels.chart_key,
        "strip_key": labels.strip_key,
        "map_key": labels.map_key,
        "qr_code": _safe_markup(qr_code),
    }


def _word_tables() -> Mapping[str, Any]:
    """Tables of words in the current language."""
    return {
        "labels": sentences.state_labels(),
        "marks": sentences.STATE_MARKS,
        "never": sentences.never_means(),
        "outcomes": labels.outcome_words(),
        "outcome_marks": labels.OUTCOME_MARKS,
        "levels": labels.level_words(),
        "level_marks": labels.LEVEL_MARKS,
        "kinds": labels.kind_words(),
        "kind_marks": labels.KIND_MARKS,
        "speakers": labels.speaker_words(),
        "credibilities": labels.credibility_words(),
        "media": [(code, labels.medium_name(code)) for code in MEDIA_TABS],
        "group_names": labels.event_groups(),
        "simulation": say("page", "SIMULATED"),
        "translation_note": sentences.translation_note(),
    }


def _by_ids(events: Sequence[Event], names: Sequence[str]) -> list[Event]:
    by_name = {event.id: event for event in events}
    return [by_name[name] for name in names]


def _safe_markup(drawing: Callable[..., ElementTree.Element | None]) -> Callable[..., Any]:
    """A drawing, as text that templates do not escape; "" where there is none."""

    def written(*args: Any, **words: Any) -> Any:
        from markupsafe import Markup

        drawn = drawing(*args, **words)
        return "" if drawn is None else Markup(ElementTree.tostring(drawn, encoding="unicode", method="html"))

    return written
