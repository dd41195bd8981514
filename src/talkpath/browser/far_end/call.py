"""The far end of WebRTC connections: aiortc behind the shared port, which answers an offer and counts.

`Call` is a real call; `Channel` a twin for browsers without WebTransport, an unreliable data channel (RFC 8831) in a
connection of its own. The browser stays the DTLS client, so that its own ClientHello is what goes out (RFC 8842:
`setup:active`). Its candidates are taken out of the offer: we learn where it is from its first STUN request.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from talkpath.browser.far_end.port import Heard, Lane, SharedPort
from talkpath.browser.far_end.twin import Received
from talkpath.browser.far_end.voice import BITRATE, Voice, make_track
from talkpath.browser.media import Medium

STRIPPED = re.compile(r"^a=(candidate|end-of-candidates|extmap|rtcp-fb)\b.*\r?\n", re.MULTILINE)
CODECS = re.compile(r"^a=rtpmap:(\d+) (opus/48000/2|VP8/90000)\r?\n", re.MULTILINE | re.IGNORECASE)
VIDEO_KBPS = 1500  # well above what is sent, so that the browser's own pacing holds nothing back
HANG_UP_S = 2.0


class Peer:
    """One connection that a browser offered."""

    def __init__(self, port: SharedPort, host: str) -> None:
        from aiortc import RTCPeerConnection

        self._peer = RTCPeerConnection()
        self._port, self._host = port, host
        self._lane: Lane | None = None

    @property
    def heard(self) -> Heard:
        """What its lane counted."""
        return self._lane.heard if self._lane else Heard()

    @property
    def origins(self) -> set[bytes]:
        """Where it came from."""
        return self.heard.origins

    async def answer(self, sdp: str) -> str:
        """The answer to an offer. `ValueError` for what is none."""
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
        self._speak()
        for transport in self._transports():
            self._share(transport.transport.iceGatherer._connection)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return constant_rate(self._peer.localDescription.sdp)

    def _speak(self) -> None:
        """Add what this end sends."""

    def _transports(self) -> list[Any]:
        """The DTLS transports."""
        raise NotImplementedError

    def _share(self, connection: Any) -> None:
        """Let its ICE use the shared port."""

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
        """Hang up. A stack that does not let go in time is left to itself."""
        try:
            await asyncio.wait_for(self._peer.close(), HANG_UP_S)
        except TimeoutError:
            if self._lane:
                self._lane.close()


class Call(Peer):
    """One call: our part, and what was heard of the browser's, counted by its lane and never decoded."""

    def __init__(self, port: SharedPort, host: str, medium: Medium) -> None:
        super().__init__(port, host)
        self.voice: Voice = make_track("video" if medium.picture_bytes else "audio")

    def _speak(self) -> None:
        self._peer.addTrack(self.voice.track)._retransmit = never  # lost is lost: nothing is sent again
        for transceiver in self._peer.getTransceivers():
            transceiver.receiver._RTCRtpReceiver__jitter_buffer = Unheard()
            transceiver.receiver._RTCRtpReceiver__nack_generator = None  # nor asked for again

    def _transports(self) -> list[Any]:
        return [transceiver.receiver.transport for transceiver in self._peer.getTransceivers()]


class Channel(Peer):
    """One twin as a data channel. `sent` and `received` as in `twin.Twin`, but without packet numbers."""

    def __init__(self, port: SharedPort, host: str) -> None:
        super().__init__(port, host)
        self.received, self.sent = Received(), []  # type: tuple[Received, list[int]]
        self._channel: Any = None
        self._peer.on("datachannel", self._opened)

    def _transports(self) -> list[Any]:
        return [self._peer.sctp.transport] if self._peer.sctp else []

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.on("message", self._take)

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.received.slots.setdefault(int.from_bytes(message[:2], "big"), time.monotonic())

    def tick(self, slot: int, size: int) -> None:
        """Send slot `slot` if the channel is open and holds nothing back."""
        if self._channel is not None and self._channel.readyState == "open" and not self._channel.bufferedAmount:
            self._channel.send(slot.to_bytes(2, "big") + bytes(size - 2))
            self.sent.append(slot)


class Unheard:
    """In the place of aiortc's jitter buffer: nobody listens, so nothing is decoded."""

    def add(self, packet: Any) -> tuple[bool, None]:
        """As JitterBuffer.add: no key frame is wanted, no frame is whole."""
        return False, None


async def never(number: int) -> None:
    """In the place of aiortc's sending a packet again."""


def constant_rate(sdp: str) -> str:
    """Ask the browser for Opus at our constant rate, without pauses and without redundancy (RFC 7587 section 6.1), and
    for VP8 that is not held back (libwebrtc's own parameters, which others pass over)."""
    opus = f"minptime=20;maxaveragebitrate={BITRATE};cbr=1;usedtx=0;useinbandfec=0;stereo=0"
    vp8 = ";".join(f"x-google-{which}-bitrate={VIDEO_KBPS}" for which in ("min", "start", "max"))
    bare = re.sub(r"^a=fmtp:.*\r?\n", "", sdp, flags=re.MULTILINE)

    def wanted(found: re.Match[str]) -> str:
        is_voice = found[2].lower().startswith("opus")
        return f"{found[0]}a=fmtp:{found[1]} {opus if is_voice else vp8}\r\n" + "a=ptime:20\r\n" * is_voice

    return CODECS.sub(wanted, bare)
