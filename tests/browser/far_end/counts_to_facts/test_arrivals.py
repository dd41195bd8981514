"""What a call sent, where its browser stopped because nobody renewed its consent, and where something cut it off."""

from __future__ import annotations

import pytest

from talkpath.browser.far_end.counts_to_facts.arrivals import up_call
from talkpath.browser.far_end.counts_to_facts.epoch_report import FarFlowReport, PageFlowReport, Poll
from talkpath.browser.far_end.transports.shared_port import LaneCounts

SLOTS, LAST = 1350, 1295  # due, and arrived: 25.9 s of them
CHROMIUM_S, FIREFOX_S = 2.5, 5.5  # the longest time between two requests of a call that goes on


def sent(requested_s: float | None, gap_s: float) -> int:
    """How many packets count as sent, of a call whose last request came then."""
    near = PageFlowReport(0, 20.0, 20.0, polls=(Poll(27_000.0, SLOTS, SLOTS),))
    arrivals = tuple((number, number * 0.02) for number in range(LAST))
    far = FarFlowReport(0, arrivals, requested_s=requested_s, request_gap_s=gap_s)
    counted, came = up_call(near, far, 0.0, SLOTS)
    assert len(came) == LAST
    return len(counted)


@pytest.mark.parametrize(("requested_s", "gap_s"), [(19.0, CHROMIUM_S), (0.5, FIREFOX_S)])
def test_a_browser_whose_consent_expired_sent_no_more(requested_s: float, gap_s: float) -> None:
    assert sent(requested_s, gap_s) == LAST


@pytest.mark.parametrize(
    ("requested_s", "gap_s"),
    [
        (25.0, CHROMIUM_S),  # requests end with the media: both were dropped
        (21.0, CHROMIUM_S),  # and one request before them was lost
        (20.0, FIREFOX_S),
        (0.2, 0.1),  # too short to know how often it renews consent
        (None, 0.0),
    ],
)
def test_a_call_that_was_cut_off_went_on_sending(requested_s: float | None, gap_s: float) -> None:
    assert sent(requested_s, gap_s) == SLOTS


def test_the_longest_time_between_two_requests_is_known() -> None:
    counts = LaneCounts()
    for now_s in (1.0, 1.2, 3.7, 6.1):
        counts.add_request(now_s)
    assert (counts.requests, counts.requested_s, counts.request_gap_s) == (4, 6.1, 2.5)
