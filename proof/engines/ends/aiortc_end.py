"""One end of a call in aiortc.

python -m proof.engines.ends.aiortc_end FOLDER caller|callee
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Coroutine
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame, VideoFrame

from proof.engines.ends.driver import play
from proof.engines.ends.sound import speech
from proof.engines.mailbox import Mailbox

FRAME = 160
RATE = 8000


class Voice(AudioStreamTrack):  # type: ignore[misc]
    """Speech in frames of 20 ms, paced by aiortc's own silent track."""

    def __init__(self) -> None:
        super().__init__()
        self._samples = speech(30, RATE)
        self.muted = False

    async def recv(self) -> AudioFrame:
        """Return the next frame."""
        silent = await super().recv()
        at = silent.pts % (len(self._samples) - FRAME)
        part = np.zeros(FRAME, np.int16) if self.muted else self._samples[at : at + FRAME]
        frame = AudioFrame.from_ndarray(part.reshape(1, -1), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = silent.pts, RATE, Fraction(1, RATE)
        return frame


class Noise(VideoStreamTrack):  # type: ignore[misc]
    """Coarse noise, 320 x 240."""

    _dice = np.random.default_rng(1)

    async def recv(self) -> VideoFrame:
        """Return the next picture."""
        pts, time_base = await self.next_timestamp()
        coarse = self._dice.integers(0, 255, (15, 20, 3), np.uint8)
        frame = VideoFrame.from_ndarray(np.kron(coarse, np.ones((16, 16, 1), np.uint8)), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class End:
    """A `Peer`: aiortc in a loop of its own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._voice = Voice()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def open(self, call: dict[str, Any], sends: bool) -> None:
        """As `Peer.open`."""
        self._do(self._open(call, sends))

    async def _open(self, call: dict[str, Any], sends: bool) -> None:
        servers = [
            RTCIceServer(urls=one["urls"], username=one.get("username"), credential=one.get("credential"))
            for one in call["configuration"].get("iceServers", [])
        ]
        self._peer, self._sink = RTCPeerConnection(RTCConfiguration(iceServers=servers)), MediaBlackhole()
        self._peer.on("track", self._sink.addTrack)
        more = call["more"] if call["role"] == "callee" else 0
        self._tracks = [self._voice, *([Noise()] if "video" in call["media"] else [])] if sends else []
        for _ in range(more):
            self._tracks += [Voice(), *([Noise()] if "video" in call["media"] else [])]
        if call["role"] == "caller":
            self._add()

    def _add(self) -> None:
        for track in self._tracks:
            self._peer.addTrack(track)

    def offer(self) -> str:
        """As `Peer.offer`."""
        return str(self._do(self._offer()))

    async def _offer(self) -> str:
        await self._peer.setLocalDescription(await self._peer.createOffer())
        return str(self._peer.localDescription.sdp)

    def answer(self, sdp: str) -> str:
        """As `Peer.answer`."""
        return str(self._do(self._answer(sdp)))

    async def _answer(self, sdp: str) -> str:
        await self._peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        self._add()
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        await self._sink.start()
        return str(self._peer.localDescription.sdp)

    def accept(self, sdp: str) -> None:
        """As `Peer.accept`."""
        self._do(self._accept(sdp))

    async def _accept(self, sdp: str) -> None:
        await self._peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        await self._sink.start()

    def state(self) -> str:
        """As `Peer.state`."""
        return str(self._peer.connectionState)

    def mute(self) -> None:
        """As `Peer.mute`."""
        self._voice.muted = True

    def act(self, what: str) -> bool:
        """As `Peer.act`."""
        self._voice.muted = what == "mute"
        return False

    def close(self) -> None:
        """As `Peer.close`."""
        self._do(self._peer.close())


def main() -> None:
    """Play this end."""
    folder, role = Path(sys.argv[1]), sys.argv[2]
    play(End(), Mailbox(folder, "caller" if role == "caller" else "callee"))


if __name__ == "__main__":
    main()
