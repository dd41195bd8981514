"""Long recordings are measured part by part: the cut between parts changes nothing, and memory does not grow."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from factories.packets.altered_captures import facts_of
from factories.packets.capture_files import Packet
from factories.packets.shaped_calls import packets_of, shaped_call
from talkpath.capture.packets import spool
from talkpath.measure.call import Call

ARMS = ("webrtc/dtls/voice", "meet/sfu/video", "signal/ringrtc/voice", "telegram/reflector/video",
        "whatsapp/relay60/voice", "whatsapp/fast20/video", "telegram/tgcalls/video")  # fmt: skip
BY_SEAM = {"late_ms", "uneven_ms", "packet_ms", "mean_burst"}
"""Quantiles and most common values of parts are put together, not worked out over all."""


def bad_line(arm: str, packets: int) -> list[Packet]:
    """A call with losses, copies, and packets that overtake each other."""
    rng, out = Random(arm), []
    for one in packets_of(shaped_call(arm, packets)):
        if rng.random() < 0.05:
            continue
        out.append(Packet(one.time_ns + (rng.randrange(80_000_000) if rng.random() < 0.1 else 0), one.data))
        if rng.random() < 0.02:
            out.append(Packet(out[-1].time_ns + 400_000, one.data))
    return sorted(out, key=lambda one: one.time_ns)


def in_parts(monkeypatch: pytest.MonkeyPatch, packets: list[Packet], rows: int) -> Call:
    with monkeypatch.context() as patched:
        patched.setattr(spool, "PART_ROWS", rows)
        patched.setattr(spool, "LOAD_ROWS", rows // 8)
        (found,) = facts_of(packets).calls
    return found


@pytest.mark.long
@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("order", ["as they came", "shuffled"])
def test_the_cut_between_parts_changes_nothing(arm: str, order: str, monkeypatch: pytest.MonkeyPatch):
    packets = bad_line(arm, 1200)
    if order == "shuffled":
        if arm.startswith("telegram/tgcalls"):
            return  # what has no header is known by the set-up before it
        Random(3).shuffle(packets)
    whole, parts = in_parts(monkeypatch, packets, 1 << 18), in_parts(monkeypatch, packets, 400)
    assert (parts.app, parts.media, parts.transport) == (whole.app, whole.media, whole.transport)
    assert parts.duration_s == pytest.approx(whole.duration_s)
    assert len(parts.streams) == len(whole.streams)
    for one, other in zip(parts.streams, whole.streams, strict=True):
        for name in set(one.__struct_fields__) - BY_SEAM:
            assert getattr(one, name) == pytest.approx(getattr(other, name)), name
        assert (one.late_ms or 0) == pytest.approx(other.late_ms or 0, rel=0.35, abs=0.2)
        assert (one.uneven_ms or 0) == pytest.approx(other.uneven_ms or 0, rel=0.02)
    for here, there in zip(parts.seconds, whole.seconds, strict=True):
        assert (here.received.packets, here.received.lost) == (there.received.packets, there.received.lost)
        assert here.sent.frozen_ms == pytest.approx(there.sent.frozen_ms)


def came_in_batches(packets: list[Packet]) -> list[Packet]:
    """All packets of 300 ms at once, again and again."""
    batch_ns = 300_000_000
    moved = (Packet(-(-one.time_ns // batch_ns) * batch_ns + one.time_ns % batch_ns // 50, one.data) for one in packets)
    return sorted(moved, key=lambda one: one.time_ns)


def clock_stalled(packets: list[Packet]) -> list[Packet]:
    """Nothing for two seconds after every five, with timestamps that go on as if nothing had been."""
    begin_ns = packets[0].time_ns
    return [
        Packet(one.time_ns + (one.time_ns - begin_ns) // 5_000_000_000 * 2_000_000_000, one.data) for one in packets
    ]


@pytest.mark.parametrize(("line", "frozen_s"), [(came_in_batches, 3.0), (clock_stalled, 2.0)])
@pytest.mark.parametrize("rows", [400, 700, 1500])
def test_what_a_receiver_has_learnt_and_where_a_clock_stood_is_known_in_the_next_part(
    line: Callable[[list[Packet]], list[Packet]], frozen_s: float, rows: int, monkeypatch: pytest.MonkeyPatch
):
    packets = line(packets_of(shaped_call("webrtc/dtls/voice", 2500)))
    whole, parts = in_parts(monkeypatch, packets, 1 << 18), in_parts(monkeypatch, packets, rows)
    for one, other in zip(parts.streams, whole.streams, strict=True):
        assert one.frozen_s == pytest.approx(other.frozen_s, abs=0.3)
        assert other.frozen_s <= frozen_s
        assert (one.late_ms or 0) == pytest.approx(other.late_ms or 0, abs=60)


def test_a_cadence_continues_over_parts(monkeypatch: pytest.MonkeyPatch):
    rng = Random(5)
    packets = [one for one in packets_of(shaped_call("telegram/libtgvoip/voice", 3000)) if rng.random() >= 0.05]
    whole, parts = in_parts(monkeypatch, packets, 1 << 18), in_parts(monkeypatch, packets, 1500)
    for one, other in zip(parts.streams, whole.streams, strict=True):
        assert one.lost == pytest.approx(other.lost, abs=4)
        assert one.packets == other.packets


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch):
    def full(**_: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", full)
    with pytest.raises(spool.FileError, match=r"no room .* TMPDIR"):
        in_parts(monkeypatch, packets_of(shaped_call("webrtc/dtls/voice", 400)), 100)


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc: a Linux machine")
def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    """800 thousand packets of a call, which is several parts, and twice as many in the same time, 1 in 100 lost.

    In the same time, since each second of a call is a row of the result and takes the memory that it takes.
    """
    few, many = (peak_mib(long_call(tmp_path / "call.pcap", 800_000 * times, 20_000 // times)) for times in (1, 2))
    assert many < 250
    assert many - few < 25


def peak_mib(file: Path) -> float:
    """Peak memory of the command; a child's own count, since that of its parent counts what it was forked from."""
    code = (
        "import sys; from pathlib import Path; from talkpath.cli import cli; cli.main(standalone_mode=False);"
        "print(Path('/proc/self/status').read_text(), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "capture", "--json", str(file)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert '"lost":' in told.stdout
    (line,) = (line for line in told.stderr.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def long_call(path: Path, packets: int, every_us: int) -> Path:
    """Voice both ways, written by numpy."""
    size = 14 + 20 + 8 + 12 + 60
    record = np.dtype([("second", "<u4"), ("micro", "<u4"), ("kept", "<u4"), ("size", "<u4"), ("frame", "u1", size)])
    number, direction = np.divmod(np.arange(packets), 2)
    head = bytes(12) + b"\x08\x00" + struct.pack("!BBHHHBBH", 0x45, 0, size - 14, 0, 0, 64, 17, 0)
    ends = (b"\x0a\0\0\x05", b"\xc6\x33\x64\x07"), (struct.pack("!H", 40000), struct.pack("!H", 3478))
    made = np.zeros(packets, record)
    for side in (0, 1):
        (near, far), (port, other) = (pair[:: 1 - 2 * side] for pair in ends)
        fixed = head + near + far + port + other + struct.pack("!HH", size - 34, 0) + b"\x80\x6f"
        made["frame"][direction == side, : len(fixed)] = np.frombuffer(fixed, np.uint8)
    time_us = number * every_us + direction * 7000
    made["second"], made["micro"] = 1_700_000_000 + time_us // 1_000_000, time_us % 1_000_000
    made["kept"] = made["size"] = size
    made["frame"][:, 44:46] = (number & 0xFFFF).astype(">u2").view(np.uint8).reshape(-1, 2)
    made["frame"][:, 46:50] = (number * 960 & 0xFFFFFFFF).astype(">u4").view(np.uint8).reshape(-1, 4)
    made["frame"][:, 53] = direction + 1
    made = made[np.random.default_rng(1).random(packets) >= 0.01]
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        made.tofile(file)
    return path
