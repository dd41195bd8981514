"""Every page and its JSON twin, in every language: there, translated, marked, and within the rule of publication."""

from __future__ import annotations

import csv
import html
import json
import re
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest

from factories.observatories.memory_index import BEGAN, COUNTRY, FEW, TODAY, WITHDRAWN, one_country
from talkpath.observatory.events.record import Event
from talkpath.observatory.web.site import PageQuery, Site, page_of_rows
from talkpath.observatory.web.views.event import event_page
from talkpath.observatory.web.views.quotable import may_write
from talkpath.report.words.language import language_codes

ROOT = Path(__file__).resolve().parents[3]

ENDED = "XX/AS64497/signal/voice/2025-08-18/ended"
PATHS = [
    "now",
    "now/XX?medium=video",
    "now/XX?to=2025-08-12",
    "map?app=telegram",
    "search?q=as64496",
    "network/XX/AS64496",
    "events",
    "events/XX?group=network&kind=began",
    f"event/{BEGAN}",
    f"event/{WITHDRAWN}",
    f"event/{COUNTRY}",
    "transports",
    "claims",
    "claims?outcome=contradicted",
    "claims/S10",
    "claims/S02",
    "picture/country/XX/voice/whatsapp",
    "picture/network/XX/AS64496/voice/telegram",
    "picture/strip/XX/voice/whatsapp",
    "picture/map/voice/whatsapp",
    "article",
    "data",
    "method",
    "risks",
]


def get(address: str, **headers: str) -> tuple[int, str, Message]:
    try:
        with urlopen(Request(address, headers=headers)) as answer:
            return answer.status, answer.read().decode("utf-8-sig"), answer.headers
    except HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers


