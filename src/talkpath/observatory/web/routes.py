"""The addresses of the pages. Each page has a JSON twin beside it, at its address and `.json`; those with numbers are
also CSV, and pictures PNG.

`routes(source, site)` gives them to whoever serves them (starlette). A page without a language leads to the reader's
(Accept-Language).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.observatory.web.answers import HEADERS, Answer, Answers, PageRoute, preferred, style_answer
from talkpath.observatory.web.render import environment
from talkpath.observatory.web.site import Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.views.article import article
from talkpath.observatory.web.views.claims import claim, claims
from talkpath.observatory.web.views.data import data
from talkpath.observatory.web.views.event import event
from talkpath.observatory.web.views.events import event_list
from talkpath.observatory.web.views.method import method, risks
from talkpath.observatory.web.views.network import network
from talkpath.observatory.web.views.now import now
from talkpath.observatory.web.views.picture import country_picture, network_picture, strip_picture, world_map
from talkpath.observatory.web.views.report import report_page
from talkpath.observatory.web.views.search import search
from talkpath.observatory.web.views.servers import servers
from talkpath.observatory.web.views.transports import transports
from talkpath.report.words.language import codes

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

DAYS = {"from": "2026-11-01", "to": "2026-11-27"}
PAGE = {"page": "2"}
NOW = {"medium": "voice", "app": "whatsapp", **DAYS, **PAGE}
EVENTS = {
    "app": "telegram",
    "medium": "voice",
    "kind": "began",
    "level": "confirmed",
    "network": "AS64496",
    "group": "network",
    **DAYS,
    **PAGE,
}
PAGES = (
    PageRoute("/now", now, "now.html", NOW),
    PageRoute("/now/{country}", now, "now.html", NOW),
    PageRoute("/map", world_map, "map.html", {"medium": "voice", "app": "whatsapp", **DAYS}),
    PageRoute("/search", search, "search.html", {"q": "64496"}),
    PageRoute("/network/{country}/{network}", network, "network.html", DAYS),
    PageRoute("/events", event_list, "events.html", EVENTS),
    PageRoute("/events/{country}", event_list, "events.html", EVENTS),
    PageRoute("/event/{id:path}", event, "event.html"),
    PageRoute("/report/{id}", report_page, "report.html"),
    PageRoute("/transports", transports, "transports.html"),
    PageRoute("/transports/{country}", transports, "transports.html"),
    PageRoute("/claims", claims, "claims.html", {"outcome": "contradicted", **PAGE}),
    PageRoute("/claims/{id}", claim, "claim.html"),
    PageRoute("/picture/country/{country}/{medium}/{app}", country_picture, "picture.html", DAYS, picture=True),
    PageRoute(
        "/picture/network/{country}/{network}/{medium}/{app}", network_picture, "picture.html", DAYS, picture=True
    ),
    PageRoute("/picture/strip/{country}/{medium}/{app}", strip_picture, "picture.html", DAYS, picture=True),
    PageRoute("/picture/map/{medium}/{app}", world_map, "picture.html", DAYS, picture=True),
    PageRoute("/article", article, "article.html"),
    PageRoute("/data", data, "data.html"),
    PageRoute("/method", method, "method.html"),
    PageRoute("/risks", risks, "risks.html"),
    PageRoute("/servers", servers, "servers.html", PAGE),
)


def routes(source: PageSource, site: Site) -> list[BaseRoute]:
    """All routes of the pages; put them last, since the last one takes every path that no other took."""
    from starlette.routing import Route

    answers = Answers(source, site)
    found: list[BaseRoute] = [Route("/static/observatory.css", style_answer)]
    for one in PAGES:
        environment().get_template(one.template)  # compiled now, and not while the first visitor waits
        found.append(Route(f"/{{language}}{one.path}.json", answers.json(one)))
        found.append(Route(f"/{{language}}{one.path}.csv", answers.csv(one)))
        if one.picture:
            found.append(Route(f"/{{language}}{one.path}.png", answers.png(one)))
        found.append(Route(f"/{{language}}{one.path}", answers.html(one)))
    return [*found, Route("/{path:path}", _elsewhere(answers))]


def _elsewhere(answers: Answers) -> Answer:
    """Redirects an address without a language to the reader's; answers 404 for one that is no page."""

    def answer(request: Request) -> Response:
        from starlette.responses import RedirectResponse

        path = request.path_params["path"].strip("/")
        first, _, rest = path.partition("/")
        if first in codes() and rest:
            return answers.missing(request)
        code = first if first in codes() else preferred(request.headers.get("accept-language", ""))
        query = f"?{request.url.query}" if request.url.query else ""
        target = f"{request.scope.get('root_path', '')}/{code}/{(rest if first in codes() else path) or 'now'}{query}"
        return RedirectResponse(target, 302, {**HEADERS, "Vary": "Accept-Language", "Cache-Control": "no-cache"})

    return answer
