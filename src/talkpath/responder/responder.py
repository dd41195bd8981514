"""One responder: all its sessions, and the one place where all their packets arrive.

An engine: bytes and the time in, bytes and the next wake-up out. Bytes that belong to no session get no answer.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable

from talkpath.responder.flight import ResponderPacket
from talkpath.responder.flight_table import FlightTable
from talkpath.responder.geoip import UNKNOWN_ORIGIN, NetworkOrigin
from talkpath.responder.layout_queue import LayoutQueue
from talkpath.responder.limits import USUAL_LIMITS, Identity, Limits
from talkpath.responder.receipts import ReceiptSigner
from talkpath.responder.session import ResponderSession
from talkpath.responder.shared import RefusedError, Shared
from talkpath.wire.control.invitation import Invitations
from talkpath.wire.control.messages import Refusal

BUSY_REFUSAL = "This responder has as many sessions as it takes; try again in a minute."

SESSION_SWEEP_S = 0.1


class Responder(FlightTable):
    """All sessions of one responder. `draw(n)` gives n unpredictable bytes (seeded in the lab). Without `receipts` it
    signs none, without `invitations` it is open to everybody."""

    def __init__(
        self,
        identity: Identity,
        limits: Limits = USUAL_LIMITS,
        draw: Callable[[int], bytes] = os.urandom,
        receipts: ReceiptSigner | None = None,
        layouts: LayoutQueue | None = None,
        invitations: Invitations | None = None,
    ) -> None:
        super().__init__()
        self.identity = identity
        self.layouts = layouts or LayoutQueue(limits)
        self._sweep_s = 0.0  # when to look for sessions that are over
        self._sessions: set[ResponderSession] = set()
        self._blocks: Counter[Hashable] = Counter()
        self.shared = Shared(
            identity=identity,
            limits=limits,
            draw=draw,
            receipts=receipts,
            flights=self,
            layouts=self.layouts,
            invitations=invitations,
        )

    @property
    def free_places(self) -> int:
        """How many more sessions it has room for."""
        return max(0, self.shared.limits.sessions - len(self._sessions))

    # -- the control channel ---------------------------------------------------------------------------------

    def connect(
        self, block: Hashable, origin: NetworkOrigin = UNKNOWN_ORIGIN, host: Hashable = None, binding: bytes = b""
    ) -> ResponderSession:
        """A new control connection. It becomes a session, and counts as one, with its Hello."""
        return ResponderSession(self.shared, self._admit, block, origin, host, binding)

    def expects(self, block: Hashable) -> bool:
        """Whether calls over streams may come from this address block: it has a session, or everybody is welcome."""
        return self.shared.invitations is None or self._blocks[block] > 0

    def receive(self, now_s: float, session: ResponderSession, data: bytes) -> bytes:
        """Control bytes in, control bytes out. With `session.closed`, the connection ends once they are sent."""
        out = session.receive(now_s, data)
        self.attend_s = self.layouts.wake_s
        self.wake_s = min(self.wake_s, self.attend_s)
        return out

    def disconnect(self, session: ResponderSession) -> None:
        """The control connection is gone; so is everything that it asked for."""
        self._leave(session)
        session.end()

    def _leave(self, session: ResponderSession) -> None:
        """The session's place is free."""
        if session in self._sessions:
            self._sessions.discard(session)
            self._blocks[session.block] -= 1
            if not self._blocks[session.block]:
                del self._blocks[session.block]

    def _admit(self, session: ResponderSession) -> None:
        """Count a session, or refuse it. Where all places are taken, a block that has more than others gives one up."""
        limits, block = self.shared.limits, session.block
        if self._blocks[block] >= limits.sessions_per_block:
            raise RefusedError("busy", BUSY_REFUSAL)
        if len(self._sessions) >= limits.sessions and not self._make_room(self._blocks[block] + 1):
            raise RefusedError("busy", BUSY_REFUSAL)
        self._sessions.add(session)
        self._blocks[block] += 1

    def _make_room(self, wanted: int) -> bool:
        """End a session of the block with most places, if it has more than `wanted`: one that runs no epoch if there
        is any, of those the one that was silent for longest."""
        block, most = max(self._blocks.items(), key=lambda item: item[1], default=(None, 0))
        if most <= wanted:
            return False
        theirs = [session for session in self._sessions if session.block == block]
        ended = min(theirs, key=lambda session: (session.epochs.busy, session.heard_s))
        ended.refuse(Refusal("busy", BUSY_REFUSAL))
        self._leave(ended)
        return True

    # -- time ------------------------------------------------------------------------------------------------

    def poll(self, now_s: float) -> list[ResponderPacket]:
        """All packets that are due now."""
        if now_s >= self.attend_s:
            self.collect(now_s)
        packets = self.emit(now_s)
        if now_s >= self._sweep_s:
            self._sweep_s = now_s + SESSION_SWEEP_S
            for session in self._sessions:
                session.epochs.forget_old(now_s)
                session.end_if_over(now_s)
        return packets

    def collect(self, now_s: float) -> None:
        """Hand over the epochs that are laid out by now, and start to lay out the next."""
        self.layouts.collect(now_s)
        self.attend_s = self.layouts.wake_s
        self.wake_s = min(self.wake_s, self.attend_s)
