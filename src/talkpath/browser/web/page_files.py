"""The page and its files: check.html with its texts and style, the scripts, and a QR code of the page's link.

Joins the page's modules into one script, since on a bad line each file takes seconds: eighteen took two minutes.

Contract: modules import by name (`import { a, b } from "./x.js";`, a line each) from the same folder, without circles,
and export declarations (`export const`, `function`, `class`). Each module keeps a scope of its own.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import io
import json
import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING

from talkpath.browser.web.admission_queue import host_name
from talkpath.browser.web.page_texts import LANGUAGE_NAMES, page_texts
from talkpath.browser.web.together_texts import together_texts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)


def bundle_scripts(entry: str, read: Callable[[str], str]) -> str:
    """Return `entry` and all modules that it imports, each after those that it needs. `read` gives a module's text by
    its name without extension."""
    texts: dict[str, str] = {}

    def visit(name: str) -> None:
        text = read(name)
        for found in IMPORT.finditer(text):
            if found[2] not in texts:
                visit(found[2])
        texts[name] = _scoped_module(name, text)

    visit(entry)
    return "\n".join(texts.values())


def _scoped_module(name: str, text: str) -> str:
    exported = ", ".join(found[2] for found in EXPORT.finditer(text))
    body = EXPORT.sub(r"\1 \2", IMPORT.sub(r"const { \1 } = module_\2;", text))
    return f"const module_{name} = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();\n"


ENTRIES = ("check", "together")  # the first script of each page
SHARED_PARTS = ("head", "running")  # of several pages, a file each
TYPES = {"js": "text/javascript"}
PAGE_FOLDER = files("talkpath.browser").joinpath("page")
STYLE = PAGE_FOLDER.joinpath("check.css").read_text(encoding="utf-8")
"""The style, which stands in the page itself: on a bad line each further file delays the first word by a second."""

STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CHECK_PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": f"default-src 'none'; script-src 'self'; style-src 'sha256-{STYLE_HASH}'; "
    "img-src 'self' data:; connect-src 'self' ws: wss: https:; worker-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # with no-referrer the origin of a campaign's form is "null" (Fetch, 3.2)
    "X-Content-Type-Options": "nosniff",
    "Service-Worker-Allowed": "/check",
}
EMPTY_PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
NO_TEXTS = {"campaign_rule": ""}  # where a page belongs to no campaign
COMMAND = re.compile(r"`([^`]+)`")
MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:T\d\d:\d\dZ)?"
)  # no line breaks it: from right to left its parts would change places


async def page_response(request: Request) -> Response:
    """Answer with the page of that path."""
    return page_answer(request, lambda code: {})


def page_answer(request: Request, more: Callable[[str], Mapping[str, str]]) -> Response:
    """Answer with the page of that path, in the language asked for (?lang=) or the first one that the browser prefers.
    `more` gives what texts it has beside its own, in the language of that code."""
    code = choose_language(request.query_params.get("lang", ""), request.headers.get("accept-language", ""))
    return _text_response(request, render_page(request.url.path.rpartition("/")[2], code, more(code)), "text/html")


async def file_response(request: Request) -> Response:
    """Answer with a script. The first one comes with all modules that it imports."""
    from starlette.responses import PlainTextResponse

    name = request.path_params["name"]
    stem, _, extension = name.rpartition(".")
    if extension not in TYPES or name not in {entry.name for entry in PAGE_FOLDER.iterdir()}:
        return PlainTextResponse("There is no such file here; the page is /check.", 404)
    return _text_response(request, entry_script(stem) if stem in ENTRIES else _read_page_file(name), TYPES[extension])


async def qr_code_response(request: Request) -> Response:
    """Answer with the page's link as a QR code; with an empty picture if segno or a valid header Host is missing."""
    from starlette.responses import Response

    link = f"{request.url.scheme}://{request.headers.get('host')}/check"
    picture = _qr_code(link) if host_name(request.headers) else EMPTY_PICTURE
    return Response(picture, media_type="image/svg+xml", headers=CHECK_PAGE_HEADERS)


def qr_code_data(link: str) -> str:
    """Return the link's QR code as a data: URL, for a link that no request names; "" if segno is missing."""
    picture = _qr_code(link)
    return "" if picture == EMPTY_PICTURE else f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"


def _qr_code(link: str) -> bytes:
    if find_spec("segno") is None:
        return EMPTY_PICTURE
    import segno

    picture = io.BytesIO()
    segno.make(link, error="m").save(picture, kind="svg", scale=4)
    return picture.getvalue()


def choose_language(asked: str, preferred: str) -> str:
    """Return the code of a language that the page has: the one asked for, one of Accept-Language, or English."""
    wanted = [asked, *(part.split(";")[0].strip().split("-")[0].lower() for part in preferred.split(","))]
    return next((code for code in wanted if code in LANGUAGE_NAMES), "en")


def render_page(name: str, code: str, more: Mapping[str, str] = NO_TEXTS) -> str:
    """Return the page "check", "together" or "campaign" in that language: its texts, those as data for its script,
    links to the languages, the style."""
    texts = NO_TEXTS | (together_texts(code) if name == "together" else page_texts(code)) | dict(more)
    path = ("/check" if name == "check" else f"/check/{name}") + (
        "?campaign=1&amp;" if more.get("campaign_rule") else "?"  # in another language it is a campaign's check too
    )
    links = "".join(
        f'<a href="{path}lang={each}" lang="{each}"{" aria-current=true" * (each == texts["lang"])}>{shown}</a>'
        for each, shown in LANGUAGE_NAMES.items()
    )
    data = json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")
    page = _read_page_file(f"{name}.html")
    for part in SHARED_PARTS:
        page = page.replace("{{" + part + "}}", _read_page_file(f"{part}.html"))
    unescaped = {"data": data, "languages": links, "style": STYLE}
    return PLACEHOLDER.sub(
        lambda found: (
            unescaped.get(found[1])
            or MOMENT.sub(r"<time>\g<0></time>", COMMAND.sub(r"<code>\1</code>", html.escape(texts[found[1]])))
        ),
        page,
    )


@cache
def entry_script(entry: str = "check") -> str:
    """The first script of a page and all modules that it imports, as one file."""
    return bundle_scripts(entry, lambda name: _read_page_file(f"{name}.js"))


def _read_page_file(name: str) -> str:
    return PAGE_FOLDER.joinpath(name).read_text(encoding="utf-8")


def _text_response(request: Request, text: str, media_type: str) -> Response:
    """A response, compressed if the browser accepts that."""
    from starlette.responses import Response

    body, headers = text.encode(), CHECK_PAGE_HEADERS | {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = _gzip_body(body), headers | {"Content-Encoding": "gzip"}
    return Response(body, media_type=media_type, headers=headers)


@lru_cache(maxsize=64)
def _gzip_body(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)
