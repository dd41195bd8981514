"""The addresses of the pages. Each page has a JSON twin beside it: its address and `.json`.

`routes(source, site)` gives them to whoever serves them (starlette). A page without a language leads to the reader's
(Accept-Language). No script, no cookie, nothing loaded from elsewhere; the headers hold browsers to that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from talkpath.errors import TalkpathError
from talkpath.observatory.web.article import article
from talkpath.observatory.web.claims import claim, claims
from talkpath.observatory.web.csv_tables import csv_table
from talkpath.observatory.web.data import data
from talkpath.observatory.web.event import event, event_list
from talkpath.observatory.web.method import method, risks
from talkpath.observatory.web.network import network
from talkpath.observatory.web.now import now
from talkpath.observatory.web.render import PageFrame, environment, render_page
from talkpath.observatory.web.servers import servers
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource
from talkpath.observatory.web.transports import transports
from talkpath.report.words.language import codes, language, speaking

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

View = Callable[[PageSource, Site, PageQuery], Struct | None]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "public, max-age=60",
}
NOT_NOW = {**HEADERS, "Cache-Control": "no-store", "Retry-After": "60"}
ERROR = "talkpath.error/1"


class PageRoute(NamedTuple):
    """An address below the language, the function that computes its view, and its template."""

    path: str
    view: View
    template: str


PAGES = (
    PageRoute("/now", now, "now.html"),
    PageRoute("/now/{country}", now, "now.html"),
    PageRoute("/network/{country}/{network}", network, "network.html"),
    PageRoute("/events", event_list, "events.html"),
    PageRoute("/events/{country}", event_list, "events.html"),
    PageRoute("/event/{id:path}", event, "event.html"),
    PageRoute("/transports", transports, "transports.html"),
    PageRoute("/transports/{country}", transports, "transports.html"),
    PageRoute("/claims", claims, "claims.html"),
    PageRoute("/claims/{id}", claim, "claim.html"),
    PageRoute("/article", article, "article.html"),
    PageRoute("/data", data, "data.html"),
    PageRoute("/method", method, "method.html"),
    PageRoute("/risks", risks, "risks.html"),
    PageRoute("/servers", servers, "servers.html"),
)


def routes(source: PageSource, site: Site) -> list[BaseRoute]:
    """All routes of the pages; put them last, since the last one takes every path that no other took."""
    from starlette.routing import Route

    found: list[BaseRoute] = [Route("/static/observatory.css", _style)]
    for one in PAGES:
        environment().get_template(one.template)  # compiled now, and not while the first visitor waits
        found.append(Route(f"/{{language}}{one.path}.json", _json(one, source, site)))
        found.append(Route(f"/{{language}}{one.path}.csv", _csv(one, source, site)))
        found.append(Route(f"/{{language}}{one.path}", _html(one, source, site)))
    return [*found, Route("/{path:path}", _elsewhere(source, site))]


@cache
def style() -> str:
    """The one style sheet: that of every report, and what the pages add."""
    own = files("talkpath.observatory.web").joinpath("static", "observatory.css").read_text(encoding="utf-8")
    return files("talkpath.report").joinpath("page.css").read_text(encoding="utf-8") + own


@cache
def style_version() -> str:
    """A digest of the style sheet, so that browsers may keep it for a year."""
    return hashlib.sha256(style().encode()).hexdigest()[:12]


def _style(request: Request) -> Response:
    from starlette.responses import Response

    kept = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(style(), media_type="text/css", headers=kept)


def _html(one: PageRoute, source: PageSource, site: Site) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        from starlette.responses import HTMLResponse

        if request.path_params["language"] not in codes():
            return _missing(request, source, site)
        try:
            view = _view(one, request, source, site)
        except TalkpathError:
            return HTMLResponse(render_page("busy.html", _frame(request, source, site), None), 503, headers=NOT_NOW)
        if view is None:
            return _missing(request, source, site)
        return HTMLResponse(render_page(one.template, _frame(request, source, site), view), headers=HEADERS)

    return answer


def _json(one: PageRoute, source: PageSource, site: Site) -> Callable[[Request], Response]:
    def written(view: Struct) -> Response:
        body = {"schema": None, "simulated": source.simulated, "as_of": site.today(), **msgspec.to_builtins(view)}
        return _json_response(body, 200)

    return _data(one, source, site, written)


def _csv(one: PageRoute, source: PageSource, site: Site) -> Callable[[Request], Response]:
    def written(view: Struct) -> Response:
        from starlette.responses import PlainTextResponse

        text = csv_table(view, simulated=source.simulated)
        if text is None:
            return _no_json()
        headers = {**HEADERS, "Access-Control-Allow-Origin": "*"}
        return PlainTextResponse(text, headers=headers, media_type="text/csv")

    return _data(one, source, site, written)


def _data(
    one: PageRoute, source: PageSource, site: Site, written: Callable[[Struct], Response]
) -> Callable[[Request], Response]:
    """A page's view for programs: as `written` writes it, or a refusal in JSON."""

    def answer(request: Request) -> Response:
        if request.path_params["language"] not in codes():
            return _no_json()
        try:
            view = _view(one, request, source, site)
        except TalkpathError as error:
            return _json_response({"schema": ERROR, "code": "not_now", "error": str(error)}, 503)
        return _no_json() if view is None else written(view)

    return answer


