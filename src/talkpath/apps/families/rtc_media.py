"""Draws sizes and instants of the media packets of one direction of a WebRTC call.

In ms after the first packet and bytes of UDP payload. Opus packets leave every 20 ms on the sender's audio callback,
with silence suppression a pair of small packets each 420 ms while nobody speaks (captures stun_google_meet__a: RTP
steps of 960 and 19200 samples). Video is 30 pictures a second, the first one large, each split into packets of about
equal size that leave within a few ms (RFC 7741, libwebrtc's packetiser).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil
from random import Random

from talkpath.apps.contract.script import Packet
from talkpath.apps.families.rtc_facts import VIDEO_FROM_BYTES

VOICE_STEP_MS = 20.0
PICTURE_MS = 1000 / 30
PAUSE_MS = 400.0
WANDER_MS = (
    0.24 * VOICE_STEP_MS
)  # at most that early or late, so that instants tell the step of the clock that they belong to


@dataclass(frozen=True, slots=True)
class VoiceModel:
    """`speak` and `rest` draw sizes of a packet in speech and of a pair in silence; without `rest` there is none.

    Spurts have `spurt` packets in the mean; `jitter_ms` is the deviation of the sender's clock.
    """

    speak: Callable[[Random], int]
    rest: Callable[[Random], tuple[int, int]] | None = None
    spurt: int = 40
    jitter_ms: float = 0.8

    def draw(self, rng: Random, packets: int) -> list[Packet]:
        """Draw the first `packets` packets."""
        wander = min(3 * self.jitter_ms, WANDER_MS)
        drawn = [
            (max(0.0, at_ms + max(-wander, min(wander, rng.gauss(0, self.jitter_ms)))), size)
            for at_ms, size in islice(self._packets(rng), packets)
        ]
        first_ms = drawn[0][0]
        return [(max(0.0, at_ms - first_ms), size) for at_ms, size in drawn]

    def _packets(self, rng: Random) -> Iterator[Packet]:
        at_ms = 2 * VOICE_STEP_MS
        while True:
            for _ in range(1 + int(rng.expovariate(1 / self.spurt))):
                yield at_ms, self.speak(rng)
                at_ms += VOICE_STEP_MS
            if self.rest is None:
                continue
            for _ in range(rng.randint(1, 3)):
                at_ms += PAUSE_MS - VOICE_STEP_MS
                for size in self.rest(rng):
                    yield at_ms, size
                    at_ms += VOICE_STEP_MS


@dataclass(frozen=True, slots=True)
class Camera:
    """Video that starts at a rate drawn from `kbps` (low, high); packets have at most `packet_bytes`."""

    kbps: tuple[int, int]
    packet_bytes: int = 1100

    def draw(self, rng: Random, packets: int) -> list[Packet]:
        """Draw the first `packets` packets."""
        return list(islice(self._packets(rng), packets))

    def _packets(self, rng: Random) -> Iterator[Packet]:
        mean = rng.uniform(*self.kbps) * 1000 / 8 / 30
        at_ms, scale = 0.0, 3.0
        while True:
            size = max(2 * VIDEO_FROM_BYTES, scale * mean * rng.uniform(0.6, 1.4))
            count = ceil(size / self.packet_bytes)
            for number in range(count):
                yield at_ms + number * rng.uniform(0.6, 1.4), round(size / count)
            at_ms += PICTURE_MS + rng.uniform(-3, 3)
            scale = 1.0


def draw_call_packets(rng: Random, packets: int, voice: VoiceModel, camera: Camera | None) -> list[Packet]:
    """Draw the first `packets` packets of one direction, voice and video in order of time."""
    talk = voice.draw(rng, packets)
    if camera is None:
        return talk
    return sorted(talk + camera.draw(rng, packets))[:packets]
