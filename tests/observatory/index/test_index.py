"""What the index answers is what a few lines of Python count from the same records, whatever came how often, when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median_low
from typing import Any

import pytest
from msgspec.structs import replace

from factories.checks.dated_bundles import write_dated_bundles as fill_with_bundles
from factories.observatories.index_records import drawn_records, judged_report, logged_verdict, tap_record
from talkpath.errors import UsageError
from talkpath.observatory.findings.detector_input import counts_of_index
from talkpath.observatory.importers.files import import_folder
from talkpath.observatory.index import queries
from talkpath.observatory.index.fill import Loader, fill_index
from talkpath.observatory.index.store import Store, parse_dsn
from talkpath.observatory.log.records import Judged, LoggedTransports, LoggedVerdict, Record, Tap, Unfit, Withdrawn
from talkpath.observatory.server import opened_log

Cell = tuple[str, str, str, str, str, str, str]


def counted(records: Iterable[Record]) -> dict[Cell, dict[str, object]]:
    """An independent count of `day_count`: by hand, from records without repetition."""
    cells: dict[Cell, list[tuple[str, float | None, Judged | Tap]]] = defaultdict(list)
    for record in records:
        if isinstance(record, Judged):
            for one in record.said:
                p = one.parameters["p"][0] if "p" in one.parameters else None
                key = (record.measured, record.country, record.network, one.app, one.medium, "probe", one.basis)
                cells[key].append((one.state, p, record))  # type: ignore[arg-type]
        elif isinstance(record, Tap):
            key = (record.day, record.country, record.network, record.app, record.medium, "tap", "tap")
            cells[key].append(("failed", None, record))
    return {key: _cell(found) for key, found in cells.items()}


def _cell(found: list[tuple[str, float | None, Judged | Tap]]) -> dict[str, object]:
    states = Counter(state for state, _, _ in found)
    people: dict[int, set[int]] = defaultdict(set)
    for _, _, record in found:
        people[record.contributor_key].add(record.contributor)
    ps = [p for _, p, _ in found if p is not None]
    accusing = [record for state, _, record in found if state == "restricted" and isinstance(record, Judged)]
    return {
        "reports": len(found),
        "restricted": states["restricted"],
        "ok": states["ok"],
        "undecided": states["insufficient"],
        "failed": states["failed"],
        "contributors": max(len(group) for group in people.values()),
        "responders_restricted": dict(Counter(record.responder for record in accusing)),
        "p": median_low(ps) if len(ps) % 2 else None,
    }


def differences(store: Store, records: Iterable[Record]) -> list[tuple[Cell, str, object, object]]:
    """Where the index and the count by hand disagree."""
    wanted = counted(records)
    found = {(c.day, c.country, c.network, c.app, c.medium, c.source, c.basis): c for c in queries.day_counts(store)}
    assert found.keys() == wanted.keys()
    return [
        (key, field, getattr(found[key], field), value)
        for key, fields in wanted.items()
        for field, value in fields.items()
        if value is not None and getattr(found[key], field) != pytest.approx(value, rel=1e-6)
    ]


def test_counts_are_those_of_the_records(store: Store):
    records = drawn_records(600, seed=1)
    fill_index(store, enumerate(records, 1))
    assert differences(store, records) == []


@pytest.mark.long
def test_whatever_comes_twice_counts_once(store: Store):
    records = drawn_records(120, seed=2)
    for _ in range(2):
        fill_index(store, enumerate(records, 1))
    fill_index(store, list(enumerate(records, 1))[60:])
    assert differences(store, records) == []


@pytest.mark.long
def test_late_reports_change_their_day(store: Store):
    records = drawn_records(200, seed=3)
    for begin in range(0, 200, 50):
        fill_index(store, list(enumerate(records, 1))[begin : begin + 50])
    assert differences(store, records) == []


@pytest.mark.long
def test_what_is_withdrawn_is_in_no_answer(store: Store):
    keep, gone = (
        judged_report(logged_verdict("signal", "voice", "ok"), who=1),
        judged_report(
            logged_verdict("signal", "voice", "restricted"),
            who=2,
            carried=(LoggedTransports("signal", "voice", ("udp/443",)),),
        ),
    )
    fill_index(store, enumerate([keep, gone, Withdrawn(gone.id, gone.day, gone.measured)], 1))
    assert [count.restricted for count in queries.day_counts(store)] == [0]
    assert store.query("SELECT report FROM report FINAL WHERE NOT withdrawn") == [(keep.id,)]
    assert queries.transport_shares(store) == []
    assert [count.reports for count in queries.day_counts(store)] == [1]


@pytest.mark.long
def test_a_network_that_was_withdrawn_as_a_whole_is_gone(store: Store):
    only = judged_report(logged_verdict("signal", "voice", "restricted"))
    fill_index(store, enumerate([only, Withdrawn(only.id, only.day, only.measured)], 1))
    assert queries.day_counts(store) == queries.country_days(store) == queries.latest_days(store) == []
    assert queries.networks(store) == []


@pytest.mark.long
def test_judged_again_takes_the_place_of_what_was_said_before(store: Store):
    before = judged_report(logged_verdict("signal", "voice", "restricted"), logged_verdict("signal", "video", "ok"))
    after = judged_report(logged_verdict("signal", "voice", "ok"), again=True)
    fill_index(store, enumerate([before, after], 1))
    assert [(count.medium, count.ok, count.restricted) for count in queries.day_counts(store)] == [("voice", 1, 0)]


@pytest.mark.long
def test_many_that_are_judged_again_together_with_what_comes_after_them(store: Store):
    """What is taken out, and what takes its place, goes into the index in one batch; a later verdict stands."""
    before = [
        judged_report(logged_verdict("signal", "voice", "restricted"), logged_verdict("max", "voice", "ok"), who=who)
        for who in range(1, 7)
    ]
    after = [replace(one, said=(logged_verdict("signal", "voice", "ok"),), again=True) for one in before]
    moved = replace(after[0], network="AS64498", country="XY")
    gone = Unfit(before[1].id, before[1].day, "2", "no evidence", before[1].measured, again=True)
    fill_index(store, enumerate(before, 1))
    fill_index(store, enumerate([*after, moved, gone], 7))
    found = [(one.network, one.app, one.ok, one.restricted) for one in queries.day_counts(store)]
    assert sorted(found) == [("AS64496", "signal", 4, 0), ("AS64498", "signal", 1, 0)]


@pytest.mark.long
def test_a_recording_tells_the_detector_what_it_is_consistent_with_and_nobody_else(store: Store):
    bad = LoggedVerdict("signal", "voice", "insufficient", "call", "media.freeze")
    fill_index(
        store,
        enumerate(
            [
                judged_report(one, who=who, source="capture")
                for who, one in enumerate([bad, bad, LoggedVerdict("signal", "voice", "ok", "call")], 1)
            ],
            1,
        ),
    )
    (day,) = queries.day_counts(store)
    assert (day.restricted, day.ok, day.undecided, day.consistent, day.rules) == (0, 1, 2, 2, {"media.freeze": 2})
    (heard,) = counts_of_index([day])
    assert (heard.source, heard.reports, heard.restricted) == ("capture", 3, 2)
    assert [(one.restricted, one.ok) for one in queries.latest_days(store)] == [(0, 1)]


@pytest.mark.long
def test_people_of_two_day_keys_are_not_added_up(store: Store):
    records = [
        judged_report(logged_verdict("max", "voice", "ok"), who=who, key=key)
        for who, key in [(1, 1), (2, 1), (3, 1), (4, 2)]
    ]
    fill_index(store, enumerate(records, 1))
    assert [count.contributors for count in queries.day_counts(store)] == [3]


@pytest.mark.long
def test_a_country_is_counted_over_its_networks(store: Store):
    drawn = [("AS64496", 1, "ok"), ("AS64497", 1, "restricted"), ("AS64497", 2, "ok")]
    records = [
        judged_report(logged_verdict("max", "voice", state), network=network, who=who) for network, who, state in drawn
    ]
    fill_index(store, enumerate(records, 1))
    (day,) = queries.country_days(store, country="XX")
    assert (day.measured, day.hit, day.contributors) == (2, 1, 2)


@pytest.mark.long
def test_the_latest_is_the_last_day_that_decided_anything(store: Store):
    records = [
        judged_report(logged_verdict("max", "voice", state), on=on)
        for on, state in [("2025-08-11", "ok"), ("2025-08-12", "restricted"), ("2025-08-13", "insufficient")]
    ]
    fill_index(store, enumerate([*records, tap_record(1, app="max")], 1))
    (found,) = queries.latest_days(store)
    assert (found.day, found.restricted, found.count) == ("2025-08-12", 1, 1)


@pytest.mark.long
def test_transports_say_who_could_talk(store: Store):
    rows = [
        LoggedTransports("max", "voice", *names) for names in [(("tls/443",),), (("tls/443",),), ((), ("tls/443",))]
    ]
    fill_index(
        store,
        enumerate(
            [
                judged_report(logged_verdict("max", "voice", "ok"), who=who, carried=(row,))
                for who, row in enumerate(rows)
            ],
            1,
        ),
    )
    (found,) = queries.transport_shares(store, network="AS64496")
    assert (found.transport, found.tried, found.carried) == ("tls/443", 3, 2)


def import_into(store: Store, folder: Path, data: Path) -> int:
    """Import a folder into an empty log, and load that into the index."""
    log = opened_log(data, simulated=True)
    try:
        import_folder(log, folder, {}, simulated=True)
        return Loader(store, log).load()
    finally:
        log.close()


@pytest.mark.long
def test_a_folder_of_real_bundles_and_taps(store: Store, tmp_path: Path):
    folder = fill_with_bundles(tmp_path)
    line = '{"day":"2025-08-13","network":"AS64496","country":"XX","app":"whatsapp","medium":"voice","simulated":true}'
    (folder / "taps.jsonl").write_text(f"{line}\n{line}\n")
    assert import_into(store, folder, tmp_path / "data") == 8, "three bundles, received and judged, and two taps"
    days = {(count.day, count.source): count for count in queries.day_counts(store, app="whatsapp", medium="voice")}
    assert days["2025-08-11", "probe"].ok == 1
    assert days["2025-08-13", "probe"].restricted == days["2025-08-13", "probe"].contributors == 2
    assert days["2025-08-13", "probe"].rules == {"media.drop": 2}
    assert days["2025-08-13", "tap"].failed == 2
    assert all(count.simulated for count in days.values())
    assert days["2025-08-13", "probe"].bundles == tuple(sorted(days["2025-08-13", "probe"].bundles))
    assert len(days["2025-08-13", "probe"].bundles) == 2


@pytest.mark.long
def test_damaged_taps_are_counted_as_refused_and_stop_nothing(store: Store, tmp_path: Path):
    line = '{"day":"2025-08-13","network":"AS64496","country":"XX","app":"whatsapp","medium":"voice","simulated":true}'
    (tmp_path / "taps.jsonl").write_text(f"{{}}\n{line}\nno JSON\n")
    log = opened_log(tmp_path / "data", simulated=True)
    counted = import_folder(log, tmp_path, {}, simulated=True)
    assert (counted.taps, counted.refused) == (1, 2)
    assert Loader(store, log).load() == 1
    log.close()


@pytest.mark.long
def test_an_index_that_is_opened_again_still_has_everything(any_dsn: str):
    first = Store(any_dsn)
    fill_index(first, enumerate(drawn_records(20, seed=4), 1))
    before = queries.day_counts(first)
    first.close()
    second = Store(any_dsn)
    assert queries.day_counts(second) == before
    second.drop()
    assert queries.day_counts(second) == []
    second.close()


@pytest.mark.long
def test_an_index_of_an_older_form_is_made_again_from_the_log(any_dsn: str):
    older = Store(any_dsn)
    fill_index(older, enumerate(drawn_records(40, seed=5), 1))
    each(older, "INSERT INTO form VALUES (99)")
    older.close()
    newer = Store(any_dsn)
    assert queries.day_counts(newer) == []
    fill_index(newer, enumerate(drawn_records(40, seed=5), 1))
    assert queries.day_counts(newer) != []
    newer.close()


def each(store: Store, statement: str) -> None:
    """On every node."""
    for client in store._each():
        client.command(statement)


@pytest.mark.parametrize(
    "text",
    ["", "chdb://", "chdb://relative", "postgres://h/d", "clickhouse://", "clickhouse://a,b/d", "clickhouse://h/a;b",
     "chdb:///x?database=a-b", "clickhouse://u:hunter2@h:8123/d?cluster=a b"],
)  # fmt: skip
def test_a_dsn_that_is_none_is_refused_without_repeating_it(text: str):
    with pytest.raises(UsageError) as told:
        parse_dsn(text)
    assert "hunter2" not in str(told.value)


def test_dsns():
    assert parse_dsn("chdb:///var/x").folder == "/var/x"
    dsn = parse_dsn("clickhouse://u:p%40@h1:1,h2/db?cluster=obs&secure=1")
    assert (dsn.nodes, dsn.database, dsn.cluster, dsn.user, dsn.password, dsn.secure) == (
        (("h1", 1), ("h2", 8123)), "db", "obs", "u", "p@", True)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(
    "spoilt",
    [{"measured": "2026-99-99"}, {"measured": "2026-02-30"}, {"measured": "1000-01-01"}, {"measured": "9999-12-31"},
     {"measured": "٢٠٢٥-٠٨-١٣"}, {"measured": ""}, {"contributor": 1 << 64}, {"contributor_key": -1}, {"day": "never"}],
)  # fmt: skip
def test_a_record_that_cannot_be_loaded_is_counted_and_passed_over(store: Store, spoilt: dict[str, Any]):
    """Whatever it is: what comes before and after it is loaded, and so is a log that has it, again."""
    records = [judged_report(logged_verdict("max", "voice", "ok"), who=who, number=who) for who in range(3)]
    records.insert(1, replace(judged_report(logged_verdict("max", "voice", "ok"), who=9, number=9), **spoilt))
    assert fill_index(store, enumerate(records, 1)) == (4, 1)
    (found,) = queries.day_counts(store)
    assert (found.day, found.ok) == ("2025-08-13", 3)