def read(served: str, path: str) -> dict:
    """The JSON twin of an English page."""
    path, _, query = path.partition("?")
    status, text, _ = get(f"{served}/en/{path}.json?{query}")
    assert status == 200, text
    return json.loads(text)


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Do not follow."""


def location(address: str, **headers: str) -> str:
    with pytest.raises(HTTPError) as found:
        build_opener(Stay).open(Request(address, headers=headers))
    with found.value as answer:
        assert answer.code == 302
        return str(answer.headers["Location"])


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("path", PATHS)
def test_a_page_and_its_twin(served: str, code: str, path: str):
    status, text, headers = get(f"{served}/{code}/{path}")
    assert status == 200
    assert f'<html lang="{code}" dir="{"rtl" if code in ("fa", "ar") else "ltr"}">' in text
    assert not re.search(r"\bNone\b|\{\w+\}|Undefined", text)
    assert "<script" not in text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    twin = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', text)
    assert twin
    status, text, _ = get(served + html.unescape(twin[1]))
    assert status == 200
    assert json.loads(text)["schema"].startswith("talkpath.page.")


@pytest.mark.parametrize("path", PATHS)
def test_everything_of_a_simulated_one_says_so(served: str, path: str):
    assert "SIMULATED" in get(f"{served}/en/{path}")[1].split("<main")[0]
    assert read(served, path)["simulated"] is True


@pytest.mark.parametrize("path", [path for path in PATHS if path != "article"])
def test_nothing_else_does(served: str, path: str):
    status, text, _ = get(f"{served}/real/en/{path}")
    assert status == 200
    assert "SIMULATED" not in text


def test_a_real_one_has_no_article(served: str):
    status, text, _ = get(f"{served}/real/en/article")
    assert status == 404
    assert "no such page" in text
    assert "/article" not in get(f"{served}/real/en/now")[1]


@pytest.mark.parametrize("path", ["now", "events", "claims", "data", "method", "risks"])
def test_one_with_nothing_in_it_has_pages(served: str, path: str):
    assert get(f"{served}/new/en/{path}")[0] == 200


@pytest.mark.parametrize(
    "path",
    ["nothing", "now/QQ", "now/XX?medium=smoke", "network/XX/AS1", "event/XX/none", "claims/Z9", "claims?outcome=maybe",
     f"event/{BEGAN.replace('AS64496', FEW)}"],
)  # fmt: skip
def test_what_is_not_there_is_not_there(served: str, path: str):
    status, text, _ = get(f"{served}/ru/{path}")
    assert status == 404
    assert '<html lang="ru"' in text
    bare, _, query = path.partition("?")
    status, text, _ = get(f"{served}/ru/{bare}.json?{query}")
    assert status == 404
    assert json.loads(text)["code"] == "not_found"


@pytest.mark.parametrize("code", language_codes())
def test_an_index_that_does_not_answer_is_told_plainly(served: str, code: str):
    status, text, headers = get(f"{served}/down/{code}/now")
    assert (status, headers["Retry-After"], headers["Cache-Control"]) == (503, "60", "no-store")
    assert f'<html lang="{code}"' in text
    status, text, _ = get(f"{served}/down/{code}/now.json")
    assert (status, json.loads(text)["code"], json.loads(text)["error"]) == (503, "not_now", "A shard is lost.")


@pytest.mark.parametrize(
    ("accepted", "code"),
    [("fa-IR,fa;q=0.9,en;q=0.5", "fa"), ("de,ar;q=0.4", "ar"), ("de", "en"), ("", "en"), ("en;q=0.2,ru", "ru"),
     ("ru;q=0,ar;q=x,en", "en")],
)  # fmt: skip
def test_an_address_without_a_language_leads_to_the_readers(served: str, accepted: str, code: str):
    headers = {"Accept-Language": accepted}
    assert location(f"{served}/event/{BEGAN}", **headers) == f"/{code}/event/{BEGAN}"
    assert location(f"{served}/", **headers) == f"/{code}/now"
    assert location(f"{served}/real/claims?outcome=silent", **headers) == f"/real/{code}/claims?outcome=silent"


def test_the_permalink_of_an_event_is_without_a_language_and_leads_back(served: str):
    _, text, _ = get(f"{served}/fa/event/{BEGAN}")
    assert f"{served}/event/{BEGAN}" in text
    status, text, _ = get(f"{served}/event/{BEGAN}", **{"Accept-Language": "fa"})
    assert (status, '<html lang="fa"' in text) == (200, True)


# -- the rule of publication ---------------------------------------------------------------------------------------


def test_fewer_than_five_people_are_nowhere(served: str):
    rows = {row["network"]: row["cells"] for row in read(served, "now")["networks"]}
    assert {cell["withheld"] for cell in rows[FEW].values()} == {"small"}
    assert {cell["state"] for cell in rows[FEW].values()} == {""}
    assert FEW not in {event["network"] for event in read(served, "events")["events"]}
    page = read(served, f"network/XX/{FEW}")
    assert page["events"] == []
    assert {day["withheld"] for stream in page["streams"] for day in stream["days"]} == {"small"}
    assert all(stream["carries"] == [] for stream in page["streams"])


def test_under_an_order_what_works_is_shown_by_country_and_later_by_network(served: str):
    streams = {(each["app"], each["medium"]): each for each in read(served, "network/XX/AS64496")["streams"]}
    telegram, free = streams["telegram", "text"], streams["max", "voice"]
    assert telegram["now"]["day"] == telegram["days"][-1]["day"] == "2025-08-10"
    assert (free["now"]["state"], free["now"]["day"]) == ("ok", TODAY)
    assert [one["transport"] for one in free["carries"]] == ["tls/443"]
    assert (streams["telegram", "voice"]["carries"], streams["telegram", "voice"]["carries_shown_on"]) == (
        [], "2025-09-19")  # fmt: skip
    (row,) = [row for row in read(served, "now/XX?medium=text")["apps"] if row["app"] == "telegram"]
    assert (row["hit"], row["measured"]) == (0, 4)


def test_what_waits_looks_like_what_nobody_measured(served: str):
    """Else everything but `restricted` could be told from what is not shown."""
    row = next(row for row in read(served, "now/XX?medium=text")["networks"] if row["network"] == "AS64496")
    assert row["cells"] == {}
    text = get(f"{served}/en/now/XX?medium=text")[1]
    assert "nothing to show, or not yet" in text
    assert "delay" not in text


def test_the_end_on_one_network_waits_while_another_is_still_held_back(served: str):
    """Signal's ends are shown: it was given up everywhere. Of Telegram nothing ended."""
    ended = [event["id"] for event in read(served, "events")["events"] if event["kind"] == "ended"]
    assert ENDED in ended
    assert {name.split("/")[2] for name in ended} == {"signal"}


# -- events --------------------------------------------------------------------------------------------------------


def test_an_event_tells_what_became_of_it(served: str):
    page = read(served, f"event/{BEGAN}")
    assert [event["kind"] for event in page["history"]] == ["began", "changed"]
    assert page["current"] is True
    assert page["networks_too"] == 8, "other networks"
    assert "Telegram" in page["may_write"][1]
    text = get(f"{served}/en/event/{BEGAN}")[1]
    for told in ("80\u00a0% say restricted (70\u00a0% to 90\u00a0%)", "checks by program, taps", "beside 31 taps",
                 "40 reports", "confirmed: <bdi>2025-08-14</bdi>", "1 bundle of evidence"):  # fmt: skip
        assert told in text, told


@pytest.mark.parametrize(("today", "carries"), [("2025-09-09", ()), ("2025-09-10", ("tls/443",))])
def test_what_still_carries_waits_on_the_page_of_an_event_too(served: str, today: str, carries: tuple[str, ...]):
    """Thirty days after the day that it was seen on."""
    assert "carried calls at least once" not in get(f"{served}/en/event/{BEGAN}")[1]
    source = one_country()
    page = event_page(source, Site(today=lambda: today), PageQuery({"id": BEGAN}))
    assert page
    assert page.event.carries == carries


