"""Finds when a rule began to act during a check: calls of earlier epochs fare as their twins, those begun later do not.

Such a rule is told by the epochs that began after that; those under way at that moment are a mixture, and may fit a
rule that the network does not have. Later calls may be longer, and a rule may act late in a call: only what they lose
within the time that earlier calls lived shows an onset. Contract: facts only. Whether such a split explains the arm
better than one rule for the whole check is decided by whoever asks (verdict.rules.best).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from talkpath.measure.facts import Epoch
from talkpath.verdict.flows.arm_view import ArmView
from talkpath.verdict.flows.outcomes import media_begins_s

ONSET_CHANCES = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.997])  # of loss, after the onset
MIN_ONSET_NATS = 12.0  # by which what came before the onset contradicts that loss
SET_UP_LOSSES = np.array([0.2])  # loss of set-up
# so much of an epoch's media may lie before the onset that losses show: the first may pass by chance
ONSET_SLACK_S = 0.3


class RuleOnset(NamedTuple):
    """When a rule began to act, in seconds of the check; the epochs that had ended, and those that began since."""

    at_s: float
    before: tuple[Epoch, ...]
    since: tuple[Epoch, ...]


def rule_onset(view: ArmView) -> RuleOnset | None:
    """The onset that explains the losses of the view best, if whole epochs lie on either side of it and those before
    contradict the loss after it."""
    if len(view.explained) < 2 or not view.losses:
        return None
    at_s = np.concatenate([losses.epoch.started_s + losses.at_s for losses in view.losses])
    gains = np.concatenate([losses.gains(ONSET_CHANCES[:, None]) for losses in view.losses], axis=1)
    order = np.argsort(at_s, kind="stable")
    since = gains[:, order[::-1]].cumsum(axis=1)[:, ::-1]
    chance, first = np.unravel_index(np.argmax(since), since.shape)
    if since[chance, first] - since[chance, 0] < MIN_ONSET_NATS:
        return None
    found = _split_at(view, float(at_s[order[first]]))
    return found if found is not None and _shows_early(view, found, float(ONSET_CHANCES[chance])) else None


def _shows_early(view: ArmView, onset: RuleOnset, chance: float) -> bool:
    """Whether calls that began since lose so much within the time that calls lived before."""
    before, since = ({epoch.number for epoch in epochs} for epochs in (onset.before, onset.since))
    lived_s = max((float(each.at_s.max()) for each in view.losses if each.epoch.number in before), default=0.0)
    early = (
        float(each.gains(np.array([[chance]]))[0][each.at_s <= lived_s].sum())
        for each in view.losses
        if each.epoch.number in since
    )
    return sum(early) >= MIN_ONSET_NATS


def _split_at(view: ArmView, at_s: float) -> RuleOnset | None:
    """Take the epochs on either side. Set-up of one that had started may have passed before the onset: if later calls
    lose theirs, it counts among those since only if no other is left."""
    started = tuple(epoch for epoch in view.explained if epoch.started_s >= at_s)
    begun = tuple(epoch for epoch in view.explained if _begins_since(epoch, at_s))
    since = started if started and _lose_setup(view, started) else begun
    before = tuple(epoch for epoch in view.explained if epoch.ended_s <= at_s and not _begins_since(epoch, at_s))
    return RuleOnset(at_s, before, since) if before and since else None


def _lose_setup(view: ArmView, epochs: tuple[Epoch, ...]) -> bool:
    numbers = {epoch.number for epoch in epochs}
    chosen = [losses for losses in view.losses if losses.epoch.number in numbers]
    return sum(float(losses.gains(SET_UP_LOSSES)[~losses.on("media", "control")].sum()) for losses in chosen) > 0.0


def _begins_since(epoch: Epoch, at_s: float) -> bool:
    return media_begins_s(epoch) >= at_s - ONSET_SLACK_S
