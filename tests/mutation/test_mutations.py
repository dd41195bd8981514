"""The tests test: each way to break the experiment on purpose makes tests of this suite fail.

A mutation replaces one function or constant. The tests named beside it must pass without it and fail with it; were one
of them deleted or blunted, this file says so.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from random import Random

import numpy as np
import pytest
from msgspec import structs

from talkpath.apps import shapes
from talkpath.apps.contract.shape import NONCE_BYTES, Arm, Schedule, Slot
from talkpath.experiment import layout
from talkpath.experiment.nonce import put_nonce
from talkpath.probe import flight
from talkpath.verdict.statistics import exposure, interval, strength

sys.path.append(str(Path(__file__).parent))
from suite import check

pytestmark = pytest.mark.long

Patch = pytest.MonkeyPatch
Make = Callable[[Schedule, bytes], list[bytes]]

SIGNAL, SHORTER = Arm("signal", "ringrtc", "voice"), Arm("whatsapp", "fast20", "voice")


@dataclass(frozen=True)
class Mutation:
    """What is broken, and the tests that must notice."""

    name: str
    apply: Callable[[Patch], None]
    noticed_by: tuple[Callable[[], None], ...]


def _ordered(patch: Patch, last: str) -> None:
    """In every block the flows of one role leave after all others."""
    flows_of, draw = layout._planned_flows, layout.random_orders
    late: set[int] = set()

    def flows(*arguments: object) -> tuple[layout.PlannedFlow, ...]:
        laid = flows_of(*arguments)  # type: ignore[arg-type]
        late.clear()
        late.update(index for index, flow in enumerate(laid) if flow.role == last)
        return laid

    def orders(key: bytes, rows: int, count: int) -> list[list[int]]:
        drawn = draw(key, rows, count)
        return [sorted(row, key=late.__contains__) for row in drawn] if rows > 1 else drawn

    patch.setattr(layout, "_planned_flows", flows)
    patch.setattr(layout, "random_orders", orders)


def twin_always_second(patch: Patch) -> None:
    _ordered(patch, "twin")


def call_always_second(patch: Patch) -> None:
    _ordered(patch, "call")


def fixed_roles(patch: Patch) -> None:
    """The same 5-tuples are calls in every epoch of every check."""
    derive = layout.derive_bytes
    patch.setattr(
        layout, "derive_bytes", lambda key, *labels: derive(bytes(32) if labels == ("roles",) else key, *labels)
    )


def weights_of_one_and_a_half(patch: Patch) -> None:
    """Of the parts of the accusing test."""
    patch.setattr(strength, "TEST_PARTS", tuple((*part[:2], 1.5 * part[2], *part[3:]) for part in strength.TEST_PARTS))


def exponents_of_one_and_a_half(patch: Patch) -> None:
    """Of the components of each part; nothing of it is remembered."""
    patch.setattr(strength, "_log_e_paths", inspect.unwrap(strength._log_e_paths))
    patch.setattr(strength, "TEST_PARTS", tuple((*part[:4], part[4] + np.log(1.5)) for part in strength.TEST_PARTS))


def thinning_off(patch: Patch) -> None:
    """No packet of a twin is ever lost virtually."""
    thin = interval._thin_epoch

    def untouched(*arguments: object) -> interval.Thinned | None:
        ready = thin(*arguments)  # type: ignore[arg-type]
        return ready and ready._replace(draws=np.full_like(ready.draws, 2.0))

    patch.setattr(interval, "_thin_epoch", untouched)


def every_failure_explained(patch: Patch) -> None:
    """The order of events: whatever fails is held against the calls, however likely it was that some were there."""
    patch.setattr(
        exposure, "_weighted_ways", lambda flows, gain: np.array([comb(flows, calls) for calls in range(flows + 1)])
    )


class OneByOne:
    """Nonces for a flow whose datagrams have other lengths than their slots, which `nonce.Places` counts on."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots

    def put(self, datagrams: Sequence[bytes], nonce: int, **how: bool) -> list[bytes]:
        """As `nonce.Places` does; where there is no room for one, none."""
        return [
            put_nonce(data, slot, nonce, **how) if len(data) >= (slot.nonce_at or 0) + NONCE_BYTES else data
            for data, slot in zip(datagrams, self._slots, strict=True)
        ]


