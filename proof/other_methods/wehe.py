"""Wehe replays a recording, then the same with random bytes, and compares the client's throughput.

Source: Li, Niaki, Choffnes, Gill and Mislove, "A Large-Scale Analysis of Deployed Traffic Differentiation Practices",
SIGCOMM 2019, sections 2 and 3. The rule and its numbers are those of the command-line client 3.2 and its analysis
server (NEU-SNS/wehe-cmdline, NEU-SNS/wehe-py3), implemented anew from the description:

- each replay lasts as long as the recording (22 s for a messenger's call), one after the other, randomised last;
- the client's received bytes are divided into 100 samples of throughput, and samples of zero are discarded;
- "differentiation" if the area between the two distributions is at least 0.5 of the smaller peak (0.3 where either
  mean is over 10 Mbit/s) and the two-sample Kolmogorov-Smirnov p is below 0.01;
- where the area is large, whatever p, both are replayed again and the second result counts.

Differentiation in favour of the recording is no accusation here. A replay without any sample gives no result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, sqrt
from random import Random

import numpy as np

from proof.other_methods.method import Method, call_recording
from proof.other_methods.virtual_path import MethodPacket, VirtualPath
from talkpath.apps.contract.shape import Arm

REPLAY_S = 22.0
SAMPLES = 100
PAUSE_S = 2.0
AREA, FAST_AREA, FAST_MBPS = 0.5, 0.3, 10.0
P_VALUE = 0.01


def accuses(line: VirtualPath, arm: Arm, seed: int) -> bool:
    """Plays both replays, and both again where the first result requires it."""
    found = "none"
    for again in (False, True):
        samples = [_replay_flow(line, arm, seed, 2 * again + randomised, randomised) for randomised in (False, True)]
        found = compare_throughput(*samples)
        if found == "none":
            break
    return found == "throttled"


def _replay_flow(line: VirtualPath, arm: Arm, seed: int, flow: int, randomised: bool) -> list[float]:
    schedule, datagrams = call_recording(arm, seed, REPLAY_S)
    rng = Random(f"randomised {seed}")
    packets = [
        MethodPacket(slot.at_ms / 1000, slot.direction, flow, rng.randbytes(slot.size) if randomised else data)
        for slot, data in zip(schedule.slots, datagrams, strict=True)
    ]
    arrived = line.play(packets, REPLAY_S)
    line.wait(PAUSE_S)
    return throughput_mbps(packets, arrived)


def throughput_mbps(packets: Sequence[MethodPacket], arrived: Mapping[int, float | None]) -> list[float]:
    """Returns the client's throughput samples, without those of zero."""
    sample_s = REPLAY_S / SAMPLES
    sums = [0.0] * SAMPLES
    for place, at_s in arrived.items():
        if packets[place].direction == "down" and at_s is not None:
            sums[min(SAMPLES - 1, int(at_s / sample_s))] += len(packets[place].data) * 8e-6 / sample_s
    return [value for value in sums if value > 0]


def compare_throughput(recorded: Sequence[float], randomised: Sequence[float]) -> str:
    """Returns "none", "unclear", "throttled" (the recording has less throughput) or "favoured"."""
    if not recorded or not randomised:
        return "none"
    fast = max(np.mean(recorded), np.mean(randomised)) > FAST_MBPS
    if abs(quantile_area(recorded, randomised)) < (FAST_AREA if fast else AREA):
        return "none"
    if ks_p(recorded, randomised) >= P_VALUE:
        return "unclear"
    return "favoured" if np.mean(recorded) > np.mean(randomised) else "throttled"


def quantile_area(recorded: Sequence[float], randomised: Sequence[float]) -> float:
    """Returns the area between the two quantile curves, as a share of the smaller peak; positive where the random bytes
    have more throughput.

    A curve joins (0, 0) and (i/n, i-th smallest sample) by straight lines.
    """

    def under(samples: Sequence[float]) -> float:
        return float(np.mean(samples)) - max(samples) / (2 * len(samples))

    return (under(randomised) - under(recorded)) / min(max(recorded), max(randomised))


def ks_p(one: Sequence[float], other: Sequence[float]) -> float:
    """Returns p of the two-sample Kolmogorov-Smirnov test (Kolmogorov's limit for the effective sample size)."""
    a, b = np.sort(one), np.sort(other)
    both = np.concatenate((a, b))
    distance = np.abs(
        np.searchsorted(a, both, side="right") / len(a) - np.searchsorted(b, both, side="right") / len(b)
    ).max()
    scaled = float(distance) * sqrt(len(a) * len(b) / (len(a) + len(b)))
    if scaled < 0.3:  # the series below converges slowly there, and p is 1 to five places
        return 1.0
    return min(1.0, 2 * sum((-1.0) ** (k - 1) * exp(-2 * (k * scaled) ** 2) for k in range(1, 40)))


METHOD = Method("wehe", "Wehe's replay pair", "Li et al., SIGCOMM 2019", accuses)
