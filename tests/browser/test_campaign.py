"""A campaign's page in a real browser: whoever takes part comes to the check, is counted, and may stop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser

from talkpath.browser.web.page_server import PageServerSettings, start_page_server
from talkpath.browser.web.page_texts import LANGUAGE_NAMES
from talkpath.wire.control.campaign import Campaign


def moment(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%dT%H:%MZ}"


RUNS = Campaign(by="Example University", key="the-key", apps=("telegram",), begins=moment(-1), ends=moment(3))


@pytest.fixture(scope="module")
def origin(page_ports: list[int]) -> Iterator[str]:
    web = start_page_server(PageServerSettings(*page_ports, "127.0.0.1", taken=(3478, 443), campaign=RUNS))
    yield f"http://127.0.0.1:{page_ports[0]}"
    web.stop()


@pytest.mark.parametrize("code", LANGUAGE_NAMES)
def test_the_button_leads_to_the_check_with_the_stop_rule(browser: Browser, origin: str, code: str) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740}, locale=code)
    page.goto(f"{origin}/check/campaign?lang={code}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("button[type=submit]")
    page.wait_for_url(f"{origin}/check?campaign=1&lang={code}")
    page.wait_for_selector("html[data-ready]")
    assert RUNS.ends in str(page.evaluate("JSON.parse(document.getElementById('words').textContent).campaign_rule"))
    page.close()


def test_another_site_s_form_counts_nobody(browser: Browser, origin: str) -> None:
    page = browser.new_page()
    page.set_content(f'<form method="post" action="{origin}/check/campaign"><button type="submit">x</button></form>')
    page.click("button")
    page.wait_for_url(f"{origin}/check/campaign")
    assert page.is_visible("#many")
    page.close()
