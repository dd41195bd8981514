"""The fuzz of records: it plays what it says, the same for the same seed, and tells what goes wrong."""

from __future__ import annotations

import pytest

import fuzz_records
from talkpath.errors import WireError


def test_some_messages_are_accepted_and_most_are_refused() -> None:
    accepted, wrong, _, _ = fuzz_records.play_cases(("messages", 1, 0, 200))
    assert wrong == []
    assert 0 < accepted < 100


@pytest.mark.long
def test_some_bundles_are_accepted_and_most_are_refused() -> None:
    accepted, wrong, _, _ = fuzz_records.play_cases(("bundles", 1, 0, 25))
    assert wrong == []
    assert 0 < accepted < 25


def test_what_goes_wrong_is_told_with_the_number_of_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seed: int, number: int) -> bool:
        if number == 3:
            raise WireError("as planted")
        return True

    monkeypatch.setitem(fuzz_records.CASES, "messages", broken)
    accepted, wrong, _, _ = fuzz_records.play_cases(("messages", 1, 0, 5))
    assert accepted == 4
    assert len(wrong) == 1
    assert wrong[0].startswith("case 3:")
    assert "as planted" in wrong[0]


def test_a_case_is_the_same_whenever_it_is_played() -> None:
    one = [fuzz_records.message_case(7, number) for number in range(60)]
    assert [fuzz_records.message_case(7, number) for number in range(60)] == one
