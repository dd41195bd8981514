"""Packets per CPU second of `talkpath capture` beside ndpiReader, tshark and nfstream, on one large file.

    python bench/capture.py ../shared/captures      builds the file (1.5 million packets), runs all that are there
    python bench/capture.py ../shared/captures --packets 300000 --rounds 3

The file repeats the Ethernet captures of the folder, each round later in time and between other IPv4 addresses, so
that flows do not run into each other. CPU is user and system time of the process and its children; memory its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkpath.wire.pcap import Unread, blocks

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
ETHERNET = 1
QUIET_S = 90.0
"""Between two captures, longer than any pause inside a call."""
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As people run it: Python keeps the bytecode of what it has loaded once, here from the first round on."""


@dataclass
class Frame:
    """One frame of the pool: when, counted from its capture's beginning, its size on the wire, its bytes."""

    at_s: float
    size: int
    data: bytes


def pool(folder: Path) -> list[list[Frame]]:
    """The Ethernet captures of a folder; pauses over a minute are cut out, since nothing runs across them."""
    captures = []
    for path in sorted(folder.glob("*.pcap*")):
        frames = sorted(_frames(path), key=lambda frame: frame.at_s)
        clock, before = 0.0, frames[0].at_s if frames else 0.0
        for frame in frames:
            clock, before = clock + min(frame.at_s - before, 60.0), frame.at_s
            frame.at_s = clock
        if frames:
            captures.append(frames)
    return captures


def _frames(path: Path) -> Iterator[Frame]:
    with path.open("rb", buffering=0) as file:
        for block in blocks(file, Unread()):
            if not np.all(block.link == ETHERNET):
                return
            for start, captured, size, time_ns in zip(
                block.start.tolist(), block.captured.tolist(), block.size.tolist(), block.time_ns.tolist(), strict=True
            ):
                yield Frame(time_ns / 1e9, size, bytes(block.data[start : start + captured]))


def build(folder: Path, out: Path, packets: int) -> int:
    """Write the large file; the number of its packets."""
    captures, written, base_s, turn = pool(folder), 0, 1_700_000_000.0, 0
    with out.open("wb") as file:
        file.write(HEADER)
        while written < packets:
            for frames in captures:
                for frame in frames:
                    at = base_s + frame.at_s
                    kept = len(frame.data)
                    head = struct.pack("<IIII", int(at), int(at % 1 * 1e6), kept, max(frame.size, kept))
                    file.write(head + moved(frame.data, turn))
                written += len(frames)
                base_s += frames[-1].at_s + QUIET_S
            turn += 1
    return written


def moved(data: bytes, turn: int) -> bytes:
    """The frame between other IPv4 addresses: their middle bytes changed by the number of the round."""
    if data[12:14] != b"\x08\x00" or len(data) < 34 or not turn:
        return data
    out = bytearray(data)
    for at in (26, 30):
        out[at + 1] ^= turn & 0xFF
        out[at + 2] ^= turn >> 8
    return bytes(out)


def tools(file: Path) -> dict[str, list[str]]:
    """The commands to compare, those that are installed."""
    python = [sys.executable, "-c"]
    nfstream = "import sys, nfstream; [0 for _ in nfstream.NFStreamer(source=sys.argv[1], n_meters=1)]"
    every = {
        "talkpath": [sys.executable, "-m", "talkpath", "capture", "--json", str(file)],
        "ndpiReader": ["ndpiReader", "-q", "-i", str(file)],
        "tshark rtp": ["tshark", "-q", "-z", "rtp,streams", "-r", str(file)],
        "nfstream": [*python, nfstream, str(file)],
    }
    there = {name: command for name, command in every.items() if shutil.which(command[0])}
    if subprocess.run([*python, "import nfstream"], capture_output=True, check=False).returncode:
        there.pop("nfstream", None)
    return there


def run(command: list[str]) -> tuple[float, float, float]:
    """(CPU seconds, wall seconds, peak MiB) of one run."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=INSTALLED)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed with status {status}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begin, usage.ru_maxrss / 1024


def main() -> None:
    """Build, run, print a table and a JSON line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--packets", type=int, default=1_500_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--file", type=Path, default=Path("build/big.pcap"))
    options.add_argument("--only", default="")
    chosen = options.parse_args()
    chosen.file.parent.mkdir(exist_ok=True)
    packets = build(chosen.folder, chosen.file, chosen.packets)
    print(f"{packets} packets, {chosen.file.stat().st_size / 1e6:.1f} MB")  # noqa: T201
    commands = {name: one for name, one in tools(chosen.file).items() if chosen.only in name}
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for _ in range(chosen.rounds):
        for name, command in commands.items():
            measured[name].append(run(command))
    rows = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in measured.items()}
    for name, (cpu, wall, peak) in rows.items():
        print(f"{name:12} {packets / cpu:12,.0f} packets/CPU s  {cpu:7.2f} s CPU  {wall:7.2f} s  {peak:6.0f} MiB")  # noqa: T201
    print(json.dumps({"packets": packets, "median": rows}))  # noqa: T201


if __name__ == "__main__":
    main()
