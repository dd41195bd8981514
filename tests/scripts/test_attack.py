"""The attacks' harness: every attack has a name of its own, and a bound that breaks is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

import attack
from attacks import recordings
from attacks.stage import Attack, Finding, run_talkpath


def test_names_are_unique_and_bounds_are_said() -> None:
    names = [each.name for each in attack.ATTACKS]
    assert len(names) == len(set(names)) > 30
    assert all(each.bound for each in attack.ATTACKS)


def test_each_part_that_is_attacked_has_its_promises_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    assert [part for part in attack.PROMISES if f"| **{part}** |" not in page] == []
    assert set(attack.PARTS) == {each.name for each in attack.ATTACKS}


@pytest.mark.long
def test_one_attack_plays_in_a_process_of_its_own() -> None:
    number = [each.name for each in attack.ATTACKS].index("capture: one packet that claims 2 GB")
    finding = attack.play_attack(number)
    assert finding.holds
    assert "exit 0" in finding.measured


def test_a_bound_that_does_not_hold_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = Attack("one that holds", "0", lambda folder: Finding(True, "0"))
    broken = Attack("one that does not", "0", lambda folder: Finding(False, "7"))
    monkeypatch.setattr(attack, "ATTACKS", (held, broken))
    monkeypatch.setattr(attack, "PARTS", {held.name: "evidence", broken.name: "evidence"})
    monkeypatch.setattr(attack, "play_attack", lambda number: attack.ATTACKS[number].play(Path()))
    assert attack.main([]) == 1
    printed = capsys.readouterr().out
    assert "| evidence | one that does not | 0 | 7 | **BROKEN** |" in printed
    assert "1 of 2 hold" in printed
    assert attack.main(["--only", "that holds"]) == 0


def test_time_memory_and_traceback_of_a_command_are_measured() -> None:
    ended = run_talkpath("--version")
    assert ended.exit_code == 0
    assert not ended.traceback
    assert ended.mib > 5
    assert not recordings.set_limits(ended._replace(stderr=b"Traceback (most recent call last)")).holds
    assert not recordings.set_limits(ended._replace(mib=1e6)).holds
    assert not recordings.set_limits(ended._replace(exit_code=-9)).holds
