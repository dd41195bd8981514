"""What is worked out once for an epoch, although the verdict of its check is asked for after every one.

Epochs are frozen but hold dicts, so they cannot be hashed: they are known by identity, and kept alive with the result
so that an identity is never used twice.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from talkpath.measure.facts import Epoch

Epochs = TypeVar("Epochs", bound=Epoch | tuple[Epoch, ...])
Rest = ParamSpec("Rest")
Result = TypeVar("Result")

KEPT = 2048  # 8 arms of 40 epochs, both directions, three pairs of roles


class CheckAnalysis:
    """Owns all that is remembered of the epochs of a check: of each function the latest results, with the epochs that
    they are of."""

    def __init__(self) -> None:
        self.results: defaultdict[Any, OrderedDict[Hashable, tuple[Any, Any]]] = defaultdict(OrderedDict)


_analysis: ContextVar[CheckAnalysis] = ContextVar("analysis", default=CheckAnalysis())  # noqa: B039 (one a process)


@contextmanager
def one_check() -> Iterator[CheckAnalysis]:
    """An analysis for one check alone. A process that goes from check to check would otherwise hold the results of
    dozens, a gigabyte."""
    token = _analysis.set(CheckAnalysis())
    try:
        yield _analysis.get()
    finally:
        _analysis.reset(token)


def remember_result(
    function: Callable[Concatenate[Epochs, Rest], Result],
) -> Callable[Concatenate[Epochs, Rest], Result]:
    """Remember results by the epoch, or the epochs, and the other (hashable, positional) arguments."""

    @wraps(function)
    def recall(epochs: Epochs, /, *rest: Rest.args, **named: Rest.kwargs) -> Result:
        kept = _analysis.get().results[function]
        key = (tuple(map(id, epochs)) if isinstance(epochs, tuple) else id(epochs), rest, tuple(named.items()))
        found: tuple[Epochs, Result] | None = kept.get(key)
        if found is None:
            found = kept[key] = (epochs, function(epochs, *rest, **named))
            if len(kept) > KEPT:
                kept.popitem(last=False)
        return found[1]

    return recall


def remember_each_result(
    function: Callable[Concatenate[Sequence[Epoch], Rest], list[Result]],
) -> Callable[Concatenate[Sequence[Epoch], Rest], list[Result]]:
    """The same where one call works out the results of many epochs: it is given only those that are new."""

    @wraps(function)
    def recall(epochs: Sequence[Epoch], /, *rest: Rest.args, **named: Rest.kwargs) -> list[Result]:
        kept, more = _analysis.get().results[function], (rest, tuple(named.items()))
        new = [epoch for epoch in epochs if (id(epoch), more) not in kept]
        if new:
            results = function(new, *rest, **named)
            kept.update({(id(epoch), more): (epoch, result) for epoch, result in zip(new, results, strict=True)})
        found: list[Result] = [kept[id(epoch), more][1] for epoch in epochs]
        while len(kept) > KEPT:
            kept.popitem(last=False)
        return found

    return recall
