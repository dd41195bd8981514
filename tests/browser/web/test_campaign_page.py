"""The page of a campaign: what it says, when it can be taken part in, and how many did, with noise."""

from __future__ import annotations

import asyncio
import html
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random
from statistics import fmean

import httpx
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette

from talkpath.browser.web.campaign_page import PARTICIPANT_EPSILON, ParticipantCount, geometric_noise
from talkpath.browser.web.page_texts import LANGUAGE_NAMES
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.browser.web.routes import starlette_routes
from talkpath.wire.control.campaign import Campaign
from talkpath.wire.control.keys import Signer


def moment(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%MZ}"


RUNS = Campaign(by="Anna's <class>", key="the-key", apps=("telegram", "whatsapp"), begins=moment(-1), ends=moment(3))


class PageClient:
    """Asks the routes of a server that serves this campaign."""

    def __init__(self, campaign: Campaign | None = RUNS) -> None:
        self._app = Starlette(routes=starlette_routes(list, ReceiptIssuer(Signer.fresh()), campaign=campaign))

    def ask(self, method: str, path: str, origin: str = "http://testserver") -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as web:
                return await web.request(method, path, headers={"origin": origin})

        return asyncio.run(asked())

    def get(self, path: str) -> str:
        return self.ask("GET", path).text


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_it_tells_who_calls_for_it_what_it_does_and_when_it_ends(code: str):
    page = PageClient().get(f"/check/campaign?lang={code}")
    assert not re.findall(r"\{\{\w+\}\}", page)
    for shown in ("Anna&#x27;s &lt;class&gt;", "the-key", RUNS.begins, RUNS.ends, "Telegram", "WhatsApp"):
        assert shown in page
    assert page.count(f"<time>{RUNS.begins}</time>") == 1, "no line breaks a date"
    if code == "en":
        assert "Do not take part if that could bring you into danger." in page
    assert '<meta name="description"' in page
    assert "<form" in page
    assert "hidden>" not in page


@pytest.mark.parametrize(("begins", "ends", "says"), [(1, 2, "It has not begun."), (-3, -1, "It is over.")])
def test_before_and_after_nobody_can_take_part(begins: int, ends: int, says: str):
    asked = PageClient(replace(RUNS, begins=moment(begins), ends=moment(ends)))
    page = asked.get("/check/campaign?lang=en")
    assert says in page
    assert re.search(r"<form [^>]*hidden>", page)
    assert asked.ask("POST", "/check/campaign?lang=en").status_code == 200


def test_whoever_takes_part_comes_to_the_check_which_shows_the_stop_rule():
    asked = PageClient()
    led = asked.ask("POST", "/check/campaign?lang=ru")
    assert (led.status_code, led.headers["location"]) == (303, "/check?campaign=1&lang=ru")
    assert RUNS.ends in asked.get(led.headers["location"])
    assert RUNS.ends not in asked.get("/check?lang=ru")


def test_another_language_of_the_check_is_still_of_the_campaign():
    asked = PageClient()
    page = asked.get("/check?campaign=1&lang=ru")
    other = html.unescape(re.search(r'href="(/check\?[^"]*lang=fa)"', page)[1])  # type: ignore[index]
    assert RUNS.ends in asked.get(other)
    assert 'href="/check?lang=fa"' in asked.get("/check?lang=ru")


def test_a_page_of_somebody_else_counts_nobody():
    assert PageClient().ask("POST", "/check/campaign", "http://elsewhere.example").status_code == 200


def test_without_a_campaign_there_is_no_such_page():
    assert PageClient(None).ask("GET", "/check/campaign").status_code == 404


def test_of_whole_days_alone_it_is_told_how_many_and_the_noise_is_drawn_once():
    count = ParticipantCount(Random(3))
    for block in range(40):
        count.add(bytes([block % 20]), "2026-12-01")
    assert count.last_day("2026-12-01") is None
    told = {count.last_day("2026-12-02") for _ in range(50)}
    assert len(told) == 1
    (day, number) = told.pop() or ("", 0)
    assert (day, abs(number - 20) < 15) == ("2026-12-01", True)
    assert (count.last_day("2026-12-05") or ("", 0))[0] == "2026-12-02", "a day on which nobody took part is told too"


def test_one_more_changes_the_odds_of_each_number_by_no_more_than_promised():
    rng = Random(1)
    drawn = Counter(geometric_noise(rng) for _ in range(40_000))
    assert fmean(drawn.elements()) == pytest.approx(0.0, abs=0.1)
    for number in range(-4, 4):
        assert drawn[number] / drawn[number + 1] == pytest.approx(
            exp(PARTICIPANT_EPSILON * (1 if number >= 0 else -1)), rel=0.15
        )
