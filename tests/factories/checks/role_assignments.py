"""Other assignments of the roles to the 5-tuples of stored epochs: the independent oracle of every e-value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product
from math import exp

from msgspec.structs import replace
from numpy.random import Generator

from talkpath.measure.facts import Epoch, Observation

Roles = Callable[[Observation], bool]


def could_be_call(flow: Observation) -> bool:
    """May be call or random twin in another assignment."""
    return not flow.canary and (flow.role == "call" or flow.twin_kind == "random")


def with_calls(epoch: Epoch, calls: Sequence[int], movable: Roles = could_be_call) -> Epoch:
    """The same network's doings with other flows as calls."""
    return replace(
        epoch,
        flows=tuple(
            replace(
                flow,
                role="call" if flow.flow in calls else "twin",
                twin_kind=None if flow.flow in calls else "random",
            )
            if movable(flow)
            else flow
            for flow in epoch.flows
        ),
    )


def all_assignments(epoch: Epoch) -> Iterator[Epoch]:
    """Every epoch that the roles might have made of this one (the canary stays)."""
    movable = sorted({flow.flow for flow in epoch.flows if could_be_call(flow)})
    calls = sum(flow.role == "call" and flow.direction == "up" for flow in epoch.flows)
    return (with_calls(epoch, chosen) for chosen in combinations(movable, calls))


def mean_e(log_e: Callable[[list[Epoch]], float], epochs: Sequence[Epoch]) -> float:
    """The mean of the e-value over all assignments of roles in all of these epochs."""
    values = [exp(log_e(list(run))) for run in product(*([*all_assignments(epoch)] for epoch in epochs))]
    return sum(values) / len(values)


def shuffled_roles(epoch: Epoch, rng: Generator) -> Epoch:
    """One assignment at random."""
    movable = sorted({flow.flow for flow in epoch.flows if could_be_call(flow)})
    calls = sum(flow.role == "call" and flow.direction == "up" for flow in epoch.flows)
    return with_calls(epoch, [int(flow) for flow in rng.permutation(movable)[:calls]])