def test_the_letter_of_an_event_leads_to_pages_that_exist_and_says_who_has_the_evidence(served: str):
    """What is not published is said not to be, and the address that it names is one."""
    letter, event = (html.unescape(get(f"{served}/en/{kind}/{BEGAN}")[1]) for kind in ("letter", "event"))
    (named,) = re.findall(r"a signed file a day: \W*(http\S+/data)", letter)
    assert get(f"{served}/data")[0] == get(f"{served}/en/data")[0] == 200, named
    assert "from the facts alone (talkpath judge, talkpath observe)" not in letter
    for text in (letter, event):
        assert "not published" in text
    (digest,) = read(served, f"event/{BEGAN}")["event"]["bundles"]
    assert f'/en/report/{digest}"' in event
    assert "SHA-256 of 1 such file" in letter


def test_days_that_say_otherwise_within_the_interval_of_a_beginning_are_told():
    event = Event(
        id=BEGAN, network="AS64496", country="XX", app="telegram", medium="voice", kind="began", count=17,
        onset_low="2025-08-12", onset_high="2026-02-11", level="confirmed", contributors=2, rule="media.drop",
        rules={"media.drop": 9, "stun.drop": 8},
    )  # fmt: skip
    between = " ".join(may_write(event, "2026-03-01", current=True, well="2026-02-02"))
    assert "Reports of 2026-02-02 still say that nothing was restricted" in between
    assert "9 of 17 are consistent with this" in between
    assert "still say" not in " ".join(may_write(event, "2026-03-01", current=True, well="2025-08-12"))


def test_a_mistake_is_withdrawn_and_says_so(served: str):
    withdrawn = read(served, f"event/{WITHDRAWN}")
    assert [event["kind"] for event in withdrawn["history"]] == ["began", "withdrawn", "ended"]
    assert withdrawn["current"] is False
    assert len(withdrawn["may_write"]) == 2
    assert "withdrew this event" in withdrawn["may_write"][1]
    assert "the far end&#39;s clock was wrong" in get(f"{served}/en/event/{WITHDRAWN}")[1]


@pytest.mark.parametrize("code", ["ru", "fa", "ar"])
def test_what_may_be_written_is_in_the_language_of_the_page(served: str, code: str):
    english = read(served, f"event/{BEGAN}")
    told = json.loads(get(f"{served}/{code}/event/{BEGAN}.json")[1])
    for name in ("may_write", "must_not"):
        assert len(told[name]) == len(english[name])
        assert not set(told[name]) & set(english[name])
        assert all(sentence in html.unescape(get(f"{served}/{code}/event/{BEGAN}")[1]) for sentence in told[name])


def test_the_event_of_a_country_counts_networks_and_names_none_with_few_people(served: str):
    page = read(served, f"event/{COUNTRY}")
    assert page["networks_too"] == 9
    assert len(page["event"]["networks"]) == 8
    assert FEW not in page["event"]["networks"]
    assert all(FEW not in told["networks"] for told in page["history"])
    assert page["event"]["hit"] == 9
    assert "9 networks: <bdi>" in get(f"{served}/en/event/{COUNTRY}")[1]
    assert "on 9 of 12 networks measured" in page["may_write"][1]
    assert any("Everywhere in the country" in sentence for sentence in page["must_not"])
    assert f"/event/{COUNTRY}" in get(f"{served}/ar/events")[1]
    apart = ", ".join(f"<bdi>{network}</bdi>" for network in page["event"]["networks"])
    assert apart in get(f"{served}/en/event/{COUNTRY}")[1], "a line breaks between networks, on a phone too"


def test_a_claim_has_both_sides_and_its_numbers(served: str):
    page = read(served, "claims/S10")
    assert page["told"]["outcome"] == "contradicted"
    assert {part["medium"] for part in page["entry"]["own"]["parts"]} == {"voice", "video", "text"}
    assert [told["id"] for told in page["against"]] == ["S11"]
    text = get(f"{served}/real/en/claims/S10")[1]
    assert text.index("What was measured here") < text.index("What others who measured published")


def test_a_list_of_claims_says_which_part_of_one_was_measured(served: str):
    listed = "claims?outcome=" + read(served, "claims/S01")["told"]["outcome"]
    row = next(told for told in read(served, listed)["claims"] if told["id"] == "S01")
    assert row["note"].startswith("Who restricts them is not measured")
    assert row["note"] in get(f"{served}/en/{listed}")[1]


