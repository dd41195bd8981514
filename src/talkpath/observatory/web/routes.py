"""The addresses of the pages. Each page has a JSON twin beside it, at its address and `.json`; those with numbers are
also CSV, and pictures PNG.

`routes(source, site)` gives them to whoever serves them (starlette). A page without a language leads to the reader's
(Accept-Language).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.observatory.web.answers import PAGE_HEADERS, Answer, Answers, PageRoute, preferred_language, style_answer
from talkpath.observatory.web.render import template_environment
from talkpath.observatory.web.site import Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.views.article import article_page
from talkpath.observatory.web.views.claims import claim_page, claims_page
from talkpath.observatory.web.views.data import data_page
from talkpath.observatory.web.views.event import event_page
from talkpath.observatory.web.views.events import event_list
from talkpath.observatory.web.views.method import method_page, risks_page
from talkpath.observatory.web.views.network import network_page
from talkpath.observatory.web.views.now import now_page
from talkpath.observatory.web.views.picture import (
    country_picture,
    network_picture,
    series_page,
    strip_picture,
    world_map,
)
from talkpath.observatory.web.views.report import report_page
from talkpath.observatory.web.views.search import search_page
from talkpath.observatory.web.views.servers import servers_page
from talkpath.observatory.web.views.transports import transports_page
from talkpath.report.words.language import language_codes

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

DAYS_EXAMPLE = {"from": "2026-11-01", "to": "2026-11-27"}
SERIES = {"from": "2026-11-01", "until": "2026-11-27", "step": "week"}
PAGE_EXAMPLE = {"page": "2"}
NOW = {"medium": "voice", "app": "whatsapp", **DAYS_EXAMPLE, **PAGE_EXAMPLE}
EVENTS = {
    "app": "telegram",
    "medium": "voice",
    "kind": "began",
    "level": "confirmed",
    "network": "AS64496",
    "group": "network",
    **DAYS_EXAMPLE,
    **PAGE_EXAMPLE,
}
COUNTRY = {"country": "XX"}
PAGES = (
    PageRoute("/now", now_page, "now.html", {**COUNTRY, **NOW}),
    PageRoute("/now/{country}", now_page, "now.html", NOW),
    PageRoute("/map", world_map, "map.html", {"medium": "voice", "app": "whatsapp", **DAYS_EXAMPLE}),
    PageRoute("/search", search_page, "search.html", {"q": "64496"}),
    PageRoute("/network/{country}/{network}", network_page, "network.html", DAYS_EXAMPLE),
    PageRoute("/series/{country}/{medium}/{app}", series_page, "series.html", SERIES),
    PageRoute("/series/{country}/{network}/{medium}/{app}", series_page, "series.html", SERIES),
    PageRoute("/events", event_list, "events.html", {**COUNTRY, **EVENTS}),
    PageRoute("/events/{country}", event_list, "events.html", EVENTS),
    PageRoute("/event/{id:path}", event_page, "event.html"),
    PageRoute("/letter/{id:path}", event_page, "letter.html"),
    PageRoute("/report/{id}", report_page, "report.html"),
    PageRoute("/transports", transports_page, "transports.html", COUNTRY),
    PageRoute("/transports/{country}", transports_page, "transports.html"),
    PageRoute("/claims", claims_page, "claims.html", {"outcome": "contradicted", **PAGE_EXAMPLE}),
    PageRoute("/claims/{id}", claim_page, "claim.html"),
    PageRoute("/picture/country/{country}/{medium}/{app}", country_picture, "picture.html", DAYS_EXAMPLE, picture=True),
    PageRoute(
        "/picture/network/{country}/{network}/{medium}/{app}",
        network_picture,
        "picture.html",
        DAYS_EXAMPLE,
        picture=True,
    ),
    PageRoute("/picture/strip/{country}/{medium}/{app}", strip_picture, "picture.html", DAYS_EXAMPLE, picture=True),
    PageRoute("/picture/map/{medium}/{app}", world_map, "picture.html", DAYS_EXAMPLE, picture=True),
    PageRoute("/article", article_page, "article.html"),
    PageRoute("/data", data_page, "data.html"),
    PageRoute("/method", method_page, "method.html"),
    PageRoute("/risks", risks_page, "risks.html"),
    PageRoute("/servers", servers_page, "servers.html", PAGE_EXAMPLE),
)


def page_routes(source: PageSource, site: Site) -> list[BaseRoute]:
    """All routes of the pages; put them last, since the last one takes every path that no other took."""
    from starlette.routing import Route

    answers = Answers(source, site)
    found: list[BaseRoute] = [Route("/static/observatory.css", style_answer)]
    for one in PAGES:
        template_environment().get_template(one.template)  # compiled now, and not while the first visitor waits
        found.append(Route(f"/{{language}}{one.path}.json", answers.json(one)))
        found.append(Route(f"/{{language}}{one.path}.csv", answers.csv(one)))
        if one.picture:
            found.append(Route(f"/{{language}}{one.path}.png", answers.png(one)))
        found.append(Route(f"/{{language}}{one.path}", answers.html(one)))
    return [*found, Route("/{path:path}", _redirects_or_404(answers))]


def _redirects_or_404(answers: Answers) -> Answer:
    """Redirects an address without a language to the reader's; answers 404 for one that is no page."""

    def answer(request: Request) -> Response:
        from starlette.responses import RedirectResponse

        path = request.path_params["path"].strip("/")
        first, _, rest = path.partition("/")
        if (first in language_codes() and rest) or path == "robots.txt":  # no page: every page may be searched
            return answers.missing(request)
        code = first if first in language_codes() else preferred_language(request.headers.get("accept-language", ""))
        query = f"?{request.url.query}" if request.url.query else ""
        page = (rest if first in language_codes() else path) or "now"
        target = f"{request.scope.get('root_path', '')}/{code}/{page}{query}"
        return RedirectResponse(target, 302, {**PAGE_HEADERS, "Vary": "Accept-Language", "Cache-Control": "no-cache"})

    return answer
