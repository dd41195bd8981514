"""From real bundles to network-days."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from factories.checks.dated_bundles import dated_bundle, write_dated_bundles
from factories.observatories.network_days import events_of_days
from talkpath.errors import BundleError, FileError
from talkpath.evidence.bundle import read_bundle
from talkpath.observatory.events.network_days import BundleVerdict, bundle_verdicts, folder_verdicts, network_days


def report(state: str, name: str = "a", **said: object) -> BundleVerdict:
    fields = {"network": "AS64496", "country": "XX", "day": "2025-08-13", "app": "max", "medium": "voice", **said}
    return BundleVerdict(bundle=name, state=state, **fields)  # type: ignore[arg-type]


def test_a_bundle_is_judged_again_and_placed_by_its_receipt():
    (found,) = bundle_verdicts(read_bundle(dated_bundle(True, "2025-08-13", "AS64500", 1)), "a")
    assert (found.network, found.country, found.day) == ("AS64500", "XX", "2025-08-13")
    assert (found.app, found.medium, found.state, found.rule) == ("whatsapp", "voice", "restricted", "media.drop")
    assert found.p == pytest.approx(0.5, abs=0.15)
    assert found.simulated


def test_a_bundle_without_a_day_tells_nothing():
    assert list(bundle_verdicts(read_bundle(dated_bundle(False, "")), "a")) == []


def test_a_folder_becomes_days_and_an_event(tmp_path: Path):
    found = network_days(folder_verdicts(write_dated_bundles(tmp_path)))
    assert [(day.day, day.ok, day.restricted) for day in found] == [("2025-08-11", 1, 0), ("2025-08-13", 0, 2)]
    (event,) = events_of_days(found)
    assert (event.onset_low, event.onset_high, event.level) == (None, "2025-08-13", "confirmed")  # one ok is not much
    assert len(event.bundles) == 2
    assert (event.rule, event.simulated) == ("media.drop", True)


def test_the_same_run_in_two_files_counts_once(tmp_path: Path):
    write_dated_bundles(tmp_path)
    shutil.copy(tmp_path / "2025-08-13" / "1.talkpath", tmp_path / "again.talkpath")
    assert len(list(folder_verdicts(tmp_path))) == 3


def test_a_changed_bundle_stops_the_reading(tmp_path: Path):
    data = bytearray(dated_bundle(True, "2025-08-13", seed=1))
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.talkpath").write_bytes(data)
    with pytest.raises(BundleError):
        list(folder_verdicts(tmp_path))


def test_no_folder_is_said_so(tmp_path: Path):
    with pytest.raises(FileError, match="no such folder"):
        list(folder_verdicts(tmp_path / "none"))


def test_reports_of_one_day_are_counted_by_state():
    states = ["restricted", "ok", "ok", "closed", "impaired", "insufficient", "unreachable"]
    rows = [report(state, str(n), rule="media.drop", direction="up", p=0.4) for n, state in enumerate(states)]
    (day,) = network_days(rows)
    assert (day.restricted, day.ok, day.closed, day.impaired, day.count) == (1, 2, 1, 1, 5)
    assert (day.rules, day.ways, day.ps, day.contributors) == (("media.drop",), ("up",), (0.4,), 1)


def test_contributors_are_counted_where_they_are_told():
    rows = [report("ok", str(n), contributor=who) for n, who in enumerate(["one", "two", "one", ""])]
    assert network_days(rows)[0].contributors == 2


def test_bases_apps_and_networks_are_apart():
    rows = [report("ok"), report("ok", basis="webrtc"), report("ok", app="meet"), report("ok", network="AS1")]
    assert len(network_days(rows)) == 4
