"""The far end of WebRTC connections: aiortc behind the shared port. It answers offers and counts.

`WebRtcCall` is a real call. `DataChannelTwin` is a twin for browsers without WebTransport: an unreliable data channel
(RFC 8831) in a connection of its own. The browser stays the DTLS client, so that its own ClientHello is what is sent
(RFC 8842: `setup:active`). Candidates are removed from the offer: the browser's address is learnt from its first STUN
request.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from talkpath.browser.far_end.transports.shared_port import Lane, LaneCounts, SharedPort
from talkpath.browser.far_end.transports.webtransport_twin import TwinArrivals

STRIPPED = re.compile(r"^a=(candidate|end-of-candidates|extmap|rtcp-fb)\b.*\r?\n", re.MULTILINE)
HANG_UP_S = 2.0


class PeerConnection:
    """One connection that a browser offered."""

    def __init__(self, port: SharedPort, host: str) -> None:
        from aiortc import RTCPeerConnection

        self._peer = RTCPeerConnection()
        self._port, self._host = port, host
        self._lane: Lane | None = None

    @property
    def counts(self) -> LaneCounts:
        """What its lane counted."""
        return self._lane.counts if self._lane else LaneCounts()

    @property
    def prefixes(self) -> set[bytes]:
        """The network prefixes that its packets came from."""
        return self.counts.prefixes

    async def answer(self, sdp: str) -> str:
        """Return the SDP answer to an offer. `ValueError` if it is no valid offer."""
        from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError

        try:
            return await self._answer(STRIPPED.sub("", sdp).replace("a=setup:actpass", "a=setup:active"))
        except (
            InternalError,
            InvalidAccessError,
            InvalidStateError,
            OperationError,
            AssertionError,
            IndexError,
        ) as error:
            raise ValueError("no offer that can be answered") from error

    async def _answer(self, offer: str) -> str:
        from aiortc import RTCSessionDescription

        await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self._add_tracks()
        for transport in self._transports():
            self._share(transport.transport.iceGatherer._connection)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return str(self._peer.localDescription.sdp)

    def _add_tracks(self) -> None:
        """Add what this end sends."""

    def _transports(self) -> list[Any]:
        """The DTLS transports."""
        raise NotImplementedError

    def _share(self, connection: Any) -> None:
        """Make its ICE use the shared port."""

        async def candidates(component: int, addresses: list[str], timeout: int = 5) -> list[Any]:
            return [self._candidate(connection, component)]

        connection.get_component_candidates = candidates

    def _candidate(self, connection: Any, component: int) -> Any:
        from aioice.candidate import Candidate, candidate_foundation, candidate_priority
        from aioice.ice import StunProtocol

        protocol = StunProtocol(connection)
        self._lane = self._port.lane(protocol, connection.local_username)
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", self._host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=self._host,
            port=self._port.address[1],
            type="host",
        )
        connection._protocols.append(protocol)
        return protocol.local_candidate

    async def close(self) -> None:
        """Close the connection. If aiortc does not do that in time, at least the lane is closed."""
        try:
            await asyncio.wait_for(self._peer.close(), HANG_UP_S)
        except TimeoutError:
            if self._lane:
                self._lane.close()


class DataChannelTwin(PeerConnection):
    """One twin as a data channel. `sent` and `received` as in `twin.Twin`, but without packet numbers."""

    def __init__(self, port: SharedPort, host: str) -> None:
        super().__init__(port, host)
        self.received = TwinArrivals()
        self.sent: list[int] = []
        self._channel: Any = None
        self._peer.on("datachannel", self._opened)

    def _transports(self) -> list[Any]:
        return [self._peer.sctp.transport] if self._peer.sctp else []

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.on("message", self._take)

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.received.add(message)

    def tick(self, slot: int, size: int) -> None:
        """Send slot `slot` if the channel is open and nothing waits in it."""
        if self._channel is not None and self._channel.readyState == "open" and not self._channel.bufferedAmount:
            self._channel.send(slot.to_bytes(2, "big") + bytes(size - 2))
            self.sent.append(slot)
