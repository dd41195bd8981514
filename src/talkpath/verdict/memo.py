"""Work done once for each epoch, although the verdict is asked for after every one.

Epochs are frozen but hold dicts, so they cannot be hashed: they are known by identity, and kept alive with the
result so that an identity is never used twice. The oldest results go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from talkpath.measure.facts import Epoch

Rest = ParamSpec("Rest")
Result = TypeVar("Result")

KEPT = 2048  # 8 arms of 40 epochs, both directions, three pairs of roles

_memories: list[OrderedDict[Hashable, Any]] = []


def forget() -> None:
    """Forget the results of every epoch: a process that goes from check to check would hold those of dozens of checks,
    a gigabyte."""
    for memory in _memories:
        memory.clear()


def per_epoch(
    function: Callable[Concatenate[Epoch, Rest], Result],
) -> Callable[Concatenate[Epoch, Rest], Result]:
    """Remember results by the epoch's identity and the other (hashable, positional) arguments."""
    kept: OrderedDict[Hashable, tuple[Epoch, Result]] = OrderedDict()
    _memories.append(kept)

    @wraps(function)
    def remembered(epoch: Epoch, /, *rest: Rest.args, **named: Rest.kwargs) -> Result:
        key = (id(epoch), rest, tuple(named.items()))
        found = kept.get(key)
        if found is None:
            found = kept[key] = (epoch, function(epoch, *rest, **named))
            if len(kept) > KEPT:
                kept.popitem(last=False)
        return found[1]

    return remembered


def each_epoch(
    function: Callable[Concatenate[Sequence[Epoch], Rest], list[Result]],
) -> Callable[Concatenate[Sequence[Epoch], Rest], list[Result]]:
    """The same where one call works out the results of many epochs: it is given only those that are new."""
    kept: OrderedDict[Hashable, tuple[Epoch, Result]] = OrderedDict()
    _memories.append(kept)

    @wraps(function)
    def remembered(epochs: Sequence[Epoch], /, *rest: Rest.args, **named: Rest.kwargs) -> list[Result]:
        more = (rest, tuple(named.items()))
        new = [epoch for epoch in epochs if (id(epoch), more) not in kept]
        if new:
            results = function(new, *rest, **named)
            kept.update({(id(epoch), more): (epoch, result) for epoch, result in zip(new, results, strict=True)})
        found = [kept[id(epoch), more][1] for epoch in epochs]
        while len(kept) > KEPT:
            kept.popitem(last=False)
        return found

    return remembered


def per_epochs(
    function: Callable[Concatenate[tuple[Epoch, ...], Rest], Result],
) -> Callable[Concatenate[tuple[Epoch, ...], Rest], Result]:
    """The same for several epochs together: as long as no epoch was added, nothing is worked out again."""
    kept: OrderedDict[Hashable, tuple[tuple[Epoch, ...], Result]] = OrderedDict()
    _memories.append(kept)

    @wraps(function)
    def remembered(epochs: tuple[Epoch, ...], /, *rest: Rest.args, **named: Rest.kwargs) -> Result:
        key = (tuple(map(id, epochs)), rest, tuple(named.items()))
        found = kept.get(key)
        if found is None:
            found = kept[key] = (epochs, function(epochs, *rest, **named))
            if len(kept) > KEPT:
                kept.popitem(last=False)
        return found[1]

    return remembered
