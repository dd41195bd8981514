"""What is remembered belongs to the very epoch it was worked out for."""

from __future__ import annotations

from msgspec.structs import replace

from factories.checks.simulated_epochs import BACKGROUNDS, World
from talkpath.measure.facts import Epoch
from talkpath.verdict.analysis import KEPT, one_check, remember_result


def test_once_for_each_epoch_and_argument() -> None:
    asked = []

    @remember_result
    def number(epoch: Epoch, times: int) -> int:
        asked.append(epoch.number)
        return epoch.number * times

    one = World(BACKGROUNDS["clean"], 1).epoch(k=1, packets=1)
    two = replace(one, number=7)
    assert [number(one, 2), number(one, 2), number(two, 2), number(one, 3)] == [2, 2, 14, 3]
    assert asked == [1, 7, 1]


def test_forgets_the_oldest_and_never_mixes_them_up() -> None:
    @remember_result
    def number(epoch: Epoch) -> int:
        return epoch.number

    one = World(BACKGROUNDS["clean"], 1).epoch(k=1, packets=1)
    for n in range(3 * KEPT):
        assert number(replace(one, number=n)) == n


def test_what_is_remembered_of_one_check_goes_with_it() -> None:
    @remember_result
    def count(epoch: Epoch) -> list[int]:
        return [epoch.number]

    one = World(BACKGROUNDS["clean"], 1).epoch(k=1, packets=1)
    before = count(one)
    assert count(one) is before
    with one_check() as analysis:
        inside = count(one)
        assert inside is not before
        assert count(one) is inside
        assert sum(map(len, analysis.results.values())) == 1
    assert count(one) is before


def test_several_epochs_are_remembered_together() -> None:
    asked = []

    @remember_result
    def numbers(epochs: tuple[Epoch, ...]) -> list[int]:
        asked.append(len(epochs))
        return [epoch.number for epoch in epochs]

    one = World(BACKGROUNDS["clean"], 1).epoch(k=1, packets=1)
    two = replace(one, number=one.number + 1)
    assert [numbers((one, two)), numbers((one, two)), numbers((two, one))] == [[1, 2], [1, 2], [2, 1]]
    assert asked == [2, 2]
