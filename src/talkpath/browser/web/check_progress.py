"""How far a check is: its stage, and about how many seconds are left.

The stages of each medium are its first epochs and the watched calls; the other paths are the last stage. Nobody knows
before whether further epochs follow, so those are counted when they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from talkpath.browser.far_end.counts_to_facts.call_paths import PATH_S
from talkpath.browser.far_end.schedule import WATCH_SLOTS
from talkpath.browser.web.next_epoch import FIRST_EPOCHS
from talkpath.browser.webrtc.call_media import MEDIA, TICK_MS

AROUND_S = 2.5  # an epoch's set-up and end, and what comes until the next one
PATHS_AROUND_S = 4.0  # the same where some paths may not answer


class PlannedEpoch(NamedTuple):
    """An epoch that every check has."""

    medium: Literal["voice", "video"]
    watches: bool

    @property
    def lasts_s(self) -> float:
        """How long it takes."""
        return (WATCH_SLOTS if self.watches else MEDIA[self.medium].slots) * TICK_MS / 1000 + AROUND_S


class CheckProgress:
    """The progress of one check of these media."""

    def __init__(self, media: Sequence[str]) -> None:
        self._media = [medium for medium in MEDIA if medium in media] or ["voice"]
        self._planned = [
            PlannedEpoch(medium, watches)
            for medium in self._media
            for watches, count in ((False, FIRST_EPOCHS[medium]), (True, 1))
            for _ in range(count)
        ]
        self._stage = 1

    def begun(self, epoch: dict[str, Any]) -> dict[str, Any]:
        """What the page is told of an epoch that begins, beside its order."""
        own_s = epoch["slots"] * TICK_MS / 1000 + AROUND_S
        own = PlannedEpoch(epoch["medium"], epoch["watching"])
        if epoch["trying"]:
            self._planned = []
            return self._told(2 * len(self._media) + 1, PATH_S + PATHS_AROUND_S)
        earlier = self._media[: self._media.index(own.medium)]
        self._planned = [each for each in self._planned if each.medium not in earlier]
        if own in self._planned:
            self._planned.remove(own)
        rest_s = sum(each.lasts_s for each in self._planned)
        stage = 2 * len(earlier) + 1 + own.watches
        return self._told(stage, own_s + rest_s + PATH_S + PATHS_AROUND_S)

    def _told(self, stage: int, left_s: float) -> dict[str, Any]:
        self._stage = max(self._stage, stage)
        return {"stage": self._stage, "stages": 2 * len(self._media) + 1, "left_s": round(left_s)}
