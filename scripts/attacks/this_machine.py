"""What a measurement leaves on the machine of the person who measures: links in lists of processes, names of files."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from attacks import forging
from attacks.recordings import raw_pcap, voice_call
from attacks.stage import PYTHON, Attack, Finding, run_talkpath
from talkpath.wire.control.keys import raw_key_text

SECRET = "c2VjcmV0LW9mLWFuLWludml0ZQ"
NAME = "anna-kovacs-2026-11-29"
LOOK_S, LOOKS = 0.1, 40


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


ATTACKS = (
    Attack("a link through the environment and a file: the list of processes", "not in it", link_in_processes),
    Attack("a recording named after a person: JSON and HTML", "held by none", file_names),
)
RECORDING_ATTACKS = (
    Attack("capture: 60 kB of gzipped statistics, a log of newlines", "< 15 s, < 500 MB", small_statistics),
)
