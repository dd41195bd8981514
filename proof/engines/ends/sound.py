"""What the ends say and show: a minute of noise that rises and falls like speech, and a moving picture."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

RATE = 48000
SECONDS = 60
PICTURE = (320, 240, 15)


def speech(seconds: float = SECONDS, rate: int = RATE, seed: int = 1) -> np.ndarray:
    """Return mono samples, 16 bits: syllables of a voice of changing pitch, with some noise."""
    dice = np.random.default_rng(seed)
    at = np.arange(int(seconds * rate)) / rate
    syllables = np.repeat(dice.uniform(0.1, 1.0, int(seconds * 8) + 1), rate // 8)[: len(at)]
    pitch = np.repeat(dice.uniform(90, 220, int(seconds * 4) + 1), rate // 4)[: len(at)]
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    sound = syllables * (voice + 0.3 * dice.standard_normal(len(at)))
    samples: np.ndarray = (sound / np.abs(sound).max() * 20000).astype(np.int16)
    return samples


def _cached(folder: Path, name: str, make: object) -> Path:
    file = folder / name
    part = folder / f"{name}.{os.getpid()}"
    if not file.exists():
        part.write_bytes(make())  # type: ignore[operator]
        part.rename(file)
    return file


def speech_file(folder: Path) -> Path:
    """Return a file of raw samples in that folder; written once."""
    return _cached(folder, "speech.pcm", lambda: speech().tobytes())


def picture_file(folder: Path) -> Path:
    """Return a file of raw pictures (YUV 4:2:0) in that folder; written once."""
    return _cached(folder, "picture.yuv", _pictures)


def _pictures() -> bytes:
    width, height, rate = PICTURE
    dice = np.random.default_rng(2)
    base = np.kron(dice.integers(0, 255, (height // 8, width // 8), np.uint8), np.ones((8, 8), np.uint8))
    grey = np.full(width * height // 2, 128, np.uint8).tobytes()
    return b"".join(np.roll(base, turn * 4, axis=1).tobytes() + grey for turn in range(rate * 30))
