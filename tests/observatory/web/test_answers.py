"""Answers to addresses and headers that nobody's browser sends."""

from __future__ import annotations

import json
from email.message import Message
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest


def answer_of(address: str, **headers: str) -> tuple[int, str, Message]:
    """(status, text, headers)."""
    try:
        with urlopen(Request(address, headers=headers)) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


@pytest.mark.parametrize("name", ["x" * 300, "..%2fevents", "%00", "%ff", "XX%2f..", "nothing", "%E2%80%AE"])
def test_a_feed_that_is_none_is_not_found(served: str, name: str):
    assert answer_of(f"{served}/feeds/{name}.atom")[0] == 404


def test_what_a_host_was_asked_for_is_cached_for_that_host_alone(served: str):
    for path in ("en/now", "en/nothing"):
        assert answer_of(f"{served}/{path}", Host="evil.example")[2]["Vary"] == "Host"


@pytest.mark.parametrize(
    ("path", "knows"),
    [
        ("now.json", "it knows country, medium, app, from, to, page."),
        ("now.csv", ""),
        ("method.json", "it knows none."),
        ("series/XX/voice/telegram.json", "it knows from, until, step."),
        ("picture/map/voice/whatsapp.png", ""),
    ],
)
def test_data_is_not_given_where_a_parameter_is_unknown(served: str, path: str, knows: str):
    status, text, headers = answer_of(f"{served}/en/{path}?contry=XX")
    assert (status, headers.get_content_type()) == (400, "application/json")
    told = json.loads(text)
    assert told["code"] == "unknown_parameter"
    assert told["error"].startswith("This address knows no parameter 'contry'; ")
    assert told["error"].endswith(knows)


@pytest.mark.parametrize("name", ["%E2%80%AE", "x" * 3000, ""])
def test_an_unknown_parameter_is_told_in_short_and_plainly(served: str, name: str):
    status, text, _ = answer_of(f"{served}/en/now.json?{name}=1")
    assert status == 400
    assert text.isascii()
    assert len(text) < 250


def test_a_page_is_shown_whatever_others_added_to_its_link(served: str):
    status, text, _ = answer_of(f"{served}/en/now/XX?fbclid=1&medium=video")
    assert status == 200
    assert "fbclid" not in text
    assert "/en/now/XX.json?medium=video" in text
