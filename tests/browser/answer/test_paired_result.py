"""What a call between two phones says of each end's own line."""

from __future__ import annotations

import pytest

from talkpath.browser.answer.paired_result import ENDS, _paired_words, _side_sentences
from talkpath.measure.paired_call import PairedEnd
from talkpath.verdict.bases.paired_call import LineFinding, PairedCallVerdict, RestrictedSide, RouteFinding

HELD = LineFinding("restricted", "media.drop", "voice")
OPEN = "The other line could not be judged: whether it does the same stays open."


@pytest.mark.parametrize("side", ["a", "b"])
@pytest.mark.parametrize(("state", "open_"), [("insufficient", True), ("", True), ("ok", False), ("impaired", False)])
def test_a_line_that_could_not_be_judged_is_not_told_to_be_free(side: str, state: str, open_: bool) -> None:
    lines = (HELD, LineFinding(state)) if side == "a" else (LineFinding(state), HELD)
    verdict = PairedCallVerdict(
        "restricted", "a" if side == "a" else "b", differs=False, routes=(), a=lines[0], b=lines[1]
    )
    for own, other in (lines, lines[::-1]):
        told = list(_side_sentences(verdict, own, other))
        assert told[0].startswith("Calls to the test server are held back there")
        assert (OPEN in told) is open_


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize(
    ("side", "end", "who"),
    [("both", "a", "both lines show"), ("a", "a", "your line shows"), ("a", "b", "the other line shows")],
)
def test_calls_that_get_through_are_not_headed_as_held_back(
    side: RestrictedSide, end: PairedEnd, who: str, passes: bool
) -> None:
    """The page asks whether calls between two get through: that is answered first."""
    routes = tuple(
        RouteFinding(route, "voice", sender, fate, 15, 15, 15, 0.0, 0.0, 0.0)
        for sender in ENDS
        for route, fate in (("direct", "not_connected"), ("relayed", "passes" if passes or sender == "a" else "poor"))
    )  # type: ignore[arg-type]
    verdict = PairedCallVerdict("restricted", side, differs=False, routes=routes, a=HELD, b=HELD)
    told = _paired_words(verdict, end)
    assert ("Calls between you get through" in told["title"]) is passes
    assert (who in told["title"]) is passes
    assert any("own check with the test server" in line for line in told["sentences"]) is passes
