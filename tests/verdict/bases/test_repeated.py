"""Checks taken together: the product of all of them, a promise held under the null, and a block that is learned."""

from __future__ import annotations

from math import exp, inf, log, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.verdict.bases.repeated import ArmResult, Run, join_runs, log_e_path, wants_fresh
from talkpath.verdict.model import Number, State
from talkpath.verdict.rules import all_rules

ARM = Arm("webrtc", "dtls", "voice")
LIMIT = log(1e4)
E = log(1e6)


def run(state: State, log_e: float = 0.0, at_s: float = 0.0, *, void: bool = False, fresh: bool = False) -> Run:
    rule = "media.drop" if state == "restricted" else None
    return Run(at_s, at_s + 10.0, void, LIMIT, {ARM: ArmResult(state, rule, "up" if rule else None, log_e)}, fresh)


def stopped(state: State, log_e: float = 0.0) -> Run:
    return replace(run(state, log_e, 9000.0), interrupted=True)


def series(*states: State, log_e: float = E) -> list[Run]:
    return [run(s, log_e if s == "restricted" else -0.5, 600.0 * n) for n, s in enumerate(states)]


# -- the product -------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=8))
def test_the_path_is_the_average_of_products_that_begin_at_each_check(log_e: list[float]) -> None:
    e = [exp(each) for each in log_e]
    for n, found in enumerate(log_e_path(log_e), 1):
        begun = sum(prod(e[k - 1 : n]) / (k * (k + 1)) for k in range(1, n + 1))
        assert exp(found) == pytest.approx(begun + 1 / (n + 1))


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=20), st.data())
def test_no_check_is_left_out(log_e: list[float], data: st.DataObject) -> None:
    """More against calls in any one of them is more against calls in all."""
    place = data.draw(st.integers(0, len(log_e) - 1))
    stronger = [*log_e[:place], log_e[place] + 1.0, *log_e[place + 1 :]]
    assert log_e_path(stronger)[-1] >= log_e_path(log_e)[-1]


def test_under_the_null_the_promise_holds_however_long_one_watches() -> None:
    """20 000 watches of 40 checks, each check's e-value log-normal with mean one: at most 1 in 20 ever reaches 20."""
    rng = np.random.default_rng(1)
    log_e = rng.normal(-0.5, 1.0, (20_000, 40))  # exp has mean 1
    products = np.full((len(log_e), 0), 0.0)
    reached = np.zeros(len(log_e), bool)
    for n in range(1, 41):
        products = np.hstack([products, np.full((len(log_e), 1), -log(n * (n + 1)))]) + log_e[:, n - 1 : n]
        reached |= np.exp(products).sum(1) + 1 / (n + 1) >= 20
    share = reached.mean()
    assert share + 4 * (share / len(log_e)) ** 0.5 <= 1 / 20
    assert np.allclose([log_e_path(row)[-1] for row in log_e[:20]], np.log(np.exp(products[:20]).sum(1) + 1 / 41))


# -- what is said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runs", "state", "rule"),
    [
        (series("ok", "ok", "ok"), "ok", None),
        (series("restricted", "restricted"), "restricted", "media.drop"),
        (series("ok", "ok", "restricted", "ok"), "restricted", "media.drop"),  # it was proven, and stays proven
        (series("ok", "impaired"), "impaired", None),
        (series("insufficient", "ok"), "ok", None),
        (series("restricted", log_e=log(1.5e4)), "insufficient", None),  # one check alone, not enough for a whole watch
        (series("restricted", "restricted", log_e=log(1.5e4)), "restricted", "media.drop"),
        (series("ok", log_e=inf)[:1], "ok", None),
        ([run("ok", E), run("ok", E)], "ok", None),  # evidence without an effect that mattered
        ([*series("ok", "ok"), stopped("insufficient"), stopped("insufficient", -0.1)], "ok", None),
        ([*series("ok", "ok"), stopped("insufficient", 0.1)], "insufficient", None),  # it had begun to speak against it
        ([*series("ok", "ok"), stopped("restricted", log(1.5e4))], "insufficient", None),
        ([stopped("insufficient")], "insufficient", None),
        ([*series("ok", "insufficient")], "insufficient", None),  # nobody stopped that one
    ],
)
def test_together(runs: list[Run], state: str, rule: str | None) -> None:
    (found,) = join_runs(runs)
    assert (found.state, found.rule) == (state, rule)
    assert found.figures["checks"] == len(runs)
    assert (found.known_at_s is not None) == (state == "restricted")
    assert found.rule is None or found.rule in all_rules()


def test_a_void_check_counts_for_nothing_whatever_it_says() -> None:
    (found,) = join_runs([run("ok"), run("restricted", E, void=True), run("restricted", E, void=True)])
    assert (found.state, found.figures["checks"]) == ("ok", 1.0)
    assert join_runs([run("restricted", E, void=True)]) == []


def test_the_best_check_is_not_picked() -> None:
    """One strong check among many that say the opposite is no longer strong."""
    (alone,) = join_runs([run("restricted", log(3e4))])
    (among,) = join_runs([run("restricted", log(3e4)), *[run("ok", -2.0) for _ in range(10)]])
    assert alone.log10_e is not None
    assert among.log10_e is not None
    assert among.log10_e < alone.log10_e - 3


# -- learned -----------------------------------------------------------------------------------------------------

FRESH_OK = run("ok", 0.0, 3000.0, fresh=True)
FRESH_BAD = run("restricted", E, 3000.0, fresh=True)
LATER = series("ok", "ok", "restricted", "restricted")


@pytest.mark.parametrize(
    ("runs", "rule"),
    [
        ([*LATER, FRESH_OK], "relearn"),
        (LATER, "media.drop"),  # nobody asked elsewhere
        ([*LATER, FRESH_BAD], "media.drop"),  # a restriction of all calls began
        ([*series("restricted", "restricted", "restricted"), FRESH_OK], "media.drop"),  # it was so from the first
        ([*series("ok", "restricted"), FRESH_OK], "media.drop"),  # once is not enough
        ([*series("ok", "restricted", "restricted", "ok"), FRESH_OK], "media.drop"),  # it went away again
        ([run("ok", 0.0, 100.0, fresh=True), *LATER], "media.drop"),  # asked before it began
    ],
)
def test_a_block_that_is_learned_needs_a_server_that_was_never_called(runs: list[Run], rule: str) -> None:
    (found,) = join_runs(runs)
    assert (found.state, found.rule) == ("restricted", rule)
    if rule == "relearn":
        assert found.parameters == {"after_s": Number(910.0, 610.0, 1210.0)}


def test_the_fresh_server_is_called_once_and_only_when_it_would_tell_something() -> None:
    assert not wants_fresh([])
    assert not wants_fresh(LATER[:3])
    assert wants_fresh(LATER)
    assert not wants_fresh([*LATER, FRESH_OK])
    assert not wants_fresh(series("restricted", "restricted", "restricted"))
    assert not wants_fresh([LATER[0], run("restricted", E, void=True), run("restricted", E, void=True)])
