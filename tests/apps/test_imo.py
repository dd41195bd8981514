"""imo: a ping from one end and an answer from the other, then media by size."""

from __future__ import annotations

from random import Random

import pytest

from talkpath.apps import imo
from talkpath.apps.contract.feature import confidence_of
from talkpath.apps.contract.flow_view import FlowView

PING, ANSWER, LONGER = b"\x09\x02" + bytes(8), b"\x09\x03" + bytes(8), b"\x00\x09\x03" + bytes(8)


def seen(*datagrams: tuple[str, bytes]) -> tuple[FlowView, list[str]]:
    view, kinds = FlowView(0), []
    for direction, data in datagrams:
        view.direction = direction  # type: ignore[assignment]
        hit = imo.recognise(data, view)
        kinds.append(hit.kind if hit else "")
    return view, kinds


@pytest.mark.parametrize("answer", [ANSWER, LONGER])
def test_ping_and_answer_together(answer: bytes):
    assert seen(("up", PING), ("down", answer), ("up", PING))[1] == ["", "setup", "setup"]


@pytest.mark.parametrize(
    "datagrams", [[("up", PING), ("up", PING)], [("up", PING), ("up", ANSWER)], [("up", PING), ("down", PING)]]
)
def test_not_one_end_alone(datagrams: list[tuple[str, bytes]]):
    assert not any(seen(*datagrams)[1])


@pytest.mark.parametrize(("size", "medium"), [(60, "voice"), (900, "video")])
def test_media_only_after_both(size: int, medium: str):
    data = Random(size).randbytes(size)
    assert imo.recognise(data, FlowView(0)) is None
    view, _ = seen(("up", PING), ("down", ANSWER))
    hit = imo.recognise(data, view)
    assert hit is not None
    assert (hit.kind, hit.medium) == ("media", medium)
    assert confidence_of(hit.features) <= 0.5, "two short marks are little"
