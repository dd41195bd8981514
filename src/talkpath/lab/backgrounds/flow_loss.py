"""`flow_loss`: each 5-tuple has its own loss rate, drawn from a Pareto distribution: a few have very high loss."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import five_tuple, hash_share
from talkpath.lab.path.link import DROP, PASS, PacketFilter

LEAST = Setting("least", "share", "that any 5-tuple loses", 0.005, low=1e-6, drawn=(0.001, 0.03))
TAIL = Setting("tail", "exponent", "of the tail: the smaller, the heavier", 1.0, low=0.1, high=10, drawn=(0.6, 1.6))

MAX_FLOW_LOSS_SHARE = 0.9


def tail_loss_filter(rng: Random, least: float, tail: float) -> PacketFilter:
    """The packet filter of one direction. Loss exceeds x times `least` for a share x^-tail of 5-tuples."""
    salt = rng.getrandbits(32)
    losses: dict[bytes, float] = {}

    def fate(now_s: float, packet: bytes) -> float:
        key = five_tuple(packet)
        if key not in losses:
            losses[key] = min(MAX_FLOW_LOSS_SHARE, least * (1 - hash_share(packet, salt)) ** (-1 / tail))
        return DROP if rng.random() < losses[key] else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """Loss rates are drawn independently for each direction of a 5-tuple."""
    least, tail = settings.number("least"), settings.number("tail")
    return Impairments(
        (tail_loss_filter(settings.random("up"), least, tail),),
        (tail_loss_filter(settings.random("down"), least, tail),),
    )


KIND = BackgroundKind("flow_loss", "a few 5-tuples lose very much", make, (LEAST, TAIL), unseen=True)
