"""A fingerprint of what a probe measured: told to the responder at the end of a session, and in its receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from talkpath.measure.facts import Epoch


def facts_digest(epochs: Sequence[Epoch]) -> bytes:
    """SHA-256 over the epochs as MessagePack, without what may still change after the probe has told it.

    That is `late`, which the responder's last word adds to, and the ports' numbers: in the lab's loopback other ports
    stand for them.
    """
    settled = msgspec.msgpack.encode([_settled(epoch) for epoch in epochs])
    stored = msgspec.msgpack.decode(settled, type=list[Epoch])  # as a reader of a file has it: 1 ms becomes 1.0 ms
    return hashlib.sha256(msgspec.msgpack.encode(stored)).digest()


def _settled(epoch: Epoch) -> Epoch:
    flows = tuple(replace(flow, late=b"", port=0) for flow in epoch.flows)
    return replace(epoch, flows=flows, value=None if epoch.question == "transport" else epoch.value)
