"""What all sessions of one responder share, and the error by which each of them refuses its probe."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from talkpath.responder.flight_table import FlightTable
from talkpath.responder.layout_queue import LayoutQueue
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.receipts import ReceiptSigner
from talkpath.wire.control.invitation import Invitations
from talkpath.wire.control.messages import Refusal


class RefusedError(Exception):
    """The probe broke the protocol or asked for too much: it is sent this refusal."""

    def __init__(self, code: str, sentence: str, versions: tuple[int, ...] = ()) -> None:
        super().__init__(sentence)
        self.refusal = Refusal(code, sentence, versions)


@dataclass(slots=True)
class Shared:
    """What all sessions of one responder share. `draw(n)` gives n unpredictable bytes. A driver sets two functions:
    `proven` tells whether a source is a stream, whose address needs no check; `host_of` gives a source's address, to be
    compared with that of a control connection. Without `invitations` everybody is welcome."""

    identity: Identity
    limits: Limits
    draw: Callable[[int], bytes]
    receipts: ReceiptSigner | None
    flights: FlightTable
    layouts: LayoutQueue
    invitations: Invitations | None = None
    proven: Callable[[Hashable], bool] = lambda source: False
    host_of: Callable[[Hashable], Hashable] = lambda source: None
