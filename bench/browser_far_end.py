"""How many checks of browsers one far end carries on a core, beside the far end of another commit, in one run.

    python bench/browser_far_end.py [CHECKS] [--beside COMMIT] [--profile]

CHECKS (default 2) synthetic browsers (scripts/synthetic_browser.py), in processes of their own, each run a whole voice
check at a far end: three epochs of six calls and ten twins, the direct path, and beside all of it a call and its twin
that live on. (Far ends of before 2026-11-28 speak another protocol: COMMIT is one since then.)
Calls are ICE, DTLS and SRTP, twins are WebTransport by aioquic, all at their real pace. Each second browser is where
LOST of what calls send is dropped; its verdict has to say so, and the others' that nothing is wrong. At the far end of
COMMIT first, then at this one. Counted are the CPU time of the far end's process (/proc, set-up included) and its own
lateness (99th percentile of each check, the worst of them).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import count as count_up
from itertools import takewhile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import msgspec  # noqa: E402
from aioquic.asyncio.client import connect  # noqa: E402
from aioquic.asyncio.protocol import QuicConnectionProtocol  # noqa: E402
from aioquic.h3.connection import H3Connection  # noqa: E402
from aioquic.h3.events import DatagramReceived, HeadersReceived  # noqa: E402
from aioquic.quic.configuration import QuicConfiguration  # noqa: E402
from aioquic.quic.events import ProtocolNegotiated, QuicEvent  # noqa: E402
from beside import count, sources, with_sources  # noqa: E402

from synthetic_browser import NearCall  # noqa: E402
from talkpath.browser.far_end.schedule import WATCH_SLOTS  # noqa: E402
from talkpath.browser.webrtc.call_media import MEDIA_BY_NAME  # noqa: E402
from talkpath.measure.facts import Facts  # noqa: E402
from talkpath.verdict.judge import judge_facts  # noqa: E402

HOST, CHECKS = "127.0.0.1", 2
CHECK_S = 30.0  # a voice check in Chromium, by docs/why/2026-11-24-browser.md; a slow load makes none of them longer
LOST = 0.3
RIGHT = {0.0: ("ok", None, None), LOST: ("restricted", "media.drop", "up")}
LOAD = "load"  # the argument of the child processes
APART_S = 0.7  # between the beginnings of two checks
USUAL = {"type": "next", "medium": "voice"}
PATHS = {"type": "paths", "paths": [], "user": "", "password": ""}
FINISH = {"type": "finish", "least": WATCH_SLOTS}
STEPS: tuple[dict[str, Any], ...] = (USUAL, USUAL, PATHS, FINISH)
MODULE = "talkpath.browser.far_end.far_end_process"
TICKS = os.sysconf("SC_CLK_TCK")
FIRST = ["chrt", "--fifo", "1"] if os.geteuid() == 0 else []
"""The far end, where that is allowed: its load takes no core from it, as on a machine of its own."""


# -- the load ---------------------------------------------------------------------------------------------------


class Call:
    """One call: `NearCall` on a socket of its own. Of what it sends the share `lost` is dropped."""

    def __init__(self, opening: dict[str, Any], epoch: dict[str, Any], port: int, lost: float) -> None:
        self.flow, self.phase_ms = opening["flow"], opening.get("phase_ms", 0.0)
        self.near = NearCall(MEDIA_BY_NAME[epoch["medium"]])
        self.polls: list[list[float]] = []
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.connect((HOST, port))
        self._socket.setblocking(False)
        self.sent, self._lost = 0, lost

    def open(self, answer: str) -> None:
        """Begin, once the answer is there."""
        self.near.answered(answer)
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._socket.send(self.near.check())

    def _read(self) -> None:
        for _ in range(16):
            try:
                data = self._socket.recv(2048)
            except OSError:
                return
            for said in self.near.receive(data):
                self._socket.send(said)

    @property
    def ready(self) -> bool:
        """Whether it is set up."""
        return self.near.is_connected

    def tick(self, slot: int) -> None:
        """Send one packet."""
        if self.ready:
            self.sent += 1
            packet = self.near.media(slot)
            if random.random() >= self._lost:
                self._socket.send(packet)

    def report(self) -> dict[str, Any]:
        """As the page counts."""
        polls = [[1.0, 0, 0], [1e5, self.sent, len(self.near.received)]]
        return {"flow": self.flow, "stun_ms": 5.0, "dtls_ms": 20.0 if self.ready else None, "polls": polls}

    def close(self) -> None:
        """Give the socket back."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()


