"""The page of own-address rates: it is written from what was played, and what it promises holds."""

from __future__ import annotations

import re

import write_own_address_rates as script
from talkpath.lab.own_addresses.drawing import draw_innocent, draw_restricted
from talkpath.lab.own_addresses.score import play_case


def test_the_page_is_written_from_what_was_played() -> None:
    innocent = [play_case(draw_innocent(seed)) for seed in range(4)]
    ruled = [play_case(draw_restricted(seed, ("clean",))) for seed in range(4)]
    text = "\n".join(script._page(innocent, ruled, ruled[:2]))
    assert "over 10 drawn networks" in text
    assert "of 4 right" in text
    assert "| bound to | networks | right |" in text


def test_what_the_page_promises_holds() -> None:
    text = script.PAGE.read_text(encoding="utf-8")
    false, innocent = map(int, re.search(r"(\d+) of (\d+) say", text).groups())  # type: ignore[union-attr]
    right, ruled = map(int, re.search(r"On a clean line: (\d+) of (\d+) right", text).groups())  # type: ignore[union-attr]
    named, up = re.search(r"Direction: (\d+) of (\d+) named", text).groups()  # type: ignore[union-attr]
    assert (false, innocent >= 3000) == (0, True)
    assert right >= 0.9 * ruled
    assert named == up
    assert "**Nothing arrives**: 0 packets" in text
