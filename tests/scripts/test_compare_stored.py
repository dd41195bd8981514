"""The comparison of a stored set finds what differs, and nothing where nothing does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import compare_stored


@pytest.mark.parametrize(
    ("stored", "today", "lines"),
    [
        ({"state": "ok"}, {"state": "ok"}, []),
        ({"log10_e": 1.0}, {"log10_e": 1.0 + 5e-10}, []),
        ({"log10_e": 1.0}, {"log10_e": 1.0 + 5e-9}, ["log10_e: 1.0 stored, 1.000000005 today"]),
        ({"state": "ok"}, {"state": "closed"}, ["state: 'ok' stored, 'closed' today"]),
        ({"a": 1}, {}, ["a: 1 stored, '(absent)' today"]),
        ({}, {"a": None}, ["a: '(absent)' stored, None today"]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, ["a[0].b: 1 stored, 2 today"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: [1] stored, [1, 2] today"]),
        ({"a": 1}, {"a": 1.0}, ["a: 1 stored, 1.0 today"]),
        ({"a": True}, {"a": 1}, ["a: True stored, 1 today"]),
    ],
)
def test_what_differs_is_named(stored: object, today: object, lines: list[str]):
    assert list(compare_stored.unequal_values(stored, today)) == lines


def test_captures_must_be_the_same_bytes_and_verdicts_the_same_values():
    assert compare_stored.result_differences("judge/a", '{"a": 1}', '{"a":1}') == []
    assert compare_stored.result_differences("capture/a", '{"a": 1}', '{"a":1}')
    assert compare_stored.result_differences("judge/a", '{"a": 1}\n', "exit 1\n")


@pytest.mark.long
def test_a_stored_set_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Stored and compared with the same code nothing differs; a stored verdict or capture that is changed does."""
    fixture = compare_stored.ROOT / compare_stored.FIXTURES / "voice.pcap.gz"
    monkeypatch.setattr(compare_stored, "capture_files", lambda: [fixture])
    monkeypatch.setattr(compare_stored, "PLAYED", (("clean", "stun.drop"),))
    monkeypatch.setattr(compare_stored, "SCENARIO", "none")
    folder = tmp_path / "stored"
    assert compare_stored.main([str(folder)]) == 1  # nothing is stored yet
    assert compare_stored.main([str(folder), "--store"]) == 0
    capsys.readouterr()
    assert compare_stored.main([str(folder)]) == 0
    assert capsys.readouterr().out.startswith("4 results compared")

    verdict = folder / "judge/run-00.json"
    record = json.loads(verdict.read_text())
    record["verdicts"][0]["state"] = "invented"
    verdict.write_text(json.dumps(record))
    capture = folder / "capture" / "voice.pcap.gz.json"
    capture.write_text(capture.read_text().replace(":", ": ", 1))
    assert compare_stored.main([str(folder)]) == 1
    told = capsys.readouterr().out
    assert "judge/run-00: verdicts[0].state: 'invented' stored" in told
    assert "capture/voice.pcap.gz: the same values, but not the same bytes" in told
    assert "2 differ" in told
