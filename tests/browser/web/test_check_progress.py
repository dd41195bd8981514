"""How far a check is: stages never go back, and the seconds that are left shrink from step to step."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.browser.web.check_messages import PageProgress
from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME

PATHS = {"medium": "voice", "watching": False, "trying": True, "slots": 150}


def usual(medium: str) -> dict[str, Any]:
    return {"medium": medium, "watching": False, "trying": False, "slots": MEDIA_BY_NAME[medium].slots}


def proof(medium: str, slots: int) -> dict[str, Any]:
    return {"medium": medium, "watching": True, "trying": False, "slots": slots}


def finish(medium: str, left_s: float = 1.0) -> dict[str, Any]:
    return {"type": "finish", "medium": medium, "left_s": left_s}


def told(progress: PageProgress, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [progress.finishing(step) if step.get("type") == "finish" else progress.begun(step) for step in steps]


VOICE = [usual("voice"), usual("voice"), usual("voice"), PATHS, finish("voice")]


@pytest.mark.parametrize(
    ("media", "steps", "stages"),
    [
        (["voice"], VOICE, [1, 1, 1, 2, 3]),
        (["voice"], [*VOICE, usual("voice"), usual("voice")], [1, 1, 1, 2, 3, 3, 3]),
        (["voice"], [*VOICE, proof("voice", 600)], [1, 1, 1, 2, 3, 3]),
        (["voice"], [usual("voice"), PATHS, finish("voice")], [1, 2, 3]),
        (["voice", "video"], [*VOICE, usual("video"), finish("video")], [1, 1, 1, 2, 3, 4, 5]),
        (["nonsense"], [usual("voice"), PATHS, finish("voice")], [1, 2, 3]),
    ],
)
def test_the_stage_of_each_step(media: list[str], steps: list[dict[str, Any]], stages: list[int]) -> None:
    found = told(PageProgress(media), steps)
    assert [each["stage"] for each in found] == stages
    assert {each["stages"] for each in found} == {stages[-1]}


def test_fewer_and_fewer_seconds_are_left() -> None:
    steps = [*VOICE, usual("video"), finish("video", 20.0)]
    left = [each["left_s"] for each in told(PageProgress(["voice", "video"]), steps)]
    assert left == sorted(left, reverse=True)
    assert 50 < left[0] < 75
    assert 20 < left[-1] < 30


def test_a_further_epoch_takes_time_of_its_own() -> None:
    progress = PageProgress(["voice"])
    told(progress, VOICE)
    assert progress.begun(proof("voice", 500))["left_s"] >= 500 * 0.02
