"""Packets per CPU second of `talkpath capture` beside ndpiReader, tshark and nfstream, on two large files.

    python bench/capture.py ../shared/captures tests/capture/lab       builds both files, runs all that are there
    python bench/capture.py ../shared/captures --mix few --packets 300000 --rounds 3

`few` repeats the Ethernet captures of the first folder, of which calls are some packets in a hundred. `half` repeats
the captures of all folders that hold mostly calls, and as much of the others as makes calls half of all packets. Each
round is later in time and between other IPv4 addresses, so that flows do not run into each other. CPU is user and
system time of the process and its children; memory is its peak.
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from talkpath.capture.calls.records import measure_calls
from talkpath.capture.scan import scan_capture
from talkpath.wire.pcap import Unread, frame_blocks
from talkpath.wire.pcap.link import ip_header_offsets

HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
ETHERNET = 1
MACS = bytes(12)
QUIET_S = 90.0
"""Between two captures, longer than any pause inside a call."""
MOSTLY, LONG = 1 / 3, 300
"""A capture with so large a share of call packets holds mostly calls, where these have so many packets on average."""
INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As people run it: Python keeps the bytecode of what it has loaded once, here from the first round on."""


@dataclass
class Frame:
    """One frame of the pool: when, counted from its capture's beginning, its size on the wire, its bytes."""

    at_s: float
    size: int
    data: bytes


@dataclass
class Capture:
    """One capture of the pool; how many calls were found in it, and how many packets these have."""

    frames: list[Frame]
    is_ethernet: bool
    calls: int
    call_packets: int

    @property
    def is_mostly_calls(self) -> bool:
        """Do its packets belong mostly to calls that last?"""
        return self.call_packets >= max(MOSTLY * len(self.frames), LONG * self.calls, 1)


Turns = Iterator[tuple[int, Capture]]
"""Captures in the order in which they are written, each with the number of its round."""


def pool(folder: Path) -> list[Capture]:
    """The captures of a folder; pauses over a minute are cut out, since nothing runs across them."""
    captures = []
    for path in sorted(folder.glob("*.pcap*")):
        frames, is_ethernet = _frames(path)
        frames.sort(key=lambda frame: frame.at_s)
        clock, before = 0.0, frames[0].at_s if frames else 0.0
        for frame in frames:
            clock, before = clock + min(frame.at_s - before, 60.0), frame.at_s
            frame.at_s = clock
        if frames:
            captures.append(Capture(frames, is_ethernet, *_calls(path)))
    return captures


def _calls(path: Path) -> tuple[int, int]:
    with path.open("rb", buffering=0) as file:
        calls = measure_calls(scan_capture(file)).findings.calls
    return len(calls), sum(stream.packets + stream.duplicates for call in calls for stream in call.streams)


def _frames(path: Path) -> tuple[list[Frame], bool]:
    """The frames of a capture, as Ethernet, and whether they were Ethernet; without those that carry no IP where they
    were not."""
    out, is_ethernet = [], True
    with path.open("rb", buffering=0) as file:
        for block in frame_blocks(file, Unread()):
            ip = ip_header_offsets(block, Unread())
            columns = (block.start, block.captured, block.size, block.time_ns, block.link, ip)
            for start, captured, size, time_ns, link, at in zip(*(one.tolist() for one in columns), strict=True):
                data = bytes(block.data[start : start + captured])
                is_ethernet &= link == ETHERNET
                if link != ETHERNET:
                    kind = b"\x86\xdd" if block.data[at] >> 4 == 6 else b"\x08\x00"
                    data = MACS + kind + data[at - start :] if at >= 0 else b""
                    size += len(data) - captured
                if data:
                    out.append(Frame(time_ns / 1e9, size, data))
    return out, is_ethernet


def few(captures: list[Capture]) -> Turns:
    """All captures again and again."""
    for turn in count():
        for capture in captures:
            yield turn, capture


def half(captures: list[Capture]) -> Turns:
    """The captures of calls, followed by others until calls are half of all packets, again and again."""
    others, balance = few([capture for capture in captures if not capture.is_mostly_calls]), 0
    for turn in count():
        for capture in captures:
            if capture.is_mostly_calls:
                yield turn, capture
                balance += 2 * capture.call_packets - len(capture.frames)
        while balance > 0:
            other_turn, capture = next(others)
            yield other_turn, capture
            balance += 2 * capture.call_packets - len(capture.frames)


def build(turns: Turns, out: Path, packets: int) -> int:
    """Write a large file; the number of its packets."""
    written, calls, call_packets, base_s = 0, 0, 0, 1_700_000_000.0
    with out.open("wb") as file:
        file.write(HEADER)
        while written < packets:
            turn, capture = next(turns)
            for frame in capture.frames:
                at = base_s + frame.at_s
                kept = len(frame.data)
                head = struct.pack("<IIII", int(at), int(at % 1 * 1e6), kept, max(frame.size, kept))
                file.write(head + moved(frame.data, turn))
            written, base_s = written + len(capture.frames), base_s + capture.frames[-1].at_s + QUIET_S
            calls, call_packets = calls + capture.calls, call_packets + capture.call_packets
    share = f"{calls} calls with {100 * call_packets / written:.0f} % of {written} packets"
    print(f"{out.name}: {share}, {out.stat().st_size / 1e6:.1f} MB")  # noqa: T201
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


def measure(file: Path, packets: int, rounds: int, only: str) -> dict[str, list[float]]:
    """Run all tools on a file in turns; the medians, which are printed too."""
    commands = {name: one for name, one in tools(file).items() if only in name}
    measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            measured[name].append(run(command))
    rows = {name: [statistics.median(column) for column in zip(*runs, strict=True)] for name, runs in measured.items()}
    for name, (cpu, wall, peak) in rows.items():
        print(f"{name:12} {packets / cpu:12,.0f} packets/CPU s  {cpu:7.2f} s CPU  {wall:7.2f} s  {peak:6.0f} MiB")  # noqa: T201
    return rows


MIXES: dict[str, Callable[[list[Capture]], Turns]] = {"few": few, "half": half}


def main() -> None:
    """Build, run, print tables and JSON lines."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folders", type=Path, nargs="+")
    options.add_argument("--packets", type=int, default=1_500_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--mix", choices=MIXES, action="append")
    options.add_argument("--build", type=Path, default=Path("build"), help="where the files are made")
    options.add_argument("--only", default="")
    chosen = options.parse_args()
    chosen.build.mkdir(exist_ok=True)
    first, *more = map(pool, chosen.folders)
    pools = {"few": [capture for capture in first if capture.is_ethernet], "half": sum(more, first)}
    for mix in chosen.mix or MIXES:
        file = chosen.build / f"big-{mix}.pcap"
        packets = build(MIXES[mix](pools[mix]), file, chosen.packets)
        rows = measure(file, packets, chosen.rounds, chosen.only)
        print(json.dumps({"mix": mix, "packets": packets, "median": rows}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
