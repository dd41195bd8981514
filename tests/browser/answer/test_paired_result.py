"""What a call between two phones says of each end's own line."""

from __future__ import annotations

import pytest

from talkpath.browser.answer.paired_result import _side_sentences
from talkpath.verdict.bases.paired_call import LineFinding, PairedCallVerdict

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
