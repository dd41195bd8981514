"""How a page is answered: as HTML, as JSON, as CSV, as PNG; and the refusals, each in the form that was asked for.

No script, no cookie, nothing loaded from elsewhere; the headers hold browsers to that. Only a picture by itself may be
framed by other pages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

from talkpath.errors import TalkpathError
from talkpath.observatory.web.csv_tables import csv_table
from talkpath.observatory.web.pictures import drawings
from talkpath.observatory.web.pictures.png import png_picture
from talkpath.observatory.web.render import PageFrame, known_query, render_page
from talkpath.observatory.web.site import PageQuery, Site
from talkpath.observatory.web.source import PageSource
from talkpath.report.words.language import language, language_codes, say, speaking

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

View = Callable[[PageSource, Site, PageQuery], Struct | None]
Answer = Callable[["Request"], "Response"]

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors "
)
PAGE_HEADERS = {
    "Content-Security-Policy": f"{POLICY}'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "public, max-age=60",
}
FRAMED = {**PAGE_HEADERS, "Content-Security-Policy": f"{POLICY}*"}
NOT_NOW = {**PAGE_HEADERS, "Cache-Control": "no-store", "Retry-After": "60"}
OPEN_HEADERS = {"Access-Control-Allow-Origin": "*"}
ERROR = "talkpath.error/1"
MAX_ECHOED_CHARACTERS = 40  # of a parameter's name, which anybody may have written


class PageRoute(NamedTuple):
    """An address below the language, the function that computes its view, and its template. `picture`: it is a picture
    by itself, which may be framed and saved. `names`: what the address may ask for, with an example of each."""

    path: str
    view: View
    template: str
    names: Mapping[str, str] = {}
    picture: bool = False


class Answers:
    """The answers of one observatory."""

    def __init__(self, source: PageSource, site: Site) -> None:
        self._source, self._site = source, site
        self._per_host = {} if site.address else {"Vary": "Host"}  # permalinks are then on whatever host was asked for

    def html(self, one: PageRoute) -> Answer:
        """The page itself."""

        def answer(request: Request) -> Response:
            if request.path_params["language"] not in language_codes():
                return self.missing(request)
            try:
                view = self._view(one, request)
            except TalkpathError:
                return _html_answer(render_page("busy.html", self.frame(request), None), 503, NOT_NOW)
            if view is None:
                return self.missing(request)
            page = render_page(one.template, self.frame(request, one.names), view)
            return _html_answer(page, 200, {**(FRAMED if one.picture else PAGE_HEADERS), **self._per_host})

        return answer

    def json(self, one: PageRoute) -> Answer:
        """The page's record, with the names of the operators of its networks."""

        def written(request: Request, view: Struct) -> Response:
            plain = msgspec.to_builtins(view)
            named = {network: self._site.operator(network) for network in sorted(set(_named_networks(plain)))}
            head = {"schema": None, "simulated": self._source.simulated, "as_of": self._site.today()}
            operators = {network: name for network, name in named.items() if name}
            return _json_answer({**head, **plain, "operators": operators}, 200)

        return self._data(one, written)

    def csv(self, one: PageRoute) -> Answer:
        """All rows of the page, those of its other pages too."""

        def written(request: Request, view: Struct) -> Response:
            from starlette.responses import PlainTextResponse

            text = csv_table(view, simulated=self._source.simulated, operator=self._site.operator)
            if text is None:
                return _no_json()
            return PlainTextResponse(
                text.encode("utf-8-sig"), headers={**PAGE_HEADERS, **OPEN_HEADERS}, media_type="text/csv"
            )

        return self._data(one, written, whole=True)

    def png(self, one: PageRoute) -> Answer:
        """The picture as a file."""

        def written(request: Request, view: Struct) -> Response:
            from starlette.responses import Response

            picture = drawings.picture_of(view)
            with speaking(language(request.path_params["language"])):
                drawn = picture.draw(view, self._source.simulated) if picture else None
                if picture is None or drawn is None:
                    return _no_json()
                foot = [picture.key(), *self._foot(request)]
                data = png_picture(drawn, picture.heading(view), foot, style_sheet())
            return Response(data, headers={**PAGE_HEADERS, **OPEN_HEADERS, **self._per_host}, media_type="image/png")

        return self._data(one, written)

    def missing(self, request: Request) -> Response:
        """The answer where there is no such page."""
        if request.url.path.endswith(".json"):
            return _no_json()
        return _html_answer(
            render_page("missing.html", self.frame(request), None), 404, {**PAGE_HEADERS, **self._per_host}
        )

    def frame(self, request: Request, names: Collection[str] = ()) -> PageFrame:
        """The frame of a page at this address, which knows parameters of these `names`."""
        root = request.scope.get("root_path", "")
        first, _, rest = request.url.path.removeprefix(root).strip("/").partition("/")
        site, source = self._site, self._source
        return PageFrame(
            language=first
            if first in language_codes()
            else preferred_language(request.headers.get("accept-language", "")),
            root=root,
            path=f"/{rest}" if first in language_codes() else "/now",
            query=known_query(request.url.query, names),
            address=site.address.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}",
            as_of=site.today(),
            simulated=source.simulated,
            article=source.simulated,
            check=site.check,
            servers=site.servers is not None,
            map=len(source.findings.countries) > 1,
            style=style_version(),
            operators=site.operators(),
        )

    def _foot(self, request: Request) -> list[str]:
        """What stands below a picture that is saved: where it is from."""
        from urllib.parse import urlsplit

        frame = self.frame(request)
        host = urlsplit(frame.address).netloc or frame.address
        known = say("picture", "talkpath observatory, {host}, as of {day}. CC BY 4.0.", host=host, day=frame.as_of)
        if not frame.simulated:
            return [known]
        made_up = say(
            "observatory", "a made-up country inside a computer. Nothing on these pages was measured on a real network."
        )
        return [f"{say('page', 'SIMULATED')}: {made_up}", known]

    def _data(self, one: PageRoute, written: Callable[[Request, Struct], Response], *, whole: bool = False) -> Answer:
        """A page's view for programs: as `written` writes it, or a refusal in JSON."""

        def answer(request: Request) -> Response:
            if request.path_params["language"] not in language_codes():
                return _no_json()
            if refusal := _unknown_parameter(one, request):
                return _json_answer({"schema": ERROR, "code": "unknown_parameter", "error": refusal}, 400)
            try:
                view = self._view(one, request, whole=whole)
                return _no_json() if view is None else written(request, view)
            except TalkpathError as error:
                return _json_answer({"schema": ERROR, "code": "not_now", "error": str(error)}, 503)

        return answer

    def _view(self, one: PageRoute, request: Request, *, whole: bool = False) -> Struct | None:
        """The view in the language of the address: some views hold sentences."""
        asked = PageQuery({**request.query_params, **request.path_params}, whole)
        with speaking(language(request.path_params["language"])):
            return one.view(self._source, self._site, asked)


