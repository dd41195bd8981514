"""`media.drop`: packets of calls are lost at random, from the first one on or after some."""

from __future__ import annotations

import calls
from made_checks import Case, assert_named, each_direction, named_on_every_line, verdict_of

CASES = [
    *each_direction("webrtc", lambda way: calls.media_drop(0.1, way, 10), p=0.1),
    *each_direction("webrtc", lambda way: calls.media_drop(0.9, way), p=0.9),
    *each_direction("whatsapp", lambda way: calls.media_drop(0.3, way, 12), p=0.3),
    *each_direction("webrtc", lambda way: calls.media_drop(1.0, way), p=1.0),
]


@named_on_every_line(CASES)
def test_it_is_named(case: Case, line: str) -> None:
    assert_named("media.drop", case, line)


def test_loss_that_hits_twins_too_accuses_nobody() -> None:
    verdict = verdict_of("webrtc", [calls.media_drop(0.3, whom=calls.everything)])
    assert verdict.state != "restricted"
