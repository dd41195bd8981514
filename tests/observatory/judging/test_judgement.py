"""What a record says of whose responder it was, where it was measured, and of which apps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from factories.observatories.sent_bundles import (
    COUNTRY,
    DAY,
    NETWORK,
    RULE,
    Bench,
    measured_bundle,
    responder_key,
    sent_facts,
    sent_results,
)
from talkpath.errors import BundleError
from talkpath.evidence.bundle import write_check
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts
from talkpath.observatory.events.network_days import folder_verdicts
from talkpath.observatory.judging import judgement
from talkpath.observatory.judging.judgement import judge_bundle
from talkpath.observatory.judging.judges import judge_again
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.records import Judged, LoggedTransports, Received
from talkpath.report.check_json import judge_check
from talkpath.wire.control.keys import Signer

LISTED = {responder_key(1): "an operator"}
ELSEWHERE = "AS64500", "YY"


def judged(data: bytes, network: str = "AS0", country: str = "ZZ") -> Judged:
    name = hashlib.sha256(data).hexdigest()
    received = Received(name, DAY, len(data), network=network, country=country)
    return judge_bundle(data, received, LISTED)


def without_receipt(**changed: object) -> bytes:
    """A check that a stranger wrote by hand."""
    forged = replace(sent_facts(), simulated=False, receipt=None, **changed)
    return write_check(forged, sent_results(False), Signer.of_seed(bytes(32)))


@pytest.mark.parametrize(
    ("seed", "sent_from", "placed"),
    [
        (1, ("AS0", "ZZ"), (NETWORK, COUNTRY, "responder")),
        (1, ELSEWHERE, (NETWORK, COUNTRY, "responder")),
        (2, ("AS0", "ZZ"), ("AS0", "ZZ", "")),
        (2, (NETWORK, COUNTRY), (NETWORK, COUNTRY, "ingest")),
        (2, ("AS0", COUNTRY), ("AS0", COUNTRY, "ingest")),
        (2, ELSEWHERE, ("AS0", "ZZ", "")),
        (2, ("AS64500", COUNTRY), ("AS0", "ZZ", "")),
    ],
    ids=["listed", "listed, sent from elsewhere", "unlisted, and nothing else is known", "unlisted, and we agree",
         "unlisted, and we know the country", "unlisted, and we disagree", "unlisted, and we disagree on the network"],
)  # fmt: skip
def test_a_receipt_places_a_report_only_where_somebody_answers_for_its_key(
    seed: int, sent_from: tuple[str, str], placed: tuple[str, str, str]
):
    record = judged(measured_bundle(seed), *sent_from)
    assert (record.network, record.country, record.placed) == placed
    assert (record.listed, record.responder) == (seed == 1, responder_key(seed))


def test_nobody_is_listed_without_a_receipt():
    record = judged(without_receipt(responder_key=responder_key(1)), *ELSEWHERE)
    assert (record.listed, record.responder) == (False, "")
    assert (record.network, record.country, record.placed) == (*ELSEWHERE, "ingest")


def test_only_apps_that_this_version_knows_are_counted(monkeypatch: pytest.MonkeyPatch):
    """The reader of facts knows its words too; whatever it lets pass, no other app gets into the log."""
    verdicts, _ = judge_check(sent_facts(apps=("whatsapp/relay60", "telegram/direct")))
    renamed = [replace(verdict, app="evil_app") if verdict.app == "whatsapp" else verdict for verdict in verdicts]
    asked = [("evil_app", "tls/443"), ("telegram", "tls/443"), ("telegram", "<script>")]
    rows = [{"app": app, "medium": "voice", "transport": name, "carries": True} for app, name in asked]
    monkeypatch.setattr(judgement, "judge_check", lambda *_, **__: (renamed, {"transports": rows}))
    record = judged(measured_bundle(1))
    assert {said.app for said in record.said} == {"telegram"}
    assert record.carried == (LoggedTransports("telegram", "voice", ("tls/443",)),)
    gone = [replace(renamed[0], app="evil_app")], {"transports": []}
    monkeypatch.setattr(judgement, "judge_check", lambda *_, **__: gone)
    with pytest.raises(BundleError, match="no app"):
        judged(measured_bundle(1))


@pytest.mark.parametrize(
    ("seed", "told_day", "receipt_day", "counts_on"),
    [
        (2, DAY, "", DAY),
        (2, "2026-11-22", "", DAY),
        (2, "2026-11-25", "", DAY),
        (2, "2026-10-01", "2026-10-01", ""),
        (2, "2026-11-21", "", ""),
        (2, "2026-11-26", "", ""),
        (1, "2026-10-27", "2026-10-27", "2026-10-27"),
        (1, "2026-10-01", "2026-10-01", ""),
        (1, "2026-10-01", "", ""),
        (1, "2026-11-26", "2026-11-26", ""),
    ],
    ids=["came at once", "came in time", "a clock that is ahead", "an unlisted server back-dates", "three days late",
         "still to come", "a listed server says so", "it says so too late",
         "its receipt says nothing", "it says a day to come"],
)  # fmt: skip
def test_the_day_that_counts_is_that_of_receipt_unless_a_listed_server_says_otherwise(
    seed: int, told_day: str, receipt_day: str, counts_on: str
):
    data = measured_bundle(seed, day=told_day, receipt_day=receipt_day)
    if not counts_on:
        with pytest.raises(BundleError, match=r"late|to come"):
            judged(data)
        return
    assert judged(data).measured == counts_on


def test_a_day_that_is_none_counts_nowhere():
    for told_day in ("2026-02-30", "2026-13-01", "٢٠٢٦-١١-٢٤", "yesterday"):
        with pytest.raises(BundleError, match=r"no day|no check writes"):
            judged(measured_bundle(2, day=told_day))


def over(family: int, rules: list[str], key: str) -> Facts:
    """A check over that version of IP, of one test server that nobody signed for."""
    played = run_sim(make_plan(choose_arms(["whatsapp/relay60"])), Scenario.parse("clean", rules, family, family))
    return replace(played, simulated=False, receipt=None, responder_key=key, started_at=f"{DAY}T10:00:00Z")


@pytest.mark.parametrize(("server", "expected"), [("k", ("restricted", 4)), ("o", ("", 6))])
def test_of_a_check_over_both_versions_of_ip_the_one_that_is_hit_is_counted(
    server: str, expected: tuple[str, int], tmp_path: Path
) -> None:
    first, other = over(6, [], "k" * 43), over(4, [RULE], server * 43)
    said = (expected[0] or judge_check(first)[0][0].state, expected[1])
    second = write_check(other, judge_check(other)[1], Signer.of_seed(b"2" * 32))
    data = write_check(first, judge_check(first, second=other)[1], Signer.of_seed(b"1" * 32), second)
    assert [(one.state, one.family) for one in judged(data).said] == [said]
    (tmp_path / "one.talkpath").write_bytes(data)
    assert [(one.state, one.family) for one in folder_verdicts(tmp_path)] == [said]


def test_a_report_that_is_judged_again_stays_on_its_day_whoever_answers_for_the_server_since(tmp_path: Path) -> None:
    bench, data = Bench(tmp_path), measured_bundle(1, day="2026-11-23", receipt_day="2026-11-23")
    bench.log.commit([LogEntry(Received(hashlib.sha256(data).hexdigest(), "", len(data)), data)])
    (known,) = bench.log.register.waiting()
    for day in ("2026-11-23", DAY):
        before = replace(known, state="judged", measured=day)
        for listed in ({}, {responder_key(1): "a friend"}):
            found = judge_again(bench.log.folder.bundles, before, listed, simulated=False)
            assert isinstance(found, Judged)
            assert (found.again, found.listed, found.measured) == (True, bool(listed), day)
    bench.close()
