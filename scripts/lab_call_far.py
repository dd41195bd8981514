"""The far end of a lab call: aiortc, which answers.

    python scripts/lab_call_far.py FOLDER voice|video

Prints "ready", answers FOLDER/offer.json with FOLDER/answer.json, sends a tone (and noise as video), discards what it
receives, and runs until it is ended.
"""

from __future__ import annotations

import asyncio
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import AudioStreamTrack
from av import AudioFrame, VideoFrame

RATE, SAMPLES = 8000, 160


class Tone(AudioStreamTrack):  # type: ignore[misc]
    """440 Hz in frames of 20 ms, paced by aiortc's own silent track."""

    async def recv(self) -> AudioFrame:
        """The next frame."""
        silent = await super().recv()
        at = (silent.pts + np.arange(SAMPLES)) / RATE
        wave = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
        frame = AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = silent.pts, RATE, Fraction(1, RATE)
        return frame


class Noise(VideoStreamTrack):  # type: ignore[misc]
    """Coarse noise, 320 x 240, so that pictures are no smaller than real ones."""

    _dice = np.random.default_rng(1)

    async def recv(self) -> VideoFrame:
        """The next picture."""
        pts, time_base = await self.next_timestamp()
        coarse = self._dice.integers(0, 255, (15, 20, 3), np.uint8)
        frame = VideoFrame.from_ndarray(np.kron(coarse, np.ones((16, 16, 1), np.uint8)), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


async def answer_call(folder: Path, video: bool) -> None:
    """Answer the one call."""
    peer, sink = RTCPeerConnection(), MediaBlackhole()
    peer.on("track", sink.addTrack)
    print("ready", flush=True)  # noqa: T201
    while not (folder / "offer.json").exists():
        await asyncio.sleep(0.05)
    await peer.setRemoteDescription(RTCSessionDescription(**json.loads((folder / "offer.json").read_text())))
    peer.addTrack(Tone())
    if video:
        peer.addTrack(Noise())
    await peer.setLocalDescription(await peer.createAnswer())
    await sink.start()
    found = peer.localDescription
    (folder / "answer.part").write_text(json.dumps({"type": found.type, "sdp": found.sdp}))
    (folder / "answer.part").rename(folder / "answer.json")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(answer_call(Path(sys.argv[1]), sys.argv[2] == "video"))
