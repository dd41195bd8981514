"""`reorder`: some packets are reordered, a few are duplicated, none is lost."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import PASS, PacketFilter

SHARE = Setting("share", "share", "of packets that are overtaken", 0.02, drawn=(0.005, 0.05))
LATE_MS = Setting("late_ms", "ms", "that they lose at most", 20.0, high=5000, drawn=(5, 40))
TWICE = Setting("twice", "share", "of packets that arrive twice", 0.002, drawn=(0.0, 0.005))


def reordering_filter(rng: Random, share: float, late_s: float) -> PacketFilter:
    """The packet filter of one direction."""

    def fate(now_s: float, packet: bytes) -> float:
        return late_s * (0.1 + 0.9 * rng.random()) if rng.random() < share else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """Each direction reorders independently; both duplicate the same share."""
    share, late_s = settings.number("share"), settings.number("late_ms") / 1000
    return Impairments(
        (reordering_filter(settings.random("up"), share, late_s),),
        (reordering_filter(settings.random("down"), share, late_s),),
        duplicated=settings.number("twice"),
    )


KIND = BackgroundKind("reorder", "packets overtake one another", make, (SHARE, LATE_MS, TWICE))
