"""Flows that came back from the dead: what counts is their first life."""

from __future__ import annotations

import numpy as np
import pytest

from talkpath.verdict.flows.outcomes import ALIVE, LIVED, SILENT, first_life

CASES = {
    "never silent": (("+" * 30,), 30),
    "dead to the end": (("+" * 10 + "-" * 20,), 30),
    "back and alive": (("+" * 10 + "-" * SILENT + "+" * ALIVE,), 10 + SILENT),
    "silent for too short": (("+" * 10 + "-" * (SILENT - 1) + "+" * 12,), 29),
    "one packet slips through": (("+" * 10 + "-" * SILENT + "+" + "-" * 10,), 29),
    "hardly lived before": (("+" * (LIVED - 1) + "-" * SILENT + "+" * 12,), LIVED - 1 + SILENT + 12),
    "back twice": (("+" * 5 + "-" * 9 + "+" * 9 + "-" * 9 + "+" * 9,), 14),
}


@pytest.mark.parametrize(("rows", "kept"), CASES.values(), ids=CASES)
def test_a_life_ends_where_the_next_begins(rows: tuple[str], kept: int):
    arrived = np.array([[mark == "+" for mark in row] for row in rows])
    sent = np.ones_like(arrived)
    life = first_life(sent, arrived, np.full(sent.shape[1], 100.0))
    assert life.sum() == kept
    assert life[:, :kept].all()


def test_slots_that_a_flow_did_not_send_are_no_silence():
    arrived = np.array([[True] * 5 + [False] * 20 + [True] * 10])
    assert (first_life(arrived, arrived, np.full(35, 100.0)) == arrived).all()


def test_what_was_sent_is_left_alone():
    sent = np.ones((1, 40), np.bool_)
    arrived = np.array([[True] * 5 + [False] * 20 + [True] * 15])
    first_life(sent, arrived, np.full(sent.shape[1], 100.0))
    assert sent.all()


def test_small_packets_under_an_edge_in_size_are_no_second_life():
    """Speech of 60 bytes is lost, the comfort noise of the pause after it is not."""
    arrived = np.array([[True] * 5 + [False] * 15 + [True] * 15])
    sent, size = np.ones_like(arrived), np.array([60.0] * 20 + [24.0] * 15)
    assert first_life(sent, arrived, size).all()
    assert first_life(sent, arrived, np.full(35, 60.0)).sum() == 20
