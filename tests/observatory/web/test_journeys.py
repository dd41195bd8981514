"""What people come for, from the first page to the thing in hand: a sentence, a network, a file, an answer, a picture.

Each journey follows the addresses that pages give, as a reader or a program does, and needs no browser.
"""

from __future__ import annotations

import csv
import html
import json
import re
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from factories.observatories.memory_index import FEW
from talkpath.report.words.language import language_codes


def get(address: str) -> str:
    with urlopen(address) as answer:
        return answer.read().decode("utf-8-sig")


def link(served: str, page: str, pattern: str) -> str:
    """The first address on a page that looks like this."""
    found = re.search(rf'href="({pattern})"', page)
    assert found, pattern
    return served + html.unescape(found[1])


def plain(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).replace("\u2068", "").replace("\u2069", "").split())


def test_quote_a_sentence(served: str):
    """From the headline to the sentence that may be written, which names the operator and says SIMULATED."""
    page = get(f"{served}/real/en/now")
    assert "signs of restriction on 11 of 12 networks measured" in plain(page)
    event = get(link(served, page, r"/real/en/event/[^\"]+"))
    may = plain(event.split('id="may"')[1].split("</ul>")[0])
    assert re.search(r"On AS64496 \(Northline\), what looks like \w+ \(voice\)", may)
    assert "made-up country" not in may
    (shown,) = re.findall(r'<meta name="description" content="([^"]+)">', event)
    assert f"You may write {html.unescape(shown)}" in may, "a preview shows the first of them"
    made_up = get(f"{served}/en/event/" + re.findall(r'/en/event/([^"]+)"', get(f"{served}/en/now"))[0])
    assert "In a made-up country inside a computer" in made_up.split('id="may"')[1].split("</ul>")[0]


@pytest.mark.parametrize("asked", ["Northline", "northl", "64496", "AS64496", "as64496"])
def test_find_a_network_by_its_number_or_its_operators_name(served: str, asked: str):
    form = get(f"{served}/en/now").split('<form class="ask" role="search"')[1]
    action = served + re.findall(r'action="([^"]+)"', form)[0]
    page = get(f"{action}?q={quote(asked)}")
    network = get(link(served, page, r"/en/network/XX/AS64496"))
    assert "Northline" in plain(network)
    assert "nothing was found" not in page.lower()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/world/en/search?q=iran", "/world/en/now/IR"),
        ("/world/ru/search?q=Герма", "/world/ru/now/DE"),
        ("/en/search?q=telegr", "/en/events?app=telegram"),
        ("/en/search?q=whatsapp calls", "/en/events?app=whatsapp"),
        ("/ru/search?q=звонки WhatsApp", "/ru/events?app=whatsapp"),
        ("/real/en/search?q=Downdetector", "/real/en/claims/C04"),
    ],
)
def test_find_a_country_an_app_or_a_claim(served: str, path: str, expected: str):
    assert f'href="{expected}"' in get(served + quote(path, safe="/?=&%"))


def test_a_search_for_nothing_says_how_one_searches(served: str):
    assert "Nothing was found" in get(f"{served}/en/search?q=zzzz")
    assert "no data about who operates them is installed" in get(f"{served}/world/en/search?q=zzzz")
    assert "no data about who operates them" not in get(f"{served}/en/search?q=zzzz")
    assert json.loads(get(f"{served}/en/search.json?q=A"))["networks"] == []


def test_download_the_rows_that_one_chose(served: str):
    """The file has all rows of the choice, whatever page one is on, and names the operator in each."""
    page = get(f"{served}/en/events/XX?app=telegram&group=none&from=2025-08-12")
    address = link(served, page, r"/en/events/XX\.csv\?[^\"]+")
    head, *rows = csv.reader(get(address).splitlines())
    assert {row[head.index("app")] for row in rows} == {"telegram"}
    assert min(row[head.index("onset_high")] for row in rows) >= "2025-08-12"
    assert len(rows) == json.loads(get(address.replace(".csv", ".json")))["found"]
    assert {(row[head.index("network")], row[head.index("operator")]) for row in rows} >= {("AS64496", "Northline")}
    assert {row[-1] for row in rows} == {"true"}
    assert len(list(csv.reader(get(f"{served}/crowd/en/events/XX.csv?group=none").splitlines()))) == 1 + 240


def test_fetch_transports_by_the_api(served: str):
    """A messenger's engineer: the addresses are in the document, the country's answer comes at once."""
    found = json.loads(get(f"{served}/en/transports/XX.json"))
    assert {(row["app"], row["transport"]): row["carried"] for row in found["rows"]}["telegram", "tls/443"] == 6
    assert found["simulated"] is True