class Twin(QuicConnectionProtocol):
    """One twin: a WebTransport session."""

    def __init__(self, *arguments: Any, opening: dict[str, Any], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.flow, self.phase_ms, self._path = opening["flow"], opening["phase_ms"], opening["path"]
        self._http: H3Connection | None = None
        self._stream, self.ready = 0, False
        self.sent: list[int] = []
        self.came = 0

    def quic_event_received(self, event: QuicEvent) -> None:
        """Called by aioquic."""
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic, enable_webtransport=True)
            self._stream = self._quic.get_next_available_stream_id()
            names = {":method": "CONNECT", ":scheme": "https", ":authority": HOST, ":path": self._path}
            headers = [*names.items(), (":protocol", "webtransport")]
            self._http.send_headers(self._stream, [(name.encode(), value.encode()) for name, value in headers])
        for each in self._http.handle_event(event) if self._http else ():
            self.ready = self.ready or isinstance(each, HeadersReceived)
            self.came += isinstance(each, DatagramReceived)

    def tick(self, slot: int, size: int) -> None:
        """Send one datagram."""
        if self.ready and self._http is not None:
            self.sent.append(slot)
            self._http.send_datagram(self._stream, slot.to_bytes(2, "big") + bytes(size - 2))
            self.transmit()

    def report(self) -> dict[str, Any]:
        """As the page counts."""
        return {
            "flow": self.flow,
            "stun_ms": 20.0 if self.ready else None,
            "dtls_ms": 20.0 if self.ready else None,
            "sent": self.sent,
            "polls": [[1.0, 0, 0], [1e5, len(self.sent), self.came]],
        }


class Check:
    """One synthetic page, from `start` to the last facts. `port` is the far end's; of what calls send the share `lost`
    is dropped."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: float) -> None:
        self._reader, self._writer = reader, writer
        self._waiting: dict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)
        self.port, self.lost = 0, lost
        self.facts = ""
        self.late_ms, self.calls, self.twins, self.failed = 0.0, 0, 0, 0

    async def _read(self) -> None:
        while line := await self._reader.readline():
            message = json.loads(line)
            assert message["type"] != "error", message
            self._waiting[_key(message)].put_nowait(message)

    async def next(self, *key: object) -> dict[str, Any]:
        """The next message of that kind. `key` goes on with the epoch of an answer or a go, and the answer's flow."""
        return await self._waiting[" ".join(map(str, key))].get()

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def run(self, token: str) -> None:
        """All of it."""
        reading = asyncio.create_task(self._read())
        self.tell({"token": token, "host": HOST, "page": HOST})
        self.port = (await self.next("welcome"))["twin"]["port"]
        self.tell({"type": "start", "nonce": os.urandom(32).hex(), "vpn": False, "twins": "datagrams"})
        epoch = await self.next("epoch")
        beside = Run(self, epoch["beside"])
        living = asyncio.create_task(beside.run())
        await Run(self, epoch).run()
        for step in STEPS:
            await self._facts()
            self.tell(step)
            if step is FINISH:
                beside.slots = (await self.next("finish"))["slots"]
                await living
            else:
                await Run(self, await self.next("epoch")).run()
        await self._facts()
        self._writer.close()
        reading.cancel()

    async def _facts(self) -> None:
        told = await self.next("facts")
        self.late_ms, self.facts = told["late_ms"], told["facts"]


def _key(message: dict[str, Any]) -> str:
    numbers = {"answer": ("number", "flow"), "go": ("number",)}.get(message["type"], ())
    return " ".join([message["type"], *(str(message[name]) for name in numbers)])


class Run:
    """One epoch of it, of `slots` packets a flow."""

    def __init__(self, check: Check, order: dict[str, Any]) -> None:
        self._check, self._order, self.slots = check, order, order["slots"]
        self._flows: list[Call | Twin] = []
        self._closing: list[Callable[[], Any]] = []

    async def run(self) -> None:
        """Open, send, report and close all flows."""
        order, check = self._order, self._check
        for opening in order["flows"]:
            await self._open(opening)
            await asyncio.sleep(order["gap_ms"] / 1000)
        until_s = time.monotonic() + 5.0
        while time.monotonic() < until_s and not all(flow.ready for flow in self._flows):
            await asyncio.sleep(0.05)
        check.failed += sum(not flow.ready for flow in self._flows)
        check.tell({"type": "media", "number": order["number"]})
        await check.next("go", order["number"])
        await self._send()
        await asyncio.sleep(order["tail_ms"] / 1000)
        reports = [flow.report() for flow in self._flows]
        check.tell({"type": "report", "report": {"number": order["number"], "flows": reports, "pings": 9, "pongs": 9}})
        await self._close()

    async def _open(self, opening: dict[str, Any]) -> None:
        check, number, flow = self._check, self._order["number"], opening["flow"]
        if opening["kind"] == "call":
            call = Call(opening, self._order, check.port, check.lost)
            check.tell({"type": "offer", "number": number, "flow": flow, "sdp": call.near.offer()})
            call.open((await check.next("answer", number, flow))["sdp"])
            self._flows.append(call)
        else:
            context = connect(HOST, check.port, configuration=quic(), create_protocol=partial(Twin, opening=opening))
            self._flows.append(await context.__aenter__())  # type: ignore[arg-type]
            self._closing.append(partial(context.__aexit__, None, None, None))

    async def _send(self) -> None:
        order, go_s = self._order, time.monotonic()
        flows = sorted(self._flows, key=lambda flow: flow.phase_ms)
        for slot in takewhile(lambda slot: slot < self.slots, count_up()):
            for flow in flows:
                wait_s = go_s + (slot * order["tick_ms"] + flow.phase_ms) / 1000 - time.monotonic()
                if wait_s > 0.001:
                    await asyncio.sleep(wait_s)
                flow.tick(slot, order["datagram"]) if isinstance(flow, Twin) else flow.tick(slot)
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)

    async def _close(self) -> None:
        check = self._check
        for flow in self._flows:
            if isinstance(flow, Call):
                check.calls += len(flow.near.received) + flow.sent
                flow.close()
            else:
                check.twins += flow.came + len(flow.sent)
        for close in self._closing:
            await close()


