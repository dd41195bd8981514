"""Rules written by hand against calls like recorded ones, and Wehe's method beside."""

from __future__ import annotations

import pytest

from factories.packets.untaught_calls import framed, untaught_recordings
from proof.written_rules import RULES, play_rule, told
from talkpath.apps.recorded.shape_text import write_shape_text
from talkpath.capture.shapes.make_shape import make_shape
from talkpath.verdict.model import Number


@pytest.fixture(scope="module")
def shape() -> bytes:
    return write_shape_text(make_shape(untaught_recordings(framed), "framed"))


@pytest.mark.long
def test_a_rule_on_the_apps_own_mark_is_named_with_its_share(shape: bytes) -> None:
    verdict, _, facts = play_rule(shape, RULES["framed"], 1)
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "media.drop", "up")
    share = verdict.parameters["p"]
    assert isinstance(share, Number)
    assert (share.low or 0.0) <= 0.3 <= (share.high or 0.0)
    assert told(verdict).startswith("restricted, media.drop, up, ")
    assert facts.simulated


@pytest.mark.parametrize("name", ["none", "tunnel", "other"])
def test_what_hits_others_is_not_told(shape: bytes, name: str) -> None:
    verdict, accused, _ = play_rule(shape, RULES[name], 1)
    assert (verdict.state, accused) == ("ok", False)
