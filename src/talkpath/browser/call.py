"""The far end of one WebRTC call: aiortc behind the shared port, which answers an offer and counts.

The browser stays the DTLS client, so that its own ClientHello is what goes out (RFC 8842: `setup:active`). Its
candidates are taken out of the offer before it reaches us: we learn where it is from its first STUN request.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

from talkpath.browser.port import Heard, Lane, SharedPort
from talkpath.browser.voice import BITRATE, Voice, make_track

STRIPPED = re.compile(r"^a=(candidate|end-of-candidates|extmap|rtcp-fb)\b.*\r?\n", re.MULTILINE)
OPUS = re.compile(r"^a=rtpmap:(\d+) opus/48000/2\r?\n", re.MULTILINE | re.IGNORECASE)


class Call:
    """One call. `ice_s` and `dtls_s` are when (monotonic) each stage was done here, None while it is not."""

    def __init__(self, port: SharedPort, host: str) -> None:
        from aiortc import RTCPeerConnection

        self._peer = RTCPeerConnection()
        self._port, self._host = port, host
        self._lane: Lane | None = None
        self.voice: Voice = make_track()
        self.ice_s: float | None = None
        self.dtls_s: float | None = None
        self._peer.on("iceconnectionstatechange", self._moved)
        self._peer.on("connectionstatechange", self._moved)

    @property
    def heard(self) -> Heard:
        """What its lane counted."""
        return self._lane.heard if self._lane else Heard()

    def _moved(self) -> None:
        if self._peer.iceConnectionState in ("connected", "completed"):
            self.ice_s = self.ice_s or time.monotonic()
        if self._peer.connectionState == "connected":
            self.dtls_s = self.dtls_s or time.monotonic()

    async def answer(self, sdp: str) -> str:
        """The answer to an offer. `ValueError` for what is none."""
        from aiortc import RTCSessionDescription

        offer = STRIPPED.sub("", sdp).replace("a=setup:actpass", "a=setup:active")
        await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self._peer.addTrack(self.voice.track)
        for transceiver in self._peer.getTransceivers():
            self._share(transceiver)
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return constant_rate(self._peer.localDescription.sdp)

    def _share(self, transceiver: Any) -> None:
        """Let its ICE use the shared port, and throw away what is heard undecoded: counting is the lane's."""
        connection = transceiver.receiver.transport.transport.iceGatherer._connection

        async def candidates(component: int, addresses: list[str], timeout: int = 5) -> list[Any]:
            return [self._candidate(connection, component)]

        connection.get_component_candidates = candidates
        transceiver.receiver._RTCRtpReceiver__jitter_buffer = Unheard()

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
        """Hang up. A stack that does not let go in two seconds is left to itself."""
        try:
            await asyncio.wait_for(self._peer.close(), 2.0)
        except TimeoutError:
            if self._lane:
                self._lane.close()


class Unheard:
    """In the place of aiortc's jitter buffer: nobody listens, so nothing is decoded."""

    def add(self, packet: Any) -> tuple[bool, None]:
        """As JitterBuffer.add: no key frame is wanted, no frame is whole."""
        return False, None


def constant_rate(sdp: str) -> str:
    """Ask the browser for Opus at our constant rate, without pauses and without redundancy (RFC 7587 section 6.1)."""
    wanted = f"minptime=20;maxaveragebitrate={BITRATE};cbr=1;usedtx=0;useinbandfec=0;stereo=0"
    bare = re.sub(r"^a=fmtp:.*\r?\n", "", sdp, flags=re.MULTILINE)
    return OPUS.sub(lambda found: f"{found[0]}a=fmtp:{found[1]} {wanted}\r\na=ptime:20\r\n", bare)
