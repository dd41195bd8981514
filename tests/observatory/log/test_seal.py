"""What of a day becomes open data, when, and what is left of what was taken back."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from factories.observatories.log_entries import Clock, open_log, report_entry
from talkpath.errors import FileError
from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.open_data import open_rows
from talkpath.observatory.log.records import Judged, LoggedTransports, LoggedVerdict, Unfit
from talkpath.observatory.log.seal import MANIFEST, OPEN_DATA_PREFIX, SIGNATURE, Sealer, sealed_days
from talkpath.observatory.publication import Publication
from talkpath.wire.control.keys import is_signed, raw_key

DAY, SEAL_DAY, LATER = "2026-11-20", "2026-11-23", "2026-12-20"


def said(number: int, state: str, network: str = "AS64496", app: str = "signal", day: str = DAY) -> Judged:
    name = report_entry(number).record.id
    return Judged(name, day, day, "1", "probe", (LoggedVerdict(app, "voice", state, "shape"),),
                  (LoggedTransports(app, "voice", ("tls/443",)),), network, "XX", "responder", "R", "hosting", True,
                  number + 1, 7)  # fmt: skip


def bring(log: Log, verdicts: list[Judged], first: int = 0) -> None:
    log.commit([report_entry(number) for number in range(first, first + len(verdicts))])
    log.commit([LogEntry(verdict) for verdict in verdicts])


@pytest.fixture
def clock() -> Clock:
    return Clock(DAY)


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> Iterator[Log]:
    opened = open_log(tmp_path, clock)
    yield opened
    opened.close()


def rows(log: Log, name: str, day: str = DAY) -> list[dict[str, object]]:
    data = gzip.decompress((log.folder.open / day / f"{name}.jsonl.gz").read_bytes())
    return [json.loads(line) for line in data.splitlines()]


def test_restricted_is_told_when_the_day_is_sealed_and_ok_a_month_later(log: Log, clock: Clock):
    bring(log, [said(number, "restricted" if number % 2 else "ok") for number in range(10)])
    sealer = Sealer(log, False, Publication())
    assert sealer.run("2026-11-22") == []
    clock.day = SEAL_DAY
    assert sealer.run(SEAL_DAY) == [DAY]
    prompt = rows(log, "prompt")
    assert Counter(row["state"] for row in prompt) == {"restricted": 5}
    assert all(row["transports_tried"] == [] for row in prompt), "what still gets through helps a censor tune"
    assert not {"contributor", "contributor_key"} & prompt[0].keys()
    assert sealer.run("2026-12-19") == []
    assert sealer.run(LATER) == [DAY]
    delayed = rows(log, "delayed")
    assert Counter(row["state"] for row in delayed) == {"ok": 5, "restricted": 5}
    assert all(row["transports"] == ["tls/443"] for row in delayed)
    assert sealer.run(LATER) == []


def test_without_an_order_everything_is_told_at_once(log: Log):
    bring(log, [said(number, "ok") for number in range(5)])
    Sealer(log, False, Publication(), ordered=lambda *_: False).run(SEAL_DAY)
    assert len(rows(log, "prompt")) == 5
    (manifest,) = sealed_days(log.folder.open)
    assert (manifest.waiting, manifest.withheld) == (0, 0)


def test_the_network_of_too_few_people_is_not_told(log: Log):
    networks = ["AS64496"] * 5 + ["AS64497"] * 4
    bring(log, [said(number, "restricted", network) for number, network in enumerate(networks)])
    bring(log, [said(20, "restricted", app="whatsapp")], first=20)
    Sealer(log, False, Publication()).run(SEAL_DAY)
    told = rows(log, "prompt")
    assert Counter((row["network"], row["report"] != "") for row in told) == {("AS64496", True): 5, ("AS0", False): 4}
    (manifest,) = sealed_days(log.folder.open)
    assert manifest.withheld == 1, "the one report on WhatsApp in the whole country"


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 9), st.integers(0, 2)), max_size=60))
def test_no_cell_of_fewer_than_five_people_is_ever_told(drawn: list[tuple[str, int, int]]):
    records = [Judged(hashlib.sha256(repr((at, one)).encode()).hexdigest(), DAY, DAY, "1", "probe",
                      (LoggedVerdict("signal", "voice", "restricted", "shape"),), (), f"AS{one[0]}", "XX",
                      contributor=one[1], contributor_key=one[2]) for at, one in enumerate(drawn)]  # fmt: skip
    for dated in open_rows(records, Publication(), lambda *_: True):
        if dated.release == "withheld" or dated.row.network == "AS0":
            continue
        for_key = [{r.contributor for r in records if r.network == dated.row.network and r.contributor_key == key}
                   for key in range(3)]  # fmt: skip
        assert max(map(len, for_key)) >= 5


def test_a_row_of_too_few_people_stands_by_none_that_leads_to_its_network(log: Log):
    reports = [said(number, "restricted", network=f"AS{64496 + number % 5}") for number in range(25)]
    few = LoggedVerdict("whatsapp", "voice", "restricted", "shape")  # one person on each of the five networks
    bring(log, [replace(one, said=(*one.said, few)) if number < 5 else one for number, one in enumerate(reports)])
    Sealer(log, False, Publication()).run(SEAL_DAY)
    told = rows(log, "prompt")
    hidden = [row for row in told if row["app"] == "whatsapp"]
    assert [(row["network"], row["report"], row["responder"]) for row in hidden] == [("AS0", "", "")] * 5
    assert told == sorted(told, key=lambda row: (row["report"], row["network"])), "as they came they told"


def test_what_was_taken_back_before_is_nowhere(log: Log, clock: Clock):
    bring(log, [said(number, "restricted") for number in range(6)])
    clock.day = "2026-11-21"
    known = log.register.find(report_entry(0).record.id)
    assert known is not None
    log.withdraw(known)
    for day in (SEAL_DAY, "2026-11-24"):
        clock.day = day
        Sealer(log, False, Publication()).run(day)
    assert len(rows(log, "prompt")) == 5
    log.commit([report_entry(99)])
    text = b"".join(gzip.decompress(path.read_bytes()) for path in log.folder.log.iterdir() if path.suffix == ".gz")
    assert known.received.id.encode() not in text.replace(b'"withdrawn","id":"' + known.received.id.encode(), b"")
    assert [number for number, _ in log.read()][-1] == 14, "no number is given twice"


def test_what_is_taken_back_later_is_told_as_such_and_not_published_again(log: Log, clock: Clock):
    bring(log, [said(number, "ok") for number in range(6)])
    clock.day = SEAL_DAY
    sealer = Sealer(log, False, Publication())
    sealer.run(SEAL_DAY)
    known = log.register.find(report_entry(0).record.id)
    assert known is not None
    assert log.withdraw(known).tombstone
    clock.day = LATER
    assert sealer.run(LATER) == [SEAL_DAY, DAY]
    assert len(rows(log, "delayed")) == 5
    assert next(one for one in sealed_days(log.folder.open) if one.day == SEAL_DAY).withdrawn == (known.received.id,)


def test_what_is_judged_again_after_sealing_is_published_with_that_day_and_the_sealed_one_stays(log: Log, clock: Clock):
    before = [said(number, "restricted") for number in range(6)]
    bring(log, before)
    clock.day = SEAL_DAY
    sealer = Sealer(log, False, Publication())
    sealer.run(SEAL_DAY)
    published = (log.folder.open / DAY / MANIFEST).read_bytes()
    corrected = [replace(one, rules_version="2", again=True) for one in before[:5]]
    log.commit([LogEntry(one) for one in corrected])
    log.commit([LogEntry(Unfit(before[5].id, DAY, "2", "no evidence", DAY, again=True))])
    clock.day = "2026-11-26"
    assert sealer.run(clock.day) == [SEAL_DAY]
    assert (log.folder.open / DAY / MANIFEST).read_bytes() == published
    assert Counter((row["received"], row["rules_version"]) for row in rows(log, "prompt")) == {(DAY, "1"): 6}
    told = rows(log, "prompt", SEAL_DAY)
    assert Counter((row["received"], row["rules_version"]) for row in told) == {(DAY, "2"): 5}
    assert sealed_days(log.folder.open)[1].withdrawn == (before[5].id,)
    clock.day = LATER
    sealer.run(LATER)
    assert Counter(row["rules_version"] for row in rows(log, "delayed")) == {"2": 5}, (
        "what came later is by newer rules"
    )


@pytest.mark.parametrize("ordered", [True, False], ids=["an order then", "no order then"])
def test_what_was_told_at_once_stays_to_the_byte_when_the_rest_follows(log: Log, clock: Clock, ordered: bool):
    """Though one was taken back, others judged again, and an order is known of by now that nobody knew of, or none."""
    before = [said(number, "restricted" if number % 2 else "ok") for number in range(12)]
    bring(log, before)
    clock.day = SEAL_DAY
    Sealer(log, False, Publication(), lambda *_: ordered).run(SEAL_DAY)
    files = {path.name: path.read_bytes() for path in (log.folder.open / DAY).glob("prompt.*")}
    (first,) = sealed_days(log.folder.open)
    known = log.register.find(before[1].id)
    assert known is not None
    log.withdraw(known)
    log.commit([LogEntry(replace(one, rules_version="2", again=True)) for one in before[2:4]])
    clock.day = LATER
    Sealer(log, False, Publication(), lambda *_: not ordered).run(LATER)
    assert files == {path.name: path.read_bytes() for path in (log.folder.open / DAY).glob("prompt.*")}
    second = sealed_days(log.folder.open)[0]
    assert {name: second.files[name] for name in first.files} == first.files
    assert (second.waiting, second.withheld, second.released) == (0, first.withheld, LATER)
    told = Counter(row["state"] for row in rows(log, "delayed"))
    assert told == ({"ok": 6, "restricted": 5} if ordered else {})


def test_a_day_waits_for_its_judge(log: Log):
    log.commit([report_entry(1)])
    assert Sealer(log, False, Publication()).run(SEAL_DAY) == []


def test_files_are_those_of_the_signed_manifest_and_parquet_says_the_same(log: Log):
    from pyarrow import parquet

    bring(log, [said(number, "restricted") for number in range(6)])
    Sealer(log, True, Publication()).run(SEAL_DAY)
    folder = log.folder.open / DAY
    (manifest,) = sealed_days(log.folder.open)
    told = (folder / MANIFEST).read_bytes()
    assert is_signed(OPEN_DATA_PREFIX + told, (folder / SIGNATURE).read_bytes(), raw_key(manifest.key))
    for name, file in manifest.files.items():
        data = (folder / name).read_bytes()
        assert (file.size_bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    table = parquet.read_table(folder / "prompt.parquet").to_pylist()
    lines = rows(log, "prompt")
    assert [row["report"] for row in table] == [row["report"] for row in lines]
    assert [row["measured"].isoformat() for row in table] == [row["measured"] for row in lines]


def test_the_log_goes_on_after_sealing(tmp_path: Path):
    clock = Clock(DAY)
    log = open_log(tmp_path / "data", clock)
    bring(log, [said(number, "ok") for number in range(3)])
    before = list(log.read())
    clock.day = SEAL_DAY
    Sealer(log, False, Publication()).run(SEAL_DAY)
    assert list(log.read()) == before
    log.close()
    log = open_log(tmp_path / "data", clock)
    Sealer(log, False, Publication())
    assert log.sealed_until == DAY
    assert log.commit([report_entry(0), report_entry(7)]) == [False, True]
    assert [number for number, _ in log.read()] == list(range(1, 8))
    log.close()


@pytest.mark.parametrize("day", ["2026-99-99", "2026-02-30", "", "٢٠٢٥-٠٨-١٣"])
def test_a_record_whose_day_is_none_keeps_no_day_from_being_sealed(log: Log, clock: Clock, day: str):
    bring(log, [said(number, "restricted") for number in range(6)])
    log.commit([report_entry(6)])
    log.commit([LogEntry(replace(said(6, "restricted"), measured=day))])
    clock.day = SEAL_DAY
    assert Sealer(log, False, Publication()).run(SEAL_DAY) == [DAY]
    assert len(rows(log, "prompt")) == 6


def test_of_a_damaged_key_a_backup_is_asked_for_first(tmp_path: Path):
    """Whoever deletes it at once has another key than the one that readers were told."""
    with closing(open_log(tmp_path, Clock(DAY))) as log:
        (log.folder.root / "key.pem").write_text("no key")
        with pytest.raises(
            FileError, match=r"key\.pem holds no key: put it back from a backup; without one, delete it"
        ):
            Sealer(log, False, Publication())


def test_a_damaged_manifest_is_told_with_its_day(log: Log, clock: Clock):
    bring(log, [said(number, "restricted") for number in range(5)])
    clock.day = SEAL_DAY
    Sealer(log, False, Publication()).run(SEAL_DAY)
    manifest = log.folder.open / DAY / MANIFEST
    whole, told = manifest.read_bytes(), rows(log, "prompt")
    manifest.write_bytes(whole.replace(b'"day":', b'"day";', 1))
    with pytest.raises(FileError, match=f"open/{DAY} is damaged; move it away"):
        Sealer(log, False, Publication())
    shutil.rmtree(manifest.parent)
    Sealer(log, False, Publication()).run(SEAL_DAY)
    assert manifest.read_bytes() == whole
    assert rows(log, "prompt") == told


@pytest.mark.parametrize("changed", [False, True])
def test_a_key_that_is_not_the_one_that_signed_before_is_told(
    log: Log, clock: Clock, capsys: pytest.CaptureFixture[str], changed: bool
):
    """Readers hold the other one, and would take what is signed from now on for forged."""
    bring(log, [said(number, "restricted") for number in range(5)])
    clock.day = SEAL_DAY
    Sealer(log, False, Publication()).run(SEAL_DAY)
    if changed:
        (log.folder.root / "key.pem").unlink()
    Sealer(log, False, Publication())
    assert ("not the key that signed the last sealed day" in capsys.readouterr().err) == changed
