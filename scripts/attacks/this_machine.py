"""What a measurement leaves on the machine of the person who measures: links in lists of processes, names of files."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from random import Random
from threading import Thread

from attacks import forging
from attacks.recordings import COOKIE, raw_pcap, udp_packet, voice_call
from attacks.stage import PYTHON, Attack, Finding, run_talkpath
from talkpath.wire.control.keys import raw_key_text

SECRET = "c2VjcmV0LW9mLWFuLWludml0ZQ"
NAME = "anna-kovacs-2026-11-29"
LOOK_S, LOOKS = 0.1, 40
SMALL_FLOWS, MOST_LISTEN_MB = 300_000, 150


def link_in_processes(folder: Path) -> Finding:
    """A link comes through the environment and through a file: does anybody who lists processes see it?"""
    link = f"talkpath://192.0.2.1:4433#{raw_key_text(forging.named_signer('ps').public)}.{SECRET}"
    (folder / "link").write_text(link)
    seen, begun = 0, 0
    for words, environment in ((), {"TALKPATH_LINK": link}), ((str(folder / "link"),), {}):
        process = subprocess.Popen(
            [*PYTHON, "check", "--light", *words],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        begun += 1
        for _ in range(LOOKS):
            time.sleep(LOOK_S)
            with suppress(OSError):
                seen += SECRET.encode() in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.kill()
        process.wait()
    return Finding(not seen, f"seen in {seen} of {LOOKS * begun} looks")


def file_names(folder: Path) -> Finding:
    """A recording whose name is a person's: does the JSON or the page hold it?"""
    file = folder / f"{NAME}.pcap"
    file.write_bytes(raw_pcap(voice_call()))
    said = run_talkpath("capture", "--json", file)
    run_talkpath("capture", "--html", folder / "page.html", file)
    holders = [
        name
        for name, data in (("JSON", said.stdout), ("HTML", (folder / "page.html").read_bytes()))
        if NAME.encode() in data
    ]
    return Finding(bool(said.stdout) and not holders, f"held by {' and '.join(holders) or 'none'}")


def small_statistics(folder: Path) -> Finding:
    """60 kB of gzipped statistics with tens of millions of numbers, and a log of as many newlines."""
    series = {"statsType": "inbound-rtp", "startTime": "", "endTime": "", "values": "[" + "0," * (16 << 20) + "0]"}
    dump = {"PeerConnections": {"1": {"stats": {"A-packetsReceived": series}, "url": ""}}}
    log = b"ringrtc_stats!,audio,recv,1002,40.0,0.0%,32000.0bps,0ms\n" + b"\n" * (32 << 20)
    ends = []
    for name, data in (("dump.json", json.dumps(dump).encode()), ("log.txt", log)):
        (folder / name).write_bytes(gzip.compress(data, 6))
        ends.append(run_talkpath("capture", folder / name))
    holds = all(not end.traceback and end.exit_code >= 0 and end.cpu_s < 15 and end.mib < 500 for end in ends)
    return Finding(holds, "; ".join(map(str, ends)))


def random_datagram(number: int) -> tuple[int, bytes]:
    """Protocol and payload: bytes of no known protocol."""
    return 17, udp_packet(Random(number).randbytes(16), 1024 + number % 60_000)


def stun_request(number: int) -> tuple[int, bytes]:
    """A STUN binding request, which recognisers are asked about."""
    return 17, udp_packet(b"\0\1\0\0" + COOKIE + number.to_bytes(12, "big"), 1024 + number % 60_000)


def tcp_syn(number: int, flags: int = 2, data: bytes = b"") -> tuple[int, bytes]:
    """A SYN that nothing follows."""
    head = struct.pack("!HHIIBBHHH", 1024 + number % 60_000, 443, number, 0, 0x50, flags, 1024, 0, 0)
    return 6, head + data


def tcp_frame(number: int) -> tuple[int, bytes]:
    """A segment that is one frame, as media over TCP begins."""
    return tcp_syn(number, 0x18, struct.pack("!H", 20) + number.to_bytes(20, "big"))


def small_flows(make: Callable[[int], tuple[int, bytes]]) -> Iterator[bytes]:
    """A packet each of many flows from many sources."""
    for number in range(SMALL_FLOWS):
        protocol, data = make(number)
        ends = (0x0B000000 + number).to_bytes(4, "big") + bytes((198, 51, 100, 7))
        yield struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), number & 0xFFFF, 0, 64, protocol, 0) + ends + data


def beside_a_call(flows: Iterator[bytes]) -> Iterator[bytes]:
    """The packets, and a call that goes on all the time."""
    for packet in voice_call(SMALL_FLOWS // 20):
        yield packet
        yield from islice(flows, 10)


def listen_attack(
    make: Callable[[int], tuple[int, bytes]], around: Callable[[Iterator[bytes]], Iterator[bytes]] = iter
) -> Callable[[Path], Finding]:
    """An attack: `talkpath listen` is given the flows through a pipe."""

    def play(folder: Path) -> Finding:
        pipe, data = folder / "packets", raw_pcap(around(small_flows(make)))
        os.mkfifo(pipe)
        writer = Thread(target=_fill_pipe, args=(pipe, data), daemon=True)
        writer.start()
        end = run_talkpath("listen", pipe, "--json", seconds=150.0)
        return Finding(end.exit_code == 0 and not end.traceback and end.mib <= MOST_LISTEN_MB, str(end))

    return play


def _fill_pipe(pipe: Path, data: bytes) -> None:
    with suppress(OSError), pipe.open("wb") as file:
        file.write(data)


ATTACKS = (
    Attack("a link through the environment and a file: the list of processes", "not in it", link_in_processes),
    Attack("a recording named after a person: JSON and HTML", "held by none", file_names),
)
RECORDING_ATTACKS = (
    *(
        Attack(f"listen: {SMALL_FLOWS // 1000} 000 small flows ({kind})", f"≤ {MOST_LISTEN_MB} MB", listen_attack(make))
        for kind, make in (("UDP", random_datagram), ("STUN", stun_request), ("TCP SYN", tcp_syn), ("TCP", tcp_frame))
    ),
    Attack(
        f"listen: {SMALL_FLOWS // 1000} 000 small flows (STUN) beside a call",
        f"≤ {MOST_LISTEN_MB} MB",
        listen_attack(stun_request, beside_a_call),
    ),
    Attack("capture: 60 kB of gzipped statistics, a log of newlines", "< 15 s, < 500 MB", small_statistics),
)
