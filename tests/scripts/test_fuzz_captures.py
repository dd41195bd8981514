"""The fuzz of captures: it plays what it says, the same for the same seed, and tells what goes wrong."""

from __future__ import annotations

from random import Random

import pytest

import fuzz_captures
import nasty_captures


def test_hostile_cases_end_well() -> None:
    played = fuzz_captures.play_cases(fuzz_captures.Job(1, 0, 20))
    assert played.wrong == []
    assert played.slowest[1] in range(20)


def test_what_goes_wrong_is_told_with_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(data: bytes, also_scrub: bool) -> None:
        raise ValueError("as planted")

    monkeypatch.setattr(fuzz_captures, "read_like_commands", broken)
    (wrong,) = fuzz_captures.play_cases(fuzz_captures.Job(1, 3, 4)).wrong
    assert wrong.startswith(f"case 3 ({list(nasty_captures.KINDS)[3]})")
    assert "as planted" in wrong


def test_memory_over_the_limit_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_captures, "peak_mib", iter((10.0, 10.0, 700.0, 700.0, 700.0, 700.0)).__next__)
    monkeypatch.setattr(fuzz_captures, "read_like_commands", lambda data, also_scrub: None)
    played = fuzz_captures.play_cases(fuzz_captures.Job(1, 0, 3))
    assert len(played.wrong) == 1
    assert played.wrong[0].endswith(": 700 MiB\n")


def test_a_case_is_the_same_whenever_it_is_made() -> None:
    assert [fuzz_captures.nasty_case(5, number) for number in range(32)] == [
        fuzz_captures.nasty_case(5, number) for number in range(32)
    ]


def test_most_sizes_are_small_and_a_few_are_large() -> None:
    rng = Random(1)
    sizes = sorted(nasty_captures.drawn_count(rng) for _ in range(20_000))
    assert sizes[10_000] < 100
    assert sizes[-10] > 100_000
    assert sum(size > nasty_captures.MOST for size in sizes) < 200
