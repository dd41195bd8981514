"""What `talkpath listen` costs: one call among 10 Mbit/s of other traffic, as a live stream; and memory over hours.

    .venv/bin/python bench/listen.py

Seconds of virtual time are fed as a live capture would bring them, a piece every 5 ms. The share of a core is processor
time over the stream's own time, reading, measuring and drawing the terminal's view included; the share of a pipe's
system calls is not.
"""

from __future__ import annotations

import io
import resource
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from rich.console import Console  # noqa: E402

from factories.packets.capture_files import Packet, pcap_file, udp_packet  # noqa: E402
from factories.packets.scripted_stream import ScriptedStream  # noqa: E402
from factories.packets.shaped_calls import BEGIN_NS, CALLER, packets_of, shaped_call  # noqa: E402
from talkpath.api.live_recording import followed_recordings  # noqa: E402
from talkpath.capture.live.live_picture import LivePicture  # noqa: E402
from talkpath.listening.followed_stream import FollowedStream  # noqa: E402
from talkpath.report.recordings.live_text import LiveScreen  # noqa: E402

SECONDS, OTHER_MBPS, PIECE_S = 120, 10.0, 0.005
HOURS = 2
SECOND = 1_000_000_000


def other(seconds: int, mbps: float) -> list[Packet]:
    """Downloads over QUIC-like UDP, from a few hundred hosts."""
    rng, out, at_s = Random(5), [], 0.0
    step_s = 8 * 1250 / (1e6 * mbps)
    while at_s < seconds:
        host = bytes((203, 0, rng.randrange(4), rng.randrange(60)))
        data = bytes((0x41,)) + rng.randbytes(1221)
        out.append(Packet(BEGIN_NS + round(at_s * SECOND), udp_packet(host, CALLER, 443, 50_000 + host[3], data)))
        at_s += rng.expovariate(1 / step_s)
    return out


def pieces(packets: list[Packet]) -> list[tuple[float, bytes]]:
    """The packets as a live stream brings them."""
    data, at, out = pcap_file(packets, nano=True), 24, [(0.0, b"")]
    out[0] = (0.0, data[:24])
    waiting, due_s = b"", PIECE_S
    for packet in packets:
        (size,) = struct.unpack_from("<I", data, at + 8)
        moment_s = (packet.time_ns - packets[0].time_ns) / SECOND
        if moment_s >= due_s:
            out.append((due_s, waiting))
            waiting, due_s = b"", moment_s + PIECE_S
        waiting += data[at : at + 16 + size]
        at += 16 + size
    return [*out, (due_s, waiting)]


def cost(packets: list[Packet]) -> float:
    """Processor seconds of listening to them."""
    stream = ScriptedStream(pieces(packets))
    screen = LiveScreen(Console(file=io.StringIO(), force_terminal=True, width=120))
    begin_s = time.process_time()
    for _ in followed_recordings("-", FollowedStream(stream, screen.show, clock=stream.clock)):
        pass
    screen.close()
    return time.process_time() - begin_s


def hours(count: int) -> Iterator[tuple[float, bytes]]:
    """One minute of the traffic, again and again from other ports, a call in it each time."""
    head, *minute = pieces(in_order(60, 0.1))
    yield head
    for number in range(60 * count):
        for at_s, data in minute:
            yield 60.0 * number + at_s, later(data, 60 * number, number)


def later(data: bytes, seconds: int, number: int) -> bytes:
    """The records, so many seconds later, with other port numbers at this end."""
    out, at = bytearray(data), 0
    while at < len(out):
        begun, _, size = struct.unpack_from("<III", out, at)
        struct.pack_into("<I", out, at, begun + seconds)
        ip = at + 16 + 14
        place = ip + (20 if out[ip + 12 : ip + 16] == CALLER else 22)
        out[place : place + 2] = struct.pack("!H", 20_000 + (struct.unpack_from("!H", out, place)[0] + number) % 40_000)
        at += 16 + size
    return bytes(out)


def in_order(seconds: int, mbps: float) -> list[Packet]:
    """A call among other traffic."""
    packets = [*packets_of(shaped_call("whatsapp/relay60/voice", 16 * seconds)), *other(seconds, mbps)]
    inside = (one for one in packets if one.time_ns < BEGIN_NS + seconds * SECOND)
    return sorted(inside, key=lambda packet: packet.time_ns)


def memory_mb() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def over_hours() -> None:
    """Print how memory grows."""
    stream = ScriptedStream(hours(HOURS))
    after: list[float] = []

    def look(picture: LivePicture) -> None:
        if picture.now_s >= 1200 * (len(after) + 1):
            after.append(memory_mb())

    calls = sum(len(one.calls) for one in followed_recordings("-", FollowedStream(stream, look, clock=stream.clock)))
    told = ", ".join(f"{mb:.0f} MB" for mb in after)
    print(f"{HOURS} hours, {calls} calls; memory after each 20 minutes: {told}")  # noqa: T201


def main() -> None:
    """Measure the share of a core, then the memory over hours."""
    packets = in_order(SECONDS, OTHER_MBPS)
    lasts_s = (packets[-1].time_ns - packets[0].time_ns) / SECOND
    share = cost(packets) / lasts_s
    print(f"{len(packets)} packets in {lasts_s:.0f} s: {100 * share:.1f} % of a core (at most 5)")  # noqa: T201
    over_hours()


if __name__ == "__main__":
    main()
