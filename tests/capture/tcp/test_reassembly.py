"""Segments put together: what a damaged length may cost."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace
from typing import cast

import numpy as np

from talkpath.capture.tcp.reassembly import completed
from talkpath.wire.pcap import Packets


def test_a_damaged_length_takes_no_memory():
    """A record may say that it was cut off after 8 of four thousand million bytes."""
    one = SimpleNamespace(data=np.zeros(8, np.uint8), sequence=np.array([0]), payload=np.array([0]),
                          captured=np.array([8]), size=np.array([4_000_000_000]))  # fmt: skip
    tracemalloc.start()
    found = completed({}, cast(Packets, one), np.array([1]), np.array([0]), np.array([0.0]), lambda payload: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == []
    assert peak < 10_000_000
