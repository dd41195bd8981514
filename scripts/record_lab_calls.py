"""Record real WebRTC calls, Chromium to aiortc, through the lab's made-up network, with the truth of what it dropped.

    python scripts/record_lab_calls.py build/lab-calls            all cases, some 20 s each
    python scripts/record_lab_calls.py build/lab-calls drop30 ge  those alone
    python scripts/score_captures.py build/lab-calls

Needs Linux, Chromium, aiortc and playwright (requirements/peers.in). All traffic stays in namespaces that the lab
makes. For each case it writes two captures, as seen at either end, and one entry each of truth.json, whose losses are
counted from the packets that the network dropped. `--keep N` cuts RTP to N bytes: what is sealed tells nothing.
The fixtures of the tests were made by

    python scripts/record_lab_calls.py tests/capture/lab --keep 24 voice drop10-down drop30-up freeze size_drop ge \
        transit_loss reorder stun-drop hello-drop
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import struct
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import record_lab_calls  # this file: what is pickled for the router's process must come from a module
from talkpath.lab.drivers import namespace, netns
from talkpath.lab.network import LabNetwork
from talkpath.lab.path.link import LAB_PROBE, LAB_REFERENCE, RESPONDER
from talkpath.lab.scenario import Scenario

SCRIPTS = Path(__file__).parent
HEAD = struct.Struct("<dBBI")
UP, NEAR, FAR = 0, 1, 2
SEEN, DROPPED = 0, 1
LINUX_SLL, ETHERTYPES = 113, {4: b"\x08\x00", 6: b"\x86\xdd"}
RTP_BYTES = 12


@dataclass(frozen=True, slots=True)
class Case:
    """One call: its medium, the network, what becomes of it ("call" or "attempt")."""

    medium: str = "voice"
    rules: tuple[str, ...] = ()
    background: str = "clean"
    family: str = "4"
    outcome: str = "call"
    seconds: float = 8.0


CASES = {
    "voice": Case(),
    "video": Case("video"),
    "voice6": Case(family="6"),
    "drop10-down": Case(rules=("media.drop,p=0.1,direction=down",)),
    "drop30-up": Case(rules=("media.drop,p=0.3,direction=up",)),
    "drop30": Case(rules=("media.drop,p=0.3",)),
    "video-drop5": Case("video", ("media.drop,p=0.05",)),
    "freeze": Case(rules=("media.freeze,after_packets=250",), seconds=12.0),
    "police": Case("video", ("media.police,kbps=128",), seconds=12.0),
    "size_drop": Case("video", ("media.size_drop,over=400",)),
    "delay": Case(rules=("media.delay,ms=150,jitter_ms=30",)),
    "ge": Case(background="ge,loss=0.1"),
    "transit_loss": Case(background="transit_loss,p=0.2"),
    "reorder": Case(background="reorder,share=0.05,late_ms=40,twice=0.02"),
    "bufferbloat": Case("video", background="bufferbloat"),
    "stun-drop": Case(rules=("stun.drop,direction=both",), outcome="attempt"),
    "hello-drop": Case(rules=("dtls.hello_drop",), outcome="attempt"),
    "udp-block": Case(rules=("udp.block",), outcome="attempt"),
}


class Tap:
    """A network that writes down every packet at both of its ends, as it enters and as it leaves."""

    def __init__(self, network: LabNetwork, file: Path) -> None:
        self._network, self._file = network, file
        self.dropped = network.dropped
        self._out: Any = None

    def offer(self, now_s: float, direction: str, packet: bytes) -> list[tuple[float, bytes]]:
        """As `Network.offer`."""
        out = self._network.offer(now_s, direction, packet)  # type: ignore[arg-type]
        first, last = (NEAR, FAR) if direction == "up" else (FAR, NEAR)
        self._note(now_s, first, SEEN if out else DROPPED, packet)
        for at_s, copy in out:
            self._note(at_s, last, SEEN, copy)
        return out

    def _note(self, at_s: float, end: int, fate: int, packet: bytes) -> None:
        if self._out is None:
            self._out = self._file.open("wb", buffering=0)
        self._out.write(HEAD.pack(at_s, end, fate, len(packet)) + packet)


@dataclass(frozen=True, slots=True)
class Noted:
    """One packet at one end. `dropped`: it entered the network there and never left it."""

    at_s: float
    end: int
    dropped: bool
    data: bytes


def record_case(name: str, case: Case, folder: Path, keep: int) -> list[dict[str, Any]]:
    """Play a case and write its two captures; their entries of truth.json."""
    network = Scenario.parse(case.background, case.rules, seed=1).network()
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        with netns.netns_lab(Tap(network, place / "log")) as lab:
            far = [str(SCRIPTS / "lab_call_far.py"), scratch, case.medium]
            lab.start(RESPONDER.name, [sys.executable, *far]).line("ready")
            stop = _other_traffic(lab)
            near = [str(SCRIPTS / "lab_call_near.py"), scratch, str(case.seconds), case.medium, case.family]
            outcome = lab.start(LAB_PROBE.name, [sys.executable, *near]).finish(90)
            stop.set()
            health = lab.stop()
        if outcome.exit_code:
            raise SystemExit(f"{name}: Chromium's end failed: {outcome.stderr.decode()[-600:]}")
        log = list(_read_log(place / "log"))
        stats = json.loads((place / "near.json").read_text())
    print(f"{name}: {len(log)} notes, late p99 {health.late_p99_ms:.1f} ms, Chromium: {stats}", flush=True)  # noqa: T201
    made = (_written_capture(name, case, folder, keep, log, end) for end in (NEAR, FAR))
    return [entry for entry in made if entry is not None]


def _other_traffic(lab: netns.NetnsLab) -> threading.Event:
    """Other traffic of the same host all the while: short datagrams to a server that answers."""
    import socket

    stop = threading.Event()
    with lab.inside(LAB_REFERENCE.name):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind((LAB_REFERENCE.ipv4, 53))
    with lab.inside(LAB_PROBE.name):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((LAB_REFERENCE.ipv4, 53))

    def answer() -> None:
        server.settimeout(0.2)
        while not stop.is_set():
            try:
                data, whom = server.recvfrom(2000)
                server.sendto(data, whom)
            except TimeoutError:
                continue

    def ask() -> None:
        while not stop.is_set():
            client.send(b"lab" + os.urandom(60))
            time.sleep(0.1)

    for work in (answer, ask):
        threading.Thread(target=work, daemon=True).start()
    return stop


def _read_log(log: Path) -> list[Noted]:
    data, at, out = log.read_bytes(), 0, []
    while at < len(data):
        at_s, end, fate, size = HEAD.unpack_from(data, at)
        at += HEAD.size
        out.append(Noted(at_s, end, fate == DROPPED, data[at : at + size]))
        at += size
    return sorted(out, key=lambda one: one.at_s)


# ---------------------------------------------------------------- captures and their truth


def _written_capture(
    name: str, case: Case, folder: Path, keep: int, log: list[Noted], end: int
) -> dict[str, Any] | None:
    """The capture of one end and its entry; None where nothing ever came there."""
    file = f"{name}.pcap.gz" if end == NEAR else f"{name}-far.pcap.gz"
    host = (LAB_PROBE if end == NEAR else RESPONDER).packed()
    seen = [one for one in log if one.end == end and not set(_packet_ends(one.data)).isdisjoint(host)]
    if not seen:
        return None
    with gzip.GzipFile(folder / file, "wb", mtime=0) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, LINUX_SLL))
        for one in seen:
            second, rest = divmod(round((1_700_000_000 + one.at_s) * 1e9), 1_000_000_000)
            kept = (
                one.data if _rtp_header(one.data) is None else one.data[: _payload_at(one.data) + max(keep, RTP_BYTES)]
            )
            sent = _packet_ends(one.data)[0] in host
            cooked = struct.pack("!HHH8s2s", 4 if sent else 0, 1, 6, b"", ETHERTYPES[one.data[0] >> 4])
            size = len(cooked) + len(one.data)
            out.write(struct.pack("<IIII", second, rest, len(cooked + kept), size) + cooked + kept)
    entry: dict[str, Any] = {"file": file, "rules": case.rules, "background": case.background, "calls": []}
    if case.outcome == "attempt":
        return entry | {"attempts": [{"app": "webrtc"}]}
    return entry | {"calls": [_truth_entry(case, seen, log, end)]}


def _truth_entry(case: Case, seen: list[Noted], log: list[Noted], end: int) -> dict[str, Any]:
    """What `score_captures` compares with: media from first to last packet, losses of what came to this end."""
    media = [(one.at_s - seen[0].at_s, found) for one in seen if (found := _rtp_header(one.data)) is not None]
    began, ended = media[0][0], media[-1][0]
    return {
        "app": "webrtc",
        "media": ["voice", "video"] if case.medium == "video" else ["voice"],
        "transport": "p2p",
        "encrypted": True,
        "score": "required",
        "measured": {"media_start_s": round(began, 4), "duration_s": round(ended - began, 4)},
        "lost_received": _lost_on_path(seen, log, end),
    }


def _lost_on_path(seen: list[Noted], log: list[Noted], end: int) -> int:
    """Packets that the network dropped on their way here, between the first and the last that came of their stream."""
    came: dict[int, list[int]] = defaultdict(list)
    gone: dict[int, list[int]] = defaultdict(list)
    order: dict[tuple[int, int], int] = {}
    for one in log:
        found = _rtp_header(one.data)
        if found is not None and one.end != end:
            order.setdefault(found, len(order))
            if one.dropped:
                gone[found[0]].append(order[found])
    for one in seen:
        found = _rtp_header(one.data)
        if found in order:
            came[found[0]].append(order[found])
    return sum(min(came[ssrc]) < place < max(came[ssrc]) for ssrc in gone if came[ssrc] for place in gone[ssrc])


def _packet_ends(packet: bytes) -> tuple[bytes, bytes]:
    """Source and destination."""
    return (packet[12:16], packet[16:20]) if packet[0] >> 4 == 4 else (packet[8:24], packet[24:40])


def _payload_at(packet: bytes) -> int:
    return (packet[0] & 15) * 4 + 8 if packet[0] >> 4 == 4 else 48


def _rtp_header(packet: bytes) -> tuple[int, int] | None:
    """(SSRC, sequence number) of an RTP packet (RFC 3550 section 5.1), told from RTCP as RFC 5761 says."""
    if packet[9 if packet[0] >> 4 == 4 else 6] != 17:
        return None
    data = packet[_payload_at(packet) :]
    if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
        return None
    return int.from_bytes(data[8:12], "big"), int.from_bytes(data[2:4], "big")


def main() -> None:
    """Record the cases that were asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("cases", nargs="*", metavar="CASE")
    options.add_argument("--keep", type=int, default=1500)
    chosen = options.parse_intermixed_args()
    unknown = sorted(set(chosen.cases) - CASES.keys())
    if unknown:
        options.error(f"there is no case {unknown[0]}; there are: {', '.join(CASES)}")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(SCRIPTS), os.environ.get("PYTHONPATH"))))
    namespace.enter_namespace()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for name in chosen.cases or CASES:
        entries += record_case(name, CASES[name], chosen.folder, chosen.keep)
        (chosen.folder / "truth.json").write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    record_lab_calls.main()
