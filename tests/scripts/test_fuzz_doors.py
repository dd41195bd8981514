"""The fuzz of doors: it plays what it says, the same for the same seed, and tells what goes wrong."""

from __future__ import annotations

import pytest

import fuzz_doors
from factories.observatories import changed_inputs
from talkpath.errors import WireError


@pytest.mark.parametrize("door", ["offers", "lists"])
def test_some_are_taken_and_most_are_refused(door: str) -> None:
    one = fuzz_doors.play_cases(fuzz_doors.Job(door, 1, 0, 100))
    assert one.wrong == ()
    assert 0 < one.accepted < 50
    assert one.right == 2
    again = fuzz_doors.play_cases(fuzz_doors.Job(door, 1, 0, 100))
    assert (again.accepted, again.right) == (one.accepted, one.right)


def test_what_goes_wrong_is_told_with_the_number_of_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(door: object, rng: object) -> bool:
        raise WireError("as planted")

    monkeypatch.setattr(changed_inputs.ListDoor, "bring_changed", broken)
    monkeypatch.setattr(changed_inputs.ListDoor, "lost", lambda door: ["lost the newest list"])
    wrong = fuzz_doors.play_cases(fuzz_doors.Job("lists", 1, 3, 5)).wrong
    assert [text.splitlines()[0] for text in wrong] == [
        "case 3:",
        "case 4:",
        "after cases 3 to 4: lost the newest list",
    ]
    assert "as planted" in wrong[0]


def test_every_case_is_played_once() -> None:
    jobs = fuzz_doors.cut_jobs("ooni", 1, 10, 600)
    assert [number for job in jobs for number in range(job.first, job.last)] == list(range(10, 610))
