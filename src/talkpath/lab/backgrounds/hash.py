"""`hash`: a hash of the 5-tuple selects a queue or link, some of which lose packets (fair queues, link bundles)."""

from __future__ import annotations

from random import Random

from talkpath.lab.backgrounds.background import BackgroundKind, Impairments, RunSettings
from talkpath.lab.parameters import Setting
from talkpath.lab.path.headers import five_tuple, hash_share
from talkpath.lab.path.link import DROP, PASS, PacketFilter

SHARE = Setting("share", "share", "of 5-tuples in a bad bucket", 0.12, drawn=(0.05, 0.2))
LOSS = Setting("loss", "share", "of the packets of those", 0.2, drawn=(0.05, 0.5))


def hash_loss_filter(rng: Random, share: float, loss: float) -> PacketFilter:
    """The packet filter of one direction."""
    salt = rng.getrandbits(32)
    bad: dict[bytes, bool] = {}

    def fate(now_s: float, packet: bytes) -> float:
        key = five_tuple(packet)
        if key not in bad:
            bad[key] = hash_share(packet, salt) < share
        return DROP if bad[key] and rng.random() < loss else PASS

    return fate


def make(settings: RunSettings) -> Impairments:
    """Hashed independently for each direction: a 5-tuple may lose packets in one direction only."""
    share, loss = settings.number("share"), settings.number("loss")
    return Impairments(
        (hash_loss_filter(settings.random("up"), share, loss),),
        (hash_loss_filter(settings.random("down"), share, loss),),
    )


KIND = BackgroundKind("hash", "some 5-tuples fare badly", make, (SHARE, LOSS))
