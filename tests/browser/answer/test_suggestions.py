"""What a reader can try: an app is named only where its calls can go a way that carried one, and a source says so."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from talkpath.apps import apps
from talkpath.browser.answer.result_message import Suggestion, call_settings, suggestions
from talkpath.report.words.check_context import CheckContext
from talkpath.verdict.model import Reason, ReasonCode, State, Verdict

DIRECT = {"name": "udp/4434", "carries": False, "uncertain": False}
NOT_OFFERED = {"name": "tls/443", "missing": "certificate"}


def path(name: str, *, carries: bool, uncertain: bool = False) -> dict[str, Any]:
    return {"name": name, "carries": carries, "uncertain": uncertain}


def told(paths: list[dict[str, Any]], state: State = "restricted", rule: str | None = "media.drop") -> list[str]:
    """The texts of what is suggested; an app's with its source."""
    reason = Reason("hidden") if state == "insufficient" else None
    one = Verdict("webrtc", "dtls", "voice", state, rule, basis="webrtc", reason=reason)
    found = suggestions([one], paths, CheckContext())
    return [f"{each.text} {each.source}".strip() for suggestion in found for each in (suggestion, *suggestion.ways)]


def test_every_setting_is_of_a_known_app_and_has_its_source_and_day() -> None:
    for setting in call_settings():
        assert setting.app in apps()
        assert urlsplit(setting.source).scheme == "https"
        assert date.fromisoformat(setting.read) <= date.today()


def test_a_relay_by_udp_that_carries_names_the_apps_that_can_use_one() -> None:
    said = told([DIRECT, path("udp/3478", carries=True), path("tcp/443", carries=False), NOT_OFFERED])
    assert said[0] == "These apps can send calls through relays of their own, which may help:"
    for app, source in (
        ("WhatsApp", "engineering.fb.com"),
        ("Signal", "github.com/signalapp"),
        ("Telegram", "github.com"),
    ):
        assert any(line.startswith(f"{app}: Settings") and source in line for line in said)
    assert "another network" in said[-1]


ELSEWHERE = ["Check again on another network, such as mobile data instead of Wi-Fi."]


@pytest.mark.parametrize(
    "relays",
    [
        [path("udp/3478", carries=False), path("tls/443", carries=True)],
        [path("udp/3478", carries=False)],
        [path("udp/3478", carries=True, uncertain=True)],
        [NOT_OFFERED],
        [],
    ],
)
def test_a_way_for_which_no_app_is_known_to_have_a_setting_is_no_action(relays: list[dict[str, Any]]) -> None:
    assert told([DIRECT, *relays]) == ELSEWHERE


def test_a_try_of_3_s_says_nothing_where_calls_break_off_later() -> None:
    assert told([DIRECT, path("udp/3478", carries=True)], rule="media.freeze") == ELSEWHERE


def test_on_a_poor_line_no_app_is_suggested_but_another_place_or_hour() -> None:
    (said,) = told([DIRECT, path("udp/3478", carries=True)], "impaired", None)
    assert said == "Try again nearer to the router, or at another hour."


def test_whose_app_fails_where_the_page_found_nothing_is_told_what_asks_more() -> None:
    (said,) = told([DIRECT, path("udp/3478", carries=True)], "ok", None)
    assert "a call between two phones" in said
    assert "the apps' own servers" in said


def test_where_the_check_could_not_tell_it_says_what_to_do_next() -> None:
    assert told([], "insufficient", None) == ["Check again, keep the page in front, and keep the screen on."]


def test_the_settings_of_apps_stand_under_what_they_are_for() -> None:
    one = Verdict("webrtc", "dtls", "voice", "restricted", "media.drop", basis="webrtc")
    first, last = suggestions([one], [DIRECT, path("udp/3478", carries=True)], CheckContext())
    assert [way.text.partition(":")[0] for way in first.ways] == ["WhatsApp", "Signal", "Telegram"]
    assert last == Suggestion(*ELSEWHERE)


@pytest.mark.parametrize("code", ["few_calls", "responder_lost", "whole_flows"])
def test_a_page_sends_nobody_to_another_test_server(code: ReasonCode) -> None:
    """Its reader has this link alone."""
    one = Verdict("webrtc", "dtls", "voice", "insufficient", reason=Reason(code), basis="webrtc")
    busy = replace(one, reason=Reason("late", {"at": "responder"}))
    for untold in (one, busy):
        assert [each.text for each in suggestions([untold], [], CheckContext())] == ["Check again at another hour."]