def controls_of_another_arm(patch: Patch) -> None:
    """Twins have the media of an arm with shorter packets, as if both arms shared them."""
    patch.setattr(flight, "Places", OneByOne)
    media = [slot.size for slot in shapes()[SHORTER].schedule(Random(1), 60).slots if slot.stage == "media"]

    def shared(make: Make) -> Make:
        def twin(schedule: Schedule, key: bytes) -> list[bytes]:
            slots = tuple(
                structs.replace(slot, size=media[index % len(media)]) if slot.stage == "media" else slot
                for index, slot in enumerate(schedule.slots)
            )
            return make(replace(schedule, slots=slots), key)

        return twin

    patch.setattr(layout, "random_twin", shared(layout.random_twin))
    patch.setattr(layout, "text_twin", shared(layout.text_twin))


def blind_order(place: int) -> Callable[[], None]:
    return check("experiment/test_order.py", "test_calls_leave_first_and_last_as_often_as_their_share", "up", place)


def innocent(background: str) -> Callable[[], None]:
    return check("lab/whole_checks/test_role_blind_networks.py", "test_nobody_is_told_apart", background)


MUTATIONS = (
    Mutation("twin always second", twin_always_second,
             (blind_order(0), blind_order(-1), innocent("police_all,kbps=200"))),
    Mutation("call always second", call_always_second,
             (blind_order(0), blind_order(-1), innocent("police_all,kbps=200"))),
    Mutation("fixed roles", fixed_roles,
             (check("experiment/test_layout.py", "test_roles_fall_on_every_5_tuple_alike"),)),
    Mutation("weights that sum to 1.5", weights_of_one_and_a_half,
             (check("verdict/statistics/test_strength.py", "test_is_the_weighted_average_of_its_parts"),
              check("verdict/test_oracle.py", "test_mean_is_at_most_one", "clean"))),
    Mutation("exponents that sum to 1.5", exponents_of_one_and_a_half,
             (check("verdict/statistics/test_strength.py", "test_without_facts"),
              check("verdict/test_oracle.py", "test_mean_is_at_most_one", "clean"))),
    Mutation("thinning off", thinning_off,
             (check("verdict/statistics/test_interval.py", "test_extra_loss_is_inside_at_all_looks", "clean"),
              check("verdict/statistics/test_interval.py", "test_width", "clean", 0.3, 6, 0.2))),
    Mutation("every failure held against the calls", every_failure_explained,
             (check("verdict/statistics/test_exposure.py", "test_mean_over_all_roles_is_one_whatever_fails",
                    (1, 0, 1, 1, 0, 0, 1, 0), 3),
              check("verdict/statistics/test_exposure.py", "test_under_the_null_it_hardly_ever_gets_far"))),
    Mutation("shared controls between unlike arms", controls_of_another_arm,
             (check("experiment/test_layout.py", "test_twins_have_the_lengths_of_the_call_and_every_packet_its_key",
                    SIGNAL),
              innocent("police_all,kbps=700"), innocent("size_loss,over=120,loss=0.3"))),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    layout.lay_out.cache_clear()
    yield
    layout.lay_out.cache_clear()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_is_noticed(mutation: Mutation) -> None:
    for noticing in mutation.noticed_by:
        with Patch.context() as patch:
            mutation.apply(patch)
            layout.lay_out.cache_clear()
            with pytest.raises(AssertionError):
                noticing()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_and_nothing_is_noticed_without_it(mutation: Mutation) -> None:
    for noticing in mutation.noticed_by:
        noticing()
