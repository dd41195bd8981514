"""The pictures of views, with their words: what `chart`, `strip` and `map` draw, in the current language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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


class ViewPicture(NamedTuple):
    """What a kind of view is as a picture. `draw` takes the view and whether it is simulated, the others the view:
    `heading` is what it shows, `key` what its marks mean, `page` the page that it is from, without its language."""

    draw: Callable[[Any, bool], Element | None]
    heading: Callable[[Any], str]
    key: Callable[[], str]
    page: Callable[[Any], str]


def picture_of(view: Struct) -> ViewPicture | None:
    """What a view is as a picture; None where it is none."""
    return VIEW_PICTURES.get(type(view))


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
    title, mark = _map_title(view.app, view.medium), _simulated_mark(simulated)
    return map.country_map(view.countries, view.withheld, title, _country_words(), links, mark)


def _map_title(app: str, medium: str) -> str:
    return say(
        "map",
        "{what}: share of networks with signs of restriction, on each country’s last day measured",
        what=labels.stream_heading(app, medium),
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


VIEW_PICTURES: dict[type[Struct], ViewPicture] = {
    CountryPicture: ViewPicture(
        draw=lambda view, simulated: country_chart(view.row, view.medium, simulated=simulated),
        heading=lambda view: _placed_picture(country_name(view.country), _country_title(view.row.app, view.medium)),
        key=labels.chart_key,
        page=lambda view: f"/now/{view.country}?medium={view.medium}",
    ),
    NetworkPicture: ViewPicture(
        draw=lambda view, simulated: stream_chart(view.stream, simulated=simulated),
        heading=lambda view: _placed_picture(
            f"{labels.network_name(view.network, view.operator)}, {country_name(view.country)}",
            _stream_title(view.stream),
        ),
        key=labels.chart_key,
        page=lambda view: f"/network/{view.country}/{view.network}",
    ),
    StripPicture: ViewPicture(
        draw=lambda view, simulated: strip_picture(view.strip, view.medium, simulated=simulated, wide=True),
        heading=lambda view: _placed_picture(country_name(view.country), _strip_title(view.strip.app, view.medium)),
        key=labels.strip_key,
        page=lambda view: f"/now/{view.country}?medium={view.medium}&app={view.strip.app}",
    ),
    MapPicture: ViewPicture(
        draw=lambda view, simulated: map_picture(view, {}, simulated=simulated),
        heading=lambda view: _map_title(view.app, view.medium),
        key=labels.map_key,
        page=lambda view: f"/map?medium={view.medium}&app={view.app}",
    ),
}
