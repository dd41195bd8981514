"""The pictures of views, with their words: what `chart`, `strip` and `map` draw, in the current language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch

from msgspec import Struct

from talkpath.observatory.index.queries import CountryDay
from talkpath.observatory.web import labels
from talkpath.observatory.web.labels import country_name
from talkpath.observatory.web.pictures import chart, map, strip
from talkpath.observatory.web.pictures.strip import Strip
from talkpath.observatory.web.views.network import StreamView
from talkpath.observatory.web.views.now import AppRow
from talkpath.observatory.web.views.picture import CountryPicture, MapPicture, NetworkPicture, StripPicture
from talkpath.report.pictures.markup import Element
from talkpath.report.words import sentences
from talkpath.report.words.language import say


@singledispatch
def view_picture(view: Struct, *, simulated: bool) -> Element | None:
    """The picture of a view that is one; None of any other."""
    return None


@singledispatch
def picture_heading(view: Struct) -> str:
    """What the picture of a view shows, in words; "" of one that is none."""
    return ""


def picture_key(view: Struct) -> str:
    """What the marks of a picture mean, in words."""
    match view:
        case StripPicture():
            return labels.strip_key()
        case MapPicture():
            return labels.map_key()
        case _:
            return labels.chart_key()


def source_page(view: Struct) -> str:
    """The address of the page that a picture is from, without its language."""
    match view:
        case CountryPicture():
            return f"/now/{view.country}?medium={view.medium}"
        case NetworkPicture():
            return f"/network/{view.country}/{view.network}"
        case StripPicture():
            return f"/now/{view.country}?medium={view.medium}&app={view.strip.app}"
        case MapPicture():
            return f"/map?medium={view.medium}&app={view.app}"
        case _:
            return "/now"


def country_chart(row: AppRow, medium: str, *, simulated: bool) -> Element | None:
    """Networks with signs of restriction, of those measured, day by day."""
    found = [chart.Bar(day.day, day.hit / day.measured if day.measured else 0.0) for day in row.days]
    return _bars_picture(found, _country_title(row.app, medium), say("chart", "% of networks"), simulated)


def stream_chart(stream: StreamView, *, simulated: bool) -> Element | None:
    """Reports of restriction, of all decided ones, day by day."""
    found = [
        chart.Bar(
            day.day,
            None if day.withheld else day.restricted / day.reports if day.reports else 0.0,
            day.state if day.state in ("closed", "impaired") else "restricted",
        )
        for day in stream.days
    ]
    return _bars_picture(found, _stream_title(stream), say("chart", "% of reports"), simulated)


def strip_picture(found: Strip, medium: str, *, simulated: bool, wide: bool = False) -> Element:
    """Networks by days, of one app. `wide`: with the operators' names beside the rows."""
    words = {str(state): text for state, text in sentences.state_labels().items()}
    names = {row.network: labels.network_name(row.network, row.operator) for row in found.rows}
    return strip.strip_picture(
        found, _strip_title(found.app, medium), words, names, _simulated_mark(simulated), wide=wide
    )


def map_picture(view: MapPicture, links: Mapping[str, str], *, simulated: bool) -> Element:
    """Countries, by the share of their networks with signs of restriction. `links`: the address of each."""
    return map.country_map(
        view.countries, view.withheld, picture_heading(view), _country_words(), links, _simulated_mark(simulated)
    )


@view_picture.register
def _(view: CountryPicture, *, simulated: bool) -> Element | None:
    return country_chart(view.row, view.medium, simulated=simulated)


@view_picture.register
def _(view: NetworkPicture, *, simulated: bool) -> Element | None:
    return stream_chart(view.stream, simulated=simulated)


@view_picture.register
def _(view: StripPicture, *, simulated: bool) -> Element | None:
    return strip_picture(view.strip, view.medium, simulated=simulated, wide=True)


@view_picture.register
def _(view: MapPicture, *, simulated: bool) -> Element | None:
    return map_picture(view, {}, simulated=simulated)


@picture_heading.register
def _(view: CountryPicture) -> str:
    return _placed_picture(country_name(view.country), _country_title(view.row.app, view.medium))


@picture_heading.register
def _(view: NetworkPicture) -> str:
    where = labels.network_name(view.network, view.operator)
    return _placed_picture(f"{where}, {country_name(view.country)}", _stream_title(view.stream))


@picture_heading.register
def _(view: StripPicture) -> str:
    return _placed_picture(country_name(view.country), _strip_title(view.strip.app, view.medium))


@picture_heading.register
def _(view: MapPicture) -> str:
    return say(
        "map",
        "{what}: share of networks with signs of restriction, on each country’s last day measured",
        what=labels.stream_heading(view.app, view.medium),
    )


def _placed_picture(where: str, what: str) -> str:
    return say("chart", "{where}: {what}", where=where, what=what)


def _country_title(app: str, medium: str) -> str:
    return say(
        "chart",
        "{app}, {medium}: of 100 networks measured, how many had signs of restriction",
        app=labels.app_name(app),
        medium=labels.medium_name(medium),
    )


def _stream_title(stream: StreamView) -> str:
    return say(
        "chart",
        "{app}, {medium}: of 100 reports, how many say restricted",
        app=labels.app_name(stream.app),
        medium=labels.medium_name(stream.medium),
    )


def _strip_title(app: str, medium: str) -> str:
    return say("chart", "{what}: each network's state, day by day", what=labels.stream_heading(app, medium))


def _country_words() -> Callable[[CountryDay], str]:
    def describe(day: CountryDay) -> str:
        return say(
            "map",
            "{country}, {day}: {hit} of {measured} networks",
            country=country_name(day.country),
            day=day.day,
            hit=day.hit,
            measured=day.measured,
        )

    return describe


def _simulated_mark(simulated: bool) -> str:
    return say("page", "SIMULATED") if simulated else ""


def _bars_picture(found: list[chart.Bar], title: str, axis: str, simulated: bool) -> Element | None:
    return (
        chart.bar_chart(found, title, chart.describe_bars(found), axis, _simulated_mark(simulated)) if found else None
    )
