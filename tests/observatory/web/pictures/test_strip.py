"""Networks by days: what is drawn, and what waits or is of too few people."""

from __future__ import annotations

from talkpath.observatory.index.queries import NetworkDayCount
from talkpath.observatory.publication import Order, Publication, PublicationView
from talkpath.observatory.web.pictures.strip import LONGEST_NAME, STRIP_DAYS, app_strip, strip_picture

LABELS = {"restricted": "Restricted", "ok": "No sign", "closed": "Closed", "impaired": "Poor"}
NAMES = {"AS1": "AS1 (Northline)", "AS2": "AS2"}
OPEN = PublicationView.of(Publication(min_contributors=5), "2025-08-30", [])


def count(network: str, day: int, people: int = 7, **said: int) -> NetworkDayCount:
    return NetworkDayCount(
        country="XX", network=network, app="max", medium="voice", day=f"2025-08-{day:02}", contributors=people, **said
    )


def test_rows_are_in_the_order_of_the_page_and_days_end_with_the_last_one_measured():
    found = app_strip(
        OPEN, "max", [count("AS1", 28, ok=6), count("AS2", 29, restricted=6)], {"AS2": "", "AS1": "", "AS3": ""}
    )
    assert found is not None
    assert [row.network for row in found.rows] == ["AS2", "AS1"]
    assert (len(found.days), found.days[-1]) == (STRIP_DAYS, "2025-08-29")
    assert found.rows[0].states == {"2025-08-29": "restricted"}
    assert (found.rows[0].hit, found.rows[1].hit) == (1, 0)


def test_older_days_and_no_days_at_all_are_left_out():
    assert app_strip(OPEN, "max", [], {"AS1": ""}) is None
    found = app_strip(OPEN, "max", [count("AS1", 1, ok=6), count("AS1", 30, ok=6)], {"AS1": ""})
    assert found is not None
    assert list(found.rows[0].states) == ["2025-08-30"]


def test_what_is_withheld_on_other_pages_is_withheld_here():
    under_order = PublicationView(Publication(), "2025-08-30", [Order("XX", "max", "2025-08-01")], set())
    days = [count("AS1", 28, ok=6), count("AS1", 29, restricted=6), count("AS2", 29, people=2, restricted=2)]
    found = app_strip(under_order, "max", days, {"AS1": "", "AS2": ""})
    assert found is not None
    assert found.rows[0].states == {"2025-08-29": "restricted"}, "that calls get through waits for its day"
    assert found.rows[1].states == {"2025-08-29": "small"}


def test_a_state_is_told_by_height_and_in_words_and_a_simulation_by_a_mark():
    days = [count("AS1", 27, ok=6), count("AS1", 28, restricted=6), count("AS2", 28, people=1, ok=1)]
    found = app_strip(OPEN, "max", days, {"AS1": "", "AS2": ""})
    assert found is not None
    drawn = strip_picture(found, "Max", LABELS, NAMES, "SIMULATED")
    bars = {each.get("class"): each for each in drawn if "bar" in (each.get("class") or "")}
    assert {name: bar[0].text for name, bar in bars.items()} == {
        "bar ok": "AS1 (Northline), 2025-08-27: No sign",
        "bar restricted": "AS1 (Northline), 2025-08-28: Restricted",
    }
    assert len({(bar.get("d") or "").split("v")[1] for bar in bars.values()}) == 2, "heights differ"
    assert sum(each.tag == "circle" for each in drawn) == 1
    assert "SIMULATED" in [each.text for each in drawn]
    assert "SIMULATED" not in [each.text for each in strip_picture(found, "Max", LABELS, NAMES)]


def test_who_operates_a_network_is_told_with_each_day_and_beside_the_row_where_there_is_room():
    found = app_strip(OPEN, "max", [count("AS1", 28, ok=6), count("AS2", 28, ok=6)], {"AS1": "Northline", "AS2": ""})
    assert found is not None
    narrow, wide = (strip_picture(found, "Max", LABELS, NAMES, wide=wide) for wide in (False, True))
    for drawn, beside in ((narrow, {"AS1", "AS2"}), (wide, {"AS1 (Northline)", "AS2"})):
        assert {each.text for each in drawn if each.get("text-anchor") == "end"} == beside
        told = {each.findtext("title") for each in drawn if "bar" in (each.get("class") or "")}
        assert told == {"AS1 (Northline), 2025-08-28: No sign", "AS2, 2025-08-28: No sign"}
    long = strip_picture(found, "Max", LABELS, {**NAMES, "AS1": f"AS1 ({'x' * 40})"}, wide=True)
    assert max(len(each.text or "") for each in long if each.get("text-anchor") == "end") == LONGEST_NAME
