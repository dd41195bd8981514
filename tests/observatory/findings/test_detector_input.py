"""What the detector takes in: bases as sources, taps of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from factories.checks.dated_bundles import write_dated_bundles
from factories.observatories.network_days import network_day
from talkpath.errors import FileError
from talkpath.observatory.findings.detector_input import counts_of_days, counts_of_taps, folder_counts
from talkpath.verdict.model import Basis

TAP = '{"day":"2025-08-13","network":"AS64496","country":"XX","app":"max","medium":"voice","simulated":true}\n'


def test_a_folder_gives_probes_and_taps(tmp_path: Path):
    write_dated_bundles(tmp_path)
    (tmp_path / "taps.jsonl").write_text(TAP * 3 + "\n" + TAP.replace("2025-08-13", "2025-08-14"))
    found = {(one.source, one.day): one for one in folder_counts(tmp_path)}
    assert {key: (one.restricted, one.reports) for key, one in found.items()} == {
        ("probe", "2025-08-11"): (0, 1), ("probe", "2025-08-13"): (2, 2),
        ("tap", "2025-08-13"): (3, 3), ("tap", "2025-08-14"): (1, 1),
    }  # fmt: skip
    accused = found["probe", "2025-08-13"]
    assert accused.rules == {"media.drop": 2}
    assert list(accused.servers.values()) == [(2, 2)]
    assert len(set(accused.bundles)) == 2
    assert found["tap", "2025-08-13"].simulated


def test_a_line_that_is_no_tap_is_named(tmp_path: Path):
    (tmp_path / "taps.jsonl").write_text(TAP + '{"day": 1}\n')
    with pytest.raises(FileError, match=r"Line 2 of taps\.jsonl"):
        list(counts_of_taps(tmp_path / "taps.jsonl"))
    assert list(counts_of_taps(tmp_path / "none.jsonl")) == []


def test_every_basis_is_heard_as_a_source():
    bases = Basis.__args__  # type: ignore[attr-defined]
    sources = {
        basis: next(counts_of_days([network_day("max", "voice", "2025-08-13", ok=1, basis=basis)])).source
        for basis in bases
    }
    assert set(sources.values()) == {"probe", "browser", "capture", "endpoints"}
    assert sources["webrtc"] == "browser"
    assert sources["call"] == "capture"
    assert sources["address"] == "endpoints"


def test_people_who_say_restricted_are_at_least_those_who_cannot_all_have_said_otherwise():
    (found,) = counts_of_days([replace(network_day("max", "voice", "2025-08-13", restricted=4, ok=2), contributors=5)])
    assert (found.contributors, found.restricted_contributors) == (5, 3)
