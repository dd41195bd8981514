"""Numbers of an event in a sentence: no interval is the estimate and its own bound."""

from __future__ import annotations

import pytest

from talkpath.observatory.events.record import Event, event_details


@pytest.mark.parametrize(
    ("count", "share", "low", "high", "said"),
    [
        (40, 0.8, 0.62, 0.91, ", 80 % (62 to 91 %)"),
        (50, 1.0, 0.81, 1.0, ", 100 % (at least 81 %)"),
        (50, 0.96, 0.81, 0.99, ", 100 % (at least 81 %)"),
        (1, 0.02, 0.02, 0.3, ", 2 % (at most 30 %)"),
        (50, 1.0, 1.0, 1.0, ""),
    ],
    ids=["an interval", "all", "all, of which the estimate is less", "few", "no interval"],
)
def test_the_share_of_checks(count: int, share: float, low: float, high: float, said: str):
    event = Event("XX/AS1/max/voice/2025-08-11/began", "AS1", "XX", "max", "voice", "began", "2025-08-10", "2025-08-11",
                  "confirmed", count, 6, checks=50, share=share, share_low=low, share_high=high)  # fmt: skip
    assert next(event_details(event)) == f"{count} of 50 checks say restricted{said}; at least 6 people"


def test_what_nobody_vouches_for_is_told_beside_it():
    event = Event("XX/AS1/max/voice/2025-08-11/began", "AS1", "XX", "max", "voice", "began", "2025-08-10", "2025-08-11",
                  "confirmed", 8, 6, checks=10, unvouched=570)  # fmt: skip
    beside = "beside them 570 reports that no listed test server vouches for: they confirm nothing"
    assert beside in list(event_details(event))
