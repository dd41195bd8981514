"""Newer rules, from the stored bundles to the page: an observatory that older rules had told that all was well."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pytest

from factories.checks.dated_bundles import dated_bundle
from factories.observatories.observe_process import start_observatory, stop_observatory
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.records import Judged, LoggedVerdict, Received
from talkpath.observatory.server import opened_log
from talkpath.verdict.judge import RULES_VERSION

WAIT_S = 120
CHECKS = [(False, "2025-08-11", 0), (True, "2025-08-13", 1), (True, "2025-08-13", 2)]
WELL = (LoggedVerdict("whatsapp", "voice", "ok", "shape"),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three checks came in and were judged, the two of the 13th wrongly, by the first rules."""
    if find_spec("chdb") is None:
        pytest.skip("needs chdb-core and clickhouse-connect: pip install 'talkpath[observatory]'")
    (tmp_path / "data").mkdir()
    log = opened_log(tmp_path / "data", simulated=True)
    for restricted, on, seed in CHECKS:
        data = dated_bundle(restricted, on, seed=seed)
        name = hashlib.sha256(data).hexdigest()
        said = Judged(name, on, on, "1", "probe", WELL, network="AS64496", country="XX", placed="responder",
                      simulated=True)  # fmt: skip
        assert log.commit([LogEntry(Received(name, "", len(data)), data)]) == [True]
        assert log.commit([LogEntry(said)]) == [True]
    log.close()
    return tmp_path / "data"


def read(url: str, path: str) -> dict:
    with urlopen(f"{url}{path}") as answer:
        return json.load(answer)


def began(url: str) -> dict:
    """The event of the network, once it is there."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        for event in read(url, "en/events.json")["events"]:
            if (event["network"], event["kind"]) == ("AS64496", "began"):
                return event
        time.sleep(0.3)
    raise AssertionError("nothing was found")


@pytest.mark.long
def test_what_newer_rules_see_in_stored_bundles_becomes_an_event_on_a_page(folder: Path):
    process, url = start_observatory(folder, "--simulated", "--min-contributors", "1")
    try:
        event = began(url)
        assert (event["app"], event["onset_high"]) == ("whatsapp", "2025-08-13")
        days = {day["day"]: day["state"] for day in read(url, f"en/event/{event['id']}.json")["stream"]["days"]}
        assert (days["2025-08-11"], days["2025-08-13"]) == ("ok", "restricted")
        with urlopen(f"{url}metrics") as answer:
            assert b'talkpath_judged_total{outcome="again"} 3.0' in answer.read()
    finally:
        assert stop_observatory(process) == 0
    log = opened_log(folder, simulated=True)
    judged = Counter((record.id, record.rules_version) for _, record in log.read() if isinstance(record, Judged))
    log.close()
    assert sorted(Counter(version for _, version in judged).items()) == [("1", 3), (str(RULES_VERSION), 3)]
    assert set(judged.values()) == {1}, "once by each"
