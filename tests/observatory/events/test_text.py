"""Numbers of an event in a sentence: no interval is the estimate and its own bound."""

from __future__ import annotations

import pytest

from talkpath.observatory.events.record import Event
from talkpath.observatory.events.text import event_details


@pytest.mark.parametrize(
    ("share", "low", "high", "said"),
    [
        (0.8, 0.62, 0.91, ", 80 % (62 to 91 %)"),
        (1.0, 0.81, 1.0, ", 100 % (at least 81 %)"),
        (0.02, 0.02, 0.3, ", 2 % (at most 30 %)"),
        (1.0, 1.0, 1.0, ""),
    ],
)
def test_the_share_of_checks(share: float, low: float, high: float, said: str):
    event = Event("XX/AS1/max/voice/2025-08-11/began", "AS1", "XX", "max", "voice", "began", "2025-08-10", "2025-08-11",
                  "confirmed", 8, 6, checks=10, share=share, share_low=low, share_high=high)  # fmt: skip
    assert next(event_details(event)) == f"8 of 10 checks say restricted{said}; at least 6 people"
