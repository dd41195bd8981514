"""The responder's word, signed: what it saw of a session, bound to the probe's key and to both seeds."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from talkpath.experiment.layout import Layout
from talkpath.wire.control.keys import Signer
from talkpath.wire.control.messages import MAX_CONTROL_FRAME_BYTES, FlowReport
from talkpath.wire.control.receipt import ReceiptStatement, SeenEpoch, SeenFlow, seal_receipt

SLACK_BYTES = 1 << 18  # of a frame, for what stands beside the signed body

_epochs = msgspec.msgpack.Decoder(SeenEpoch)
_bitmaps = msgspec.msgpack.Decoder(tuple[bytes, ...])


@dataclass(frozen=True, slots=True)
class ReceiptSigner:
    """`hour()` tells the time in UTC, to the hour ("" in virtual time)."""

    signer: Signer
    hour: Callable[[], str]

    def sign(self, statement: ReceiptStatement) -> tuple[bytes, bytes]:
        """(body, signature); nothing for a session too long for one frame."""
        body, signature = seal_receipt(statement, self.signer)
        return (body, signature) if len(body) < MAX_CONTROL_FRAME_BYTES - SLACK_BYTES else (b"", b"")


def pack_epoch(layout: Layout, reports: Sequence[FlowReport]) -> bytes:
    """An epoch, as this end reports it at the probe's cut, packed: that takes a tenth of the memory."""
    begin = layout.begin
    flows = zip(layout.flows, reports, strict=True)
    epoch = SeenEpoch(
        number=begin.number,
        arm=begin.arm,
        question=begin.question.kind,
        flows=tuple(
            SeenFlow("canary" if flow.canary else flow.twin_kind or flow.role, report.sent, report.arrived)
            for flow, report in flows
        ),
    )
    return msgspec.msgpack.encode(epoch)


def pack_late(bitmaps: tuple[bytes, ...]) -> bytes:
    """What came late to an epoch, a bitmap a flow, in one piece: many short bitmaps take ten times their own size."""
    return zlib.compress(msgspec.msgpack.encode(bitmaps), 1)


def unpack_late(packed: bytes) -> tuple[bytes, ...]:
    """What `pack_late` packed."""
    return _bitmaps.decode(zlib.decompress(packed))


def with_late(packed: Iterable[bytes], late: Mapping[int, tuple[bytes, ...]]) -> tuple[SeenEpoch, ...]:
    """The epochs of `pack_epoch`, with what came after their cut."""
    return tuple(_with_late(epoch, late.get(epoch.number, ())) for epoch in map(_epochs.decode, packed))


def _with_late(epoch: SeenEpoch, late: tuple[bytes, ...]) -> SeenEpoch:
    if not late:
        return epoch
    flows = zip(epoch.flows, late, strict=True)
    changed = tuple(SeenFlow(flow.role, flow.sent, flow.arrived, came) for flow, came in flows)
    return SeenEpoch(epoch.number, epoch.arm, epoch.question, changed)
