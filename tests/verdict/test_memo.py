"""What is remembered belongs to the very epoch it was worked out for."""

from __future__ import annotations

from msgspec.structs import replace

from factories.checks.simulated_epochs import BACKGROUNDS, World
from talkpath.measure.facts import Epoch
from talkpath.verdict.memo import KEPT, forget, per_epoch


def test_once_for_each_epoch_and_argument() -> None:
    asked = []

    @per_epoch
    def number(epoch: Epoch, times: int) -> int:
        asked.append(epoch.number)
        return epoch.number * times

    one = World(BACKGROUNDS["clean"], 1).epoch(k=1, packets=1)
    two = replace(one, number=7)
    assert [number(one, 2), number(one, 2), number(two, 2), number(one, 3)] == [2, 2, 14, 3]
    assert asked == [1, 7, 1]


def test_forgets_the_oldest_and_never_mixes_them_up() -> None:
    @per_epoch
    def number(epoch: Epoch) -> int:
        return epoch.number

    one = World(BACKGROUNDS["clean"], 1).epoch(k=1, packets=1)
    for n in range(3 * KEPT):
        assert number(replace(one, number=n)) == n


def test_everything_is_let_go_on_request() -> None:
    @per_epoch
    def count(epoch: Epoch) -> list[int]:
        return [epoch.number]

    one = World(BACKGROUNDS["clean"], 1).epoch(k=1, packets=1)
    before = count(one)
    assert count(one) is before
    forget()
    assert count(one) is not before