def test_the_method_tells_how_often_it_erred_as_the_page_of_error_rates_does(served: str):
    counted = read(served, "method")["counted"]
    page = (ROOT / "docs" / "error-rates.md").read_text(encoding="utf-8")
    assert f"code `{counted['code']}`: {counted['checks']} checks" in page
    assert f"| {counted['false']} (at most {counted['false_at_most']:.5f}) | {counted['untouched']} arms |" in page
    assert f"{counted['untouched']:,}".replace(",", "\u00a0") in get(f"{served}/en/method")[1]


# -- many --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "page"), [("", 1), ("2", 2), ("99", 3), ("0", 1), ("-1", 1), ("x", 1), ("٢", 1)])
def test_many_rows_are_told_on_pages(asked: str, page: int):
    rows, number, pages = page_of_rows(list(range(25)), PageQuery({"page": asked}), 10)
    assert (number, pages) == (page, 3)
    assert rows == tuple(range(25))[(page - 1) * 10 : page * 10]


def test_many_events_have_pages_that_lead_to_each_other(served: str):
    first = read(served, "events")
    assert (first["page"], first["pages"]) == (1, 1)
    assert "Next page" not in get(f"{served}/en/events")[1]
    text = get(f"{served}/crowd/en/events/XX?group=none&page=2")[1]
    assert re.findall(r'href="/crowd/en/events/XX\?group=none&amp;page=(\d)" rel', text) == ["1", "3"]
    text = get(f"{served}/crowd/en/now/XX?medium=voice&page=2")[1]
    assert re.findall(r'href="/crowd/en/now/XX\?medium=voice&amp;page=(\d)" rel', text) == ["1", "3"]


def test_now_begins_with_a_sentence_of_what_goes_on(served: str):
    text = plain(get(f"{served}/en/now/XX?medium=voice")[1])
    assert "WhatsApp, voice: signs of restriction on 11 of 12 networks measured, first seen on 2025-08-11." in text
    assert "first seen on 2025-08-11. Confirmed: 11 of them." in text
    text = plain(get(f"{served}/en/now/XX?medium=text")[1])
    assert "No signs of restriction were found on the networks measured." in text


def plain(page: str) -> str:
    """The page's words, with one blank between any two."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).replace("\u2068", "").replace("\u2069", "").split())


@pytest.mark.parametrize("path", ["now/XX", "events", "claims", f"event/{BEGAN}", "transports/XX"])
def test_every_row_card_and_picture_of_a_simulated_one_says_so(served: str, path: str):
    page = get(f"{served}/en/{path}")[1]
    body = page.split("<main")[1].split('id="words"')[0]  # below it words are explained, and nothing is told
    rows = [row for row in re.findall(r"<tr>.*?</tr>", body, re.S) if 'class="state' in row or 'class="kind' in row]
    assert all("SIMULATED" in row for row in rows)
    for picture in re.findall(r"<svg.*?</svg>", body, re.S):
        assert ">SIMULATED</text>" in picture
    assert "SIMULATED" not in get(f"{served}/real/en/{path}")[1]


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("now/XX", ["country", "day", "app", "medium", "networks_measured", "networks_restricted", "simulated"]),
        ("network/XX/AS64496", ["country", "network", "day", "app"]),
        ("events", ["id", "kind", "level"]),
        ("transports/XX", ["app", "medium", "transport", "carried", "tried", "last_day", "simulated"]),
    ],
)
def test_numbers_as_csv(served: str, path: str, columns: list[str]):
    status, text, headers = get(f"{served}/en/{path}.csv")
    assert (status, headers.get_content_type()) == (200, "text/csv")
    rows = list(csv.reader(text.splitlines()))
    assert rows[0][: len(columns)] == columns
    assert len(rows) > 3
    assert {row[-1] for row in rows[1:]} == {"true"}
    assert f"{path}.csv" in get(f"{served}/en/{path}")[1]


def test_a_page_without_numbers_has_no_csv(served: str):
    assert get(f"{served}/en/method.csv")[0] == 404
    assert get(f"{served}/xx/now.csv")[0] == 404


def test_csv_holds_nothing_that_its_page_withholds(served: str):
    rows = list(csv.reader(get(f"{served}/en/network/XX/{FEW}.csv")[1].splitlines()))
    assert {row[8] for row in rows[1:]} == {"small"}
    assert {tuple(row[5:8]) for row in rows[1:]} == {("", "", "")}


def test_transports_of_a_country_are_the_sums_of_its_networks(served: str):
    found = {(row["app"], row["transport"]): row for row in read(served, "transports/XX")["rows"]}
    assert (found["telegram", "tls/443"]["carried"], found["telegram", "tls/443"]["tried"]) == (6, 6)
    assert found["telegram", "udp/3478"]["carried"] == 0
    assert get(f"{served}/en/transports/QQ")[0] == 404