def quic() -> QuicConfiguration:
    """The settings of a twin's connection."""
    return QuicConfiguration(
        is_client=True,
        alpn_protocols=["h3"],
        max_datagram_frame_size=65536,
        verify_mode=ssl.CERT_NONE,
        server_name="localhost",
    )


def is_right(facts: str, lost: float) -> bool:
    """Whether the verdict on these facts says what was done to the calls."""
    (verdict,) = judge_facts(msgspec.msgpack.decode(base64.b64decode(facts), type=Facts))
    return (verdict.state, verdict.rule, verdict.direction) == RIGHT[lost]


async def load(control: int, token: str, lost: float) -> dict[str, Any]:
    """One check; what was measured."""
    check = Check(*await asyncio.open_connection(HOST, control, limit=1 << 23), lost)
    began_s = time.monotonic()
    await check.run(token)
    return {
        "span_s": time.monotonic() - began_s,
        "late_ms": check.late_ms,
        "calls": check.calls,
        "twins": check.twins,
        "failed": check.failed,
        "right": is_right(check.facts, lost),
    }


# -- the measurement --------------------------------------------------------------------------------------------


def free_port() -> int:
    """A UDP port that nobody has now."""
    with socket.socket(type=socket.SOCK_DGRAM) as end:
        end.bind((HOST, 0))
        return int(end.getsockname()[1])


def used_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def most_mb(pid: int) -> float:
    """The most memory that a process took so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(name: str, source: Path, checks: int, *, profiled: bool = False) -> str:
    """The row of one far end."""
    profile = ["-m", "cProfile", "-s", "tottime"] if profiled else []
    command = [*FIRST, sys.executable, *profile, "-m", MODULE, HOST, str(free_port())]
    with subprocess.Popen(
        command, env=with_sources(source), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as far:
        assert far.stdout is not None  # asked for
        assert far.stdin is not None
        ready = json.loads(far.stdout.readline())
        before_s, loads = used_s(far.pid), []
        for number in range(checks):
            lost = str(LOST if number % 2 else 0.0)
            words = [sys.executable, __file__, LOAD, str(ready["control"]), ready["token"], lost]
            loads.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            time.sleep(APART_S)
        found = [json.loads(each.communicate(timeout=300)[0]) for each in loads]
        cpu_s, mb = used_s(far.pid) - before_s, most_mb(far.pid)
        far.stdin.close()
        if profiled:
            sys.stdout.write("\n".join(far.stdout.read().splitlines()[:60]) + "\n")
    span_s = max(each["span_s"] for each in found)
    packets = sum(each["calls"] + each["twins"] for each in found)
    late_ms = max(each["late_ms"] for each in found)
    share = cpu_s / checks / CHECK_S
    failed, right = (sum(each[of] for each in found) for of in ("failed", "right"))
    return (
        f"| {name} | {checks} | {span_s:.0f} | {cpu_s / checks:.2f} | {share:.3f} | {1 / share:.0f} | "
        f"{packets / checks:.0f} | {late_ms:.1f} | {failed} | {right} | {mb:.0f} |\n"
    )


COLUMNS = (
    "far end",
    "checks",
    "s",
    "CPU s a check",
    "of a core a check",
    "checks a core",
    "packets a check",
    "late p99 ms",
    "flows not set up",
    "verdicts right",
    "MB at most",
)


def main() -> None:
    """Measure, and print the table."""
    words = sys.argv[1:]
    if words[:1] == [LOAD]:
        sys.stdout.write(json.dumps(asyncio.run(load(int(words[1]), words[2], float(words[3])))))
        return
    sys.stdout.write(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n")
    with sources() as each:
        for name, source in each:
            sys.stdout.write(measure(name, source, count(CHECKS), profiled="--profile" in words))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
