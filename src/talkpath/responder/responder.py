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
from talkpath.responder.limits import USUAL_LIMITS, Identity, Limits
from talkpath.responder.receipts import ReceiptSigner
from talkpath.responder.session import RefusedError, ResponderSession, Shared


class Responder:
    """All sessions of one responder. `draw(n)` gives n unpredictable bytes (seeded in the lab). Without `receipts` it
    signs none."""

    def __init__(
        self,
        identity: Identity,
        limits: Limits = USUAL_LIMITS,
        draw: Callable[[int], bytes] = os.urandom,
        receipts: ReceiptSigner | None = None,
    ) -> None:
        self.identity = identity
        self.flights = FlightTable()
        self._sessions: set[ResponderSession] = set()
        self._blocks: Counter[Hashable] = Counter()
        self.shared = Shared(
            identity=identity,
            limits=limits,
            draw=draw,
            receipts=receipts,
            flights=self.flights,
            admit=self._admit,
        )

    @property
    def wake_s(self) -> float:
        """When `poll` has something to send next."""
        return self.flights.wake_s

    # -- the control channel ---------------------------------------------------------------------------------

    def connect(
        self, block: Hashable, origin: NetworkOrigin = UNKNOWN_ORIGIN, host: Hashable = None
    ) -> ResponderSession:
        """A new control connection. It becomes a session, and counts as one, with its Hello."""
        return ResponderSession(self.shared, block, origin, host)

    def receive(self, now_s: float, session: ResponderSession, data: bytes) -> bytes:
        """Control bytes in, control bytes out. With `session.closed`, the connection ends once they are sent."""
        return session.receive(now_s, data)

    def disconnect(self, session: ResponderSession) -> None:
        """The control connection is gone; so is everything that it asked for."""
        if session in self._sessions:
            self._sessions.discard(session)
            self._blocks[session.block] -= 1
            if not self._blocks[session.block]:
                del self._blocks[session.block]
        session.end()

    def _admit(self, session: ResponderSession) -> None:
        """Count a session, or refuse it."""
        full = len(self._sessions) >= self.shared.limits.sessions
        if full or self._blocks[session.block] >= self.shared.limits.sessions_per_block:
            raise RefusedError("busy", "This responder has as many sessions as it takes; try again in a minute.")
        self._sessions.add(session)
        self._blocks[session.block] += 1

    # -- datagrams -------------------------------------------------------------------------------------------

    def datagram(self, now_s: float, source: Hashable, port: int, data: bytes) -> list[ResponderPacket]:
        """One datagram arrived; the replies to send. Nothing for bytes that are no packet of a session."""
        return self.flights.datagram(now_s, source, port, data)

    def exceeded(self, source: Hashable, port: int, router: str) -> None:
        """A router of the kind `router` reported that a packet's hops ran out, sent from that port to that source."""
        self.flights.exceeded(source, port, router)

    def poll(self, now_s: float) -> list[ResponderPacket]:
        """All packets that are due now."""
        packets = self.flights.emit(now_s)
        for session in self._sessions:
            session.forget_old(now_s)
        return packets