@pytest.mark.parametrize("code", language_codes())
def test_embed_a_chart(served: str, code: str):
    """Only a picture by itself may be framed; it says where it is from, and what it is made of."""
    with urlopen(f"{served}/{code}/now/XX") as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        page = answer.read().decode()
    address = link(served, page, rf"/{code}/picture/country/XX/voice/[a-z]+")
    with urlopen(address) as answer:
        assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors *")
        picture = answer.read().decode()
    assert html.escape(f'<iframe src="{address}"', quote=False) in picture
    assert "<svg" in picture
    assert "<table" in picture
    with urlopen(f"{address}.png") as answer:
        assert (answer.headers.get_content_type(), answer.read(8)) == ("image/png", b"\x89PNG\r\n\x1a\n")


def test_events_are_grouped_where_the_same_happened_on_many_networks(served: str):
    groups = json.loads(get(f"{served}/crowd/en/events/XX.json"))["groups"]
    assert [len(group["networks"]) for group in groups] == [120, 120]
    by_network = json.loads(get(f"{served}/crowd/en/events/XX.json?group=network"))
    assert (by_network["pages"], len(by_network["groups"][0]["events"])) == (15, 2)
    one = json.loads(get(f"{served}/en/events/XX.json?network=northl"))
    assert {event["network"] for event in one["events"]} == {"AS64496"}


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=0001-01-02", "from=9999-12-31", "group=colour", "kind=grew", "level=sure", "medium=smoke"],
)
def test_what_cannot_be_chosen_is_no_page(served: str, query: str):
    with pytest.raises(HTTPError) as found:
        urlopen(f"{served}/en/events/XX?{query}")
    found.value.close()
    assert found.value.code == 404


def test_days_in_the_address_show_how_things_stood(served: str):
    early = json.loads(get(f"{served}/en/now/XX.json?to=2025-08-09"))
    assert {row["app"]: row["hit"] for row in early["apps"]}["telegram"] == 0
    assert early["strip"]["days"][-1] == "2025-08-09"
    assert early["reach"] == [], "people touched are those of all days: it read 0 networks and millions of people"
    assert json.loads(get(f"{served}/en/now/XX.json"))["reach"]
    assert "over all days together" in get(f"{served}/en/now/XX")
    part = json.loads(get(f"{served}/en/network/XX/AS64496.json?from=2025-08-12&to=2025-08-14"))
    assert {day["day"] for stream in part["streams"] for day in stream["days"]} == {
        f"2025-08-{day}" for day in (12, 13, 14)
    }


def test_a_map_shows_countries_and_withholds_few_people(served: str):
    found = json.loads(get(f"{served}/world/en/map.json?app=whatsapp"))
    assert {(one["country"], one["hit"], one["measured"]) for one in found["countries"]} == {
        ("IR", 12, 12),
        ("DE", 0, 5),
    }
    assert found["withheld"] == ["AE"]
    page = get(f"{served}/world/en/map?app=whatsapp")
    assert '<a href="/world/en/now/IR"' in page.split("<svg")[1]
    assert "Iran" in page.split("<table")[1]
    assert ">SIMULATED</text>" not in page
    assert ">SIMULATED</text>" in get(f"{served}/en/picture/map/voice/whatsapp")


def test_a_made_up_country_judges_nobody_who_is_real(served: str):
    """Its speakers are made up; the article's sentences are played, and say so in each row."""
    page = get(f"{served}/en/claims")
    told = json.loads(get(f"{served}/en/claims.json"))["claims"]
    assert "Roskomnadzor" not in page
    assert all(one["played"] for one in told if one["id"].startswith("S"))
    spoken = [one for one in told if not one["played"]]
    assert {one["who"] for one in spoken} <= {"the regulator of the made-up country"}
    rows = re.findall(r"<tr>.*?</tr>", page.split("<tbody>")[1], re.DOTALL)
    assert all("SIMULATED" in row for row in rows)
    with pytest.raises(HTTPError) as found:
        urlopen(f"{served}/en/claims/C01")
    found.value.close()
    assert "Roskomnadzor" in get(f"{served}/real/en/claims.csv")


def test_what_is_withheld_is_in_no_file_either(served: str):
    with pytest.raises(HTTPError) as found:
        urlopen(f"{served}/en/events/XX.csv?network={FEW}&group=colour")
    found.value.close()
    rows = list(csv.reader(get(f"{served}/en/events/XX.csv?network={FEW}").splitlines()))
    assert len(rows) == 1
    drawn = json.loads(get(f"{served}/en/picture/strip/XX/voice/whatsapp.json"))["strip"]["rows"]
    assert {state for row in drawn if row["network"] == FEW for state in row["states"].values()} == {"small"}
