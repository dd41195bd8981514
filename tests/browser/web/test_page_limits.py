"""Whatever somebody sends in headers and messages, the web part answers, and never with an error of its own."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from talkpath.browser.far_end.far_end_process import FarEnd
from talkpath.browser.web.admission_queue import host_name, is_own_origin
from talkpath.browser.web.check_messages import parse_message
from talkpath.browser.web.page_files import EMPTY_PICTURE
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.browser.web.routes import starlette_routes
from talkpath.wire.control.keys import Signer

HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=400)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=9,
)


def no_far_end() -> list[FarEnd]:
    raise AssertionError("no page needs one")


APP = Starlette(routes=starlette_routes(no_far_end, ReceiptIssuer(Signer.fresh())))
APP.router.redirect_slashes = False  # as in the page's server


def get(path: str, headers: dict[str, str], params: dict[str, str] | None = None) -> httpx.Response:
    """The answer to one request. Headers go as they are, one byte a character."""
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://server") as client:
            return await client.get(path, params=params, headers=raw)

    return asyncio.run(ask())


@pytest.mark.parametrize("host", ["a" * 5000, "[", "[::1", "]", "a:b:c", " ", "ä", "a" * 3000 + ":8443"])
def test_a_qr_code_needs_a_host_that_is_one(host: str):
    answer = get("/check/qr.svg", {"Host": host})
    assert answer.status_code == 200
    assert (answer.content == EMPTY_PICTURE) == (not host_name({"host": host}))
    assert len(answer.content) < 100_000


@settings(max_examples=30)
@given(host=HEADER, language=HEADER, asked=HEADER, name=HEADER.filter(bool))
def test_no_header_and_no_path_upsets_the_page(host: str, language: str, asked: str, name: str):
    headers = {"Host": host, "Accept-Language": language}
    for path in ("/check", "/check/qr.svg", "/check/check.js"):
        assert get(path, headers, {"lang": asked}).status_code == 200
    assert get("/check/" + "".join(f"%{ord(each):02x}" for each in name), headers).status_code < 500


@given(st.text(max_size=300) | JSON.map(json.dumps))
def test_a_message_is_an_object_with_a_type(text: str):
    message = parse_message(text)
    assert message is None or isinstance(message["type"], str)


@given(origin=HEADER, host=HEADER)
def test_only_the_own_origin_is_the_own_one(origin: str, host: str):
    is_own = is_own_origin({"origin": origin, "host": host})
    assert (
        is_own == (bool(host) and origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")) or not is_own
    )


@pytest.mark.parametrize(
    ("host", "origin"),
    [("a.example", "https://a.example"), ("A.example:8443", "https://a.example:8443"), ("[::1]:80", "http://[::1]:80")],
)
def test_a_page_of_this_server_is_let_in(host: str, origin: str):
    assert is_own_origin({"host": host, "origin": origin})
