"""A twin for browsers without WebTransport: an unreliable data channel (RFC 8831) in a connection of its own.

ICE and DTLS are those of a call (`browser.webrtc.secure_transport`), so that both take the same set-up. SCTP is
aiortc's, which finds in `SctpOverDtls` the part of its own DTLS transport that it uses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from talkpath.browser.far_end.transports.shared_port import SharedPort
from talkpath.browser.far_end.transports.webrtc_flow import WebRtcFlow
from talkpath.browser.far_end.transports.webtransport_twin import TwinArrivals
from talkpath.browser.webrtc.secure_transport import SctpBounds, SecureTransport
from talkpath.browser.webrtc.session_description import MAX_MESSAGE_BYTES, parse_offer


def load_sctp() -> None:
    """Import aiortc's SCTP. That takes a third of a second, in which nothing else would be sent."""
    import aiortc.rtcsctptransport  # noqa: F401


class SctpOverDtls:
    """The DTLS transport as aiortc's SCTP knows it: `send` encrypts and sends. The browser is the DTLS client."""

    state, _role = "connected", "server"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    async def _send_data(self, data: bytes) -> None:
        self._send(data)

    def _register_data_receiver(self, receiver: Any) -> None:
        """Do nothing: `DataChannelTwin` hands on what came."""

    def _unregister_data_receiver(self, receiver: Any) -> None:
        """Do nothing, as above."""


class DataChannelTwin(WebRtcFlow[SecureTransport]):
    """The twin. `sent` and `received` as in `WebTransportTwin`, but without packet numbers."""

    def __init__(self, port: SharedPort, host: str) -> None:
        super().__init__(port, host)
        self.received = TwinArrivals()
        self.sent: list[int] = []
        self._sctp_port = 0
        self._bounds = SctpBounds()
        self._sctp: Any = None
        self._channel: Any = None

    async def answer(self, sdp: str) -> str:
        """Return the SDP answer to an offer. `ValueError` if it is no valid offer."""
        offer = parse_offer(sdp)
        if offer.kind != "application":
            raise ValueError("a call where a data channel is due")
        engine = SecureTransport(offer)
        self._sctp_port = offer.sctp_port
        self._begin(engine)
        return engine.answer(self._host, self._port.address[1])

    def _advanced(self) -> None:
        """Hand on what came to SCTP, which begins once the handshake is done."""
        assert self._engine is not None  # it has received something
        if self._sctp is None and self._engine.is_connected:
            self._start_sctp()
        for data in self._engine.received if self._sctp is not None else ():
            if self._bounds.admits(data):
                self._run(self._sctp._handle_data(data))
        self._engine.received.clear()

    def _start_sctp(self) -> None:
        from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

        self._sctp = RTCSctpTransport(SctpOverDtls(self._encrypt))
        self._sctp.on("datachannel", self._opened)
        self._run(self._sctp.start(RTCSctpCapabilities(maxMessageSize=MAX_MESSAGE_BYTES), self._sctp_port))

    def _run(self, step: Coroutine[Any, Any, None]) -> None:
        """Have a step of SCTP done. Steps are done in their order, since none of them waits for anything."""
        asyncio.get_running_loop().create_task(step, context=self._context)

    def _encrypt(self, data: bytes) -> None:
        assert self._engine is not None  # SCTP has begun
        self._send(self._engine.send(time.monotonic(), data))
        self._arm()

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

    async def close(self) -> None:
        """End SCTP and its connection."""
        if self._sctp is not None:
            await self._sctp.stop()
        await super().close()
