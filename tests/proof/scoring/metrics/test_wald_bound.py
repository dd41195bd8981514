"""Wald's bound equals the one that tests/verdict computes with scipy."""

from __future__ import annotations

import pytest

from factories.checks import wald_bound
from proof.scoring.metrics.wald_bound import LossModel, block_nats, needed_nats, wald_blocks


@pytest.mark.parametrize("extra", [0.02, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(("share", "bad"), [(0.0, 1.0), (0.05 / 0.9, 0.9), (0.15 / 0.9, 0.9)])
def test_the_bound(extra: float, share: float, bad: float) -> None:
    assert block_nats(8, 8, extra, LossModel(share, bad)) == pytest.approx(
        wald_bound.nats_a_block(8, 8, extra, share=share, bad=bad)
    )
    assert wald_blocks(1e-4, 8, 8, extra, LossModel(share, bad)) == pytest.approx(
        wald_bound.blocks_needed(1e-4, 8, 8, extra, share=share, bad=bad)
    )


def test_what_is_asked_for() -> None:
    assert needed_nats(1e-3) == pytest.approx(6.78, abs=0.01)
    assert wald_blocks(1e-4, 8, 8, 0.0, LossModel()) == float("inf")