def _view(one: PageRoute, request: Request, source: PageSource, site: Site) -> Struct | None:
    """The view in the language of the address: some views hold sentences."""
    with speaking(language(request.path_params["language"])):
        return one.view(source, site, _asked(request))


def _no_json() -> Response:
    said = "There is no such page, or what it would show is not published; see /en/method for when it is."
    return _json_response({"schema": ERROR, "code": "not_found", "error": said}, 404)


def _json_response(body: dict[str, object], status: int) -> Response:
    from starlette.responses import Response

    headers = {**(NOT_NOW if status == 503 else HEADERS), "Access-Control-Allow-Origin": "*"}
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def _asked(request: Request) -> PageQuery:
    return PageQuery({**request.query_params, **request.path_params})


def _elsewhere(source: PageSource, site: Site) -> Callable[[Request], Response]:
    """Redirects an address without a language to the reader's; answers 404 for one that is no page."""

    def answer(request: Request) -> Response:
        from starlette.responses import RedirectResponse

        path = request.path_params["path"].strip("/")
        first, _, rest = path.partition("/")
        if first in codes() and rest:
            return _missing(request, source, site)
        code = first if first in codes() else preferred(request.headers.get("accept-language", ""))
        query = f"?{request.url.query}" if request.url.query else ""
        target = f"{request.scope.get('root_path', '')}/{code}/{(rest if first in codes() else path) or 'now'}{query}"
        return RedirectResponse(target, 302, {**HEADERS, "Vary": "Accept-Language", "Cache-Control": "no-cache"})

    return answer


def preferred(accepted: str) -> str:
    """The first language that a reader accepts and that exists here (RFC 9110, section 12.5.4), else English."""
    weighed = []
    for place, part in enumerate(accepted.split(",")):
        code, _, weight = part.strip().partition(";")
        weighed.append((-_weight(weight), place, code.split("-")[0].lower()))
    return next((code for weight, _, code in sorted(weighed) if weight and code in codes()), "en")


def _weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text.strip() else 1.0
    except ValueError:
        return 0.0


def _missing(request: Request, source: PageSource, site: Site) -> Response:
    from starlette.responses import HTMLResponse

    if request.url.path.endswith(".json"):
        return _no_json()
    return HTMLResponse(render_page("missing.html", _frame(request, source, site), None), 404, headers=HEADERS)


def _frame(request: Request, source: PageSource, site: Site) -> PageFrame:
    root = request.scope.get("root_path", "")
    whole = request.url.path.removeprefix(root)
    first, _, rest = whole.strip("/").partition("/")
    code = first if first in codes() else preferred(request.headers.get("accept-language", ""))
    return PageFrame(
        language=code,
        root=root,
        path=f"/{rest}" if first in codes() else "/now",
        query=f"?{request.url.query}" if request.url.query else "",
        address=site.address.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}",
        as_of=site.today(),
        simulated=source.simulated,
        article=source.simulated,
        check=site.check,
        servers=site.servers is not None,
        style=style_version(),
    )
