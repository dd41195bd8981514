"""Answers to addresses and headers that nobody's browser sends."""

from __future__ import annotations

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
