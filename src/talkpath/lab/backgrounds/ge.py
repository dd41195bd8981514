"""`ge`: burst losses, as on radio links (the Gilbert-Elliott model, in continuous time).

In the bad state each packet is lost with probability 0.9; the mean length of the good state follows from the overall
loss. Bad states of 5 to 40 ms on average: one fade of a moving phone, one contention round of a busy Wi-Fi.
"""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.link import DROP, PASS, PacketFilter

LOSS_IN_BAD = 0.9

LOSS = Setting("loss", "share", "of all packets", 0.05, high=0.5, drawn=(0.02, 0.15))
BURST_MS = Setting("burst_ms", "ms", "mean length of a burst", 20.0, low=0.1, high=10000, drawn=(5, 40))


def burst_loss_filter(rng: Random, loss: float, burst_s: float) -> PacketFilter:
    """The packet filter of one direction."""
    bad_share = loss / LOSS_IN_BAD
    good_s = burst_s * (1 - bad_share) / bad_share if loss else float("inf")
    bad = rng.random() < bad_share
    turn_s = rng.expovariate(1 / (burst_s if bad else good_s)) if loss else float("inf")

    def fate(now_s: float, packet: bytes) -> float:
        nonlocal bad, turn_s
        while turn_s <= now_s:
            bad = not bad
            turn_s += rng.expovariate(1 / (burst_s if bad else good_s))
        return DROP if bad and rng.random() < LOSS_IN_BAD else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """Each direction changes its state independently."""
    loss, burst_s = settings.number("loss"), settings.number("burst_ms") / 1000
    return Impairments(
        (burst_loss_filter(settings.random("up"), loss, burst_s),),
        (burst_loss_filter(settings.random("down"), loss, burst_s),),
    )


KIND = BackgroundKind("ge", "losses in bursts", make, (LOSS, BURST_MS))
