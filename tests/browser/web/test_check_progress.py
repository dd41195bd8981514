"""How far a check is: stages never go back, and the seconds that are left shrink from epoch to epoch."""

from __future__ import annotations

from typing import Any

import pytest

from talkpath.browser.far_end.schedule import WATCH_SLOTS
from talkpath.browser.web.check_progress import CheckProgress
from talkpath.browser.webrtc.call_media import MEDIA

PATHS = {"medium": "voice", "watching": False, "trying": True, "slots": 150}


def usual(medium: str) -> dict[str, Any]:
    return {"medium": medium, "watching": False, "trying": False, "slots": MEDIA[medium].slots}


def watched(medium: str, slots: int = WATCH_SLOTS) -> dict[str, Any]:
    return {"medium": medium, "watching": True, "trying": False, "slots": slots}


@pytest.mark.parametrize(
    ("media", "epochs", "stages"),
    [
        (["voice"], [usual("voice"), usual("voice"), watched("voice"), PATHS], [1, 1, 2, 3]),
        (["voice"], [usual("voice"), usual("voice"), watched("voice"), usual("voice"), PATHS], [1, 1, 2, 2, 3]),
        (["voice"], [usual("voice"), PATHS], [1, 3]),
        (["voice", "video"], [usual("voice"), usual("video"), watched("video"), PATHS], [1, 3, 4, 5]),
        (["nonsense"], [usual("voice"), PATHS], [1, 3]),
    ],
)
def test_the_stage_of_each_epoch(media: list[str], epochs: list[dict[str, Any]], stages: list[int]) -> None:
    progress = CheckProgress(media)
    told = [progress.begun(epoch) for epoch in epochs]
    assert [each["stage"] for each in told] == stages
    assert {each["stages"] for each in told} == {stages[-1]}


def test_fewer_and_fewer_seconds_are_left() -> None:
    progress = CheckProgress(["voice", "video"])
    epochs = [usual("voice"), usual("voice"), watched("voice"), usual("video"), watched("video"), PATHS]
    left = [progress.begun(epoch)["left_s"] for epoch in epochs]
    assert left == sorted(left, reverse=True)
    assert 60 < left[0] < 100
    assert 0 < left[-1] < 10


def test_a_further_epoch_takes_time_of_its_own() -> None:
    progress = CheckProgress(["voice"])
    for epoch in (usual("voice"), usual("voice"), watched("voice")):
        progress.begun(epoch)
    assert progress.begun(watched("voice", 500))["left_s"] >= 500 * 0.02
