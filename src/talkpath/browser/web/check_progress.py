"""How far a check is: its stage, and about how many seconds are left.

The stages are the usual epochs of the first medium, the other ways through, and the call that lives on to its end; each
further medium has two of these. Nobody knows before whether further epochs follow, so those are counted when they come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from talkpath.browser.far_end.counts_to_facts.call_paths import PATH_S
from talkpath.browser.far_end.schedule import WATCH_SLOTS
from talkpath.browser.web.next_epoch import FIRST_EPOCHS
from talkpath.browser.webrtc.call_media import CALL_MEDIA, TICK_MS

EPOCH_OVERHEAD_S = 2.5  # an epoch's set-up and end, and what comes until the next one
PATHS_AROUND_S = 4.0  # the same where some paths may not answer

Kind = Literal["usual", "paths", "watch"]
MediumName = Literal["voice", "video"]


class PlannedStep(NamedTuple):
    """A step that every check has."""

    stage: int
    medium: str
    kind: Kind
    lasts_s: float


class PageProgress:
    """The progress of one check of these media."""

    def __init__(self, media: Sequence[str]) -> None:
        known: list[MediumName] = [medium for medium in CALL_MEDIA if medium in media]
        self._planned = list(_planned_s(known or ["voice"]))
        self.stages = self._planned[-1].stage
        self._stage = 1

    def begun(self, epoch: dict[str, Any]) -> dict[str, Any]:
        """What the page is told of an epoch that begins, beside its order."""
        kind: Kind = "paths" if epoch["trying"] else "watch" if epoch["watching"] else "usual"
        around_s = PATHS_AROUND_S if epoch["trying"] else EPOCH_OVERHEAD_S
        return self._told(epoch["medium"], kind, epoch["slots"] * TICK_MS / 1000 + around_s)

    def finishing(self, watch: dict[str, Any]) -> dict[str, Any]:
        """The same where only the call that lives on is left."""
        return self._told(watch["medium"], "watch", watch["left_s"] + EPOCH_OVERHEAD_S)

    def _told(self, medium: str, kind: Kind, own_s: float) -> dict[str, Any]:
        """Take the step from the plan, and what should have come before it."""
        is_this = [(step.medium, step.kind) == (medium, kind) for step in self._planned]
        if True in is_this:
            step = self._planned[is_this.index(True)]
            self._stage = max(self._stage, step.stage)
            self._planned = self._planned[is_this.index(True) + 1 :]
        rest_s = sum(step.lasts_s for step in self._planned)
        return {"stage": self._stage, "stages": self.stages, "left_s": round(own_s + rest_s)}


def _planned_s(media: Sequence[MediumName]) -> Iterator[PlannedStep]:
    stage = 0
    for place, medium in enumerate(media):
        epoch_s = CALL_MEDIA[medium].slots * TICK_MS / 1000 + EPOCH_OVERHEAD_S
        paths_s = PATH_S + PATHS_AROUND_S if place == 0 else 0.0
        before_s = FIRST_EPOCHS[medium] * epoch_s + paths_s
        stage += 1
        yield from FIRST_EPOCHS[medium] * [PlannedStep(stage, medium, "usual", epoch_s)]
        if paths_s:
            stage += 1
            yield PlannedStep(stage, medium, "paths", paths_s)
        stage += 1
        yield PlannedStep(stage, medium, "watch", max(0.0, WATCH_SLOTS * TICK_MS / 1000 - before_s) + EPOCH_OVERHEAD_S)