def preferred_language(accepted: str) -> str:
    """The first language that a reader accepts and that exists here (RFC 9110, section 12.5.4), else English."""
    weighed = []
    for place, part in enumerate(accepted.split(",")):
        code, _, weight = part.strip().partition(";")
        weighed.append((-_language_weight(weight), place, code.split("-")[0].lower()))
    return next((code for weight, _, code in sorted(weighed) if weight and code in language_codes()), "en")


@cache
def style_sheet() -> str:
    """The one style sheet: that of every report, and what the pages add."""
    own = files("talkpath.observatory.web").joinpath("static", "observatory.css").read_text(encoding="utf-8")
    return files("talkpath.report").joinpath("page.css").read_text(encoding="utf-8") + own


@cache
def style_version() -> str:
    """A digest of the style sheet, so that browsers may keep it for a year."""
    return hashlib.sha256(style_sheet().encode()).hexdigest()[:12]


def style_answer(request: Request) -> Response:
    """The style sheet."""
    from starlette.responses import Response

    kept = {**PAGE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(style_sheet(), media_type="text/css", headers=kept)


def _named_networks(plain: Any) -> Iterator[str]:
    """Every network that a record names."""
    if isinstance(plain, list | tuple):
        for each in plain:
            yield from _named_networks(each)
    elif isinstance(plain, dict):
        for name, value in plain.items():
            if name == "network" and isinstance(value, str):
                yield value
            elif name == "networks" and isinstance(value, list | tuple):
                yield from (each for each in value if isinstance(each, str))
                yield from _named_networks(value)
            else:
                yield from _named_networks(value)


def _html_answer(page: str, status: int, headers: Mapping[str, str]) -> Response:
    from starlette.responses import HTMLResponse

    return HTMLResponse(page, status, headers=dict(headers))


def _unknown_parameter(one: PageRoute, request: Request) -> str:
    """One sentence about the first parameter that the address does not know, "" where it knows all.

    A program that misspells one would else take what it did not ask for as the answer. Pages are shown all the same:
    links to them gather the parameters of whoever passes them on.
    """
    strangers = [name for name in request.query_params if name not in one.names]
    known = f"it knows {', '.join(one.names)}" if one.names else "it knows none"
    return f"This address knows no parameter {strangers[0][:MAX_ECHOED_CHARACTERS]!a}; {known}." if strangers else ""


def _no_json() -> Response:
    said = "There is no such page, or what it would show is not published; see /en/method for when it is."
    return _json_answer({"schema": ERROR, "code": "not_found", "error": said}, 404)


def _json_answer(body: dict[str, object], status: int) -> Response:
    from starlette.responses import Response

    headers = {**(NOT_NOW if status == 503 else PAGE_HEADERS), **OPEN_HEADERS}
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def _language_weight(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text.strip() else 1.0
    except ValueError:
        return 0.0
