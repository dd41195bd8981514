"""Attacks on a test server: amplification, memory, floods, held places, active probing."""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from attacks.stage import PYTHON, Attack, Finding, Server, run_talkpath, running_responder, tls_socket
from talkpath.apps import shapes
from talkpath.experiment.imitation_digest import shape_digest
from talkpath.experiment.layout import Layout, lay_out
from talkpath.experiment.seeds import seed_commitment, session_key
from talkpath.wire.control import messages
from talkpath.wire.control.messages import AnyMessage, Begin, Close, Decoder, Hello, Open, Welcome
from talkpath.wire.control.question import BASELINE, HopLimits, RateContrast, TransportPaths

HEADERS = 28  # IPv4 and UDP
SEED = bytes(range(32))
ARM = next(arm for arm in shapes() if (arm.app, arm.medium) == ("webrtc", "voice"))
MOST_MB, ENOUGH_MB = 200.0, 600.0  # the bound; what shows that it is broken
PATIENCE_S = 60.0


class Session:
    """A control session from one address of loopback, as an attacker holds it."""

    def __init__(self, said: dict[str, Any], source: str, arms: dict[str, bytes] | None = None) -> None:
        self.ports: tuple[int, ...] = tuple(said["ports"])
        self.socket: ssl.SSLSocket = tls_socket("127.0.0.1", said["port"], source)
        self._decoder = Decoder()
        self._answers: list[AnyMessage] = []
        arms = arms or {str(ARM): shape_digest(ARM)}
        welcome = self.say(Hello((messages.PROTOCOL_VERSION,), "attack", seed_commitment(SEED), arms))
        if not isinstance(welcome, Welcome):
            raise ConnectionRefusedError(getattr(welcome, "sentence", "no answer"))
        self.say(Open(SEED))
        self.key = session_key(SEED, welcome.seed)

    def say(self, message: AnyMessage) -> AnyMessage | None:
        """One message and its answer; None where the connection was closed."""
        self.socket.sendall(messages.encode_message(message))
        while not self._answers:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._answers += self._decoder.feed(data)
        return self._answers.pop(0)

    def begin(self, **changes: Any) -> tuple[Layout | None, AnyMessage | None]:
        """Begins an epoch: its layout where the server agreed, and its answer."""
        fields: dict[str, Any] = {"number": 0, "k": 6, "packets": 100, "first_tuple": 0, "locals": 60}
        begin = Begin(arm=str(ARM), **fields | changes)
        answer = self.say(begin)
        agreed = isinstance(answer, messages.Ready)
        return (lay_out(self.key, begin, self.ports) if agreed else None), answer

    def trickle(self, byte: int) -> bool:
        """Sends one byte; whether the server still holds the session."""
        with suppress(OSError):
            self.socket.settimeout(0.01)
            try:
                self.socket.sendall(bytes([byte]))
                return bool(self.socket.recv(65536))
            except TimeoutError:
                return True
        return False

    def close(self) -> None:
        """Hangs up."""
        with suppress(OSError):
            self.socket.close()


@contextmanager
def open_session(said: dict[str, Any], source: str, arms: dict[str, bytes] | None = None) -> Iterator[Session]:
    """A session for the duration of the block."""
    held = Session(said, source, arms)
    try:
        yield held
    finally:
        held.close()


def amplification_attack(folder: Path) -> Finding:
    """A session of our own; packets with the source address of somebody else who has a control connection open."""
    results = []
    with (
        running_responder(folder) as far,
        open_session(far.said, "127.0.7.1"),
        open_session(far.said, "127.0.8.1") as own,
    ):
        compared = TransportPaths((f"udp/{own.ports[0]}", f"udp/{own.ports[1]}"))
        for number, question in enumerate((compared, BASELINE, RateContrast(0.5), HopLimits("media", "up", (3,)))):
            layout, _ = own.begin(number=number, packets=600, question=question)
            if layout is not None:
                results.append((question.kind, *_send_spoofed(layout, "127.0.7.1")))
            own.say(Close(number, ()))
    worst = max((out / max(1, into) for _, into, out in results), default=0.0)
    told = ", ".join(f"{question} {into} B → {out} B" for question, into, out in results)
    return Finding(worst <= 1.0 and len(results) == 4, f"× {worst:.1f} ({told})")


def _send_spoofed(layout: Layout, victim: str) -> tuple[int, int]:
    """Sends the first packet of every flow from the victim's address; (bytes in, bytes out) as IP packets."""
    into = out = 0
    sockets = []
    for flow in layout.flows:
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        end.bind((victim, 0))
        data = flow.datagrams[layout.up.slots[0]]
        end.sendto(data, ("127.0.0.1", flow.port))
        into += HEADERS + len(data)
        sockets.append(end)
    until_s = time.monotonic() + 8.0
    while time.monotonic() < until_s:
        for end in select.select(sockets, [], [], 0.5)[0]:
            out += HEADERS + len(end.recv(2048))
    for end in sockets:
        end.close()
    return into, out


def _most_memory(start: float, peak: float) -> Finding:
    return Finding(peak <= MOST_MB, f"{start:.0f} MB at the start, {peak:.0f} MB at most")


def layouts_in_a_row(folder: Path) -> Finding:
    """72 sessions one after the other, each with one large layout."""
    with running_responder(folder) as far:
        start = peak = far.mib
        until_s = time.monotonic() + PATIENCE_S
        for number in range(72):
            with suppress(OSError), open_session(far.said, f"127.1.{number % 16}.1") as own:
                own.begin(k=6, packets=2600)
                peak = max(peak, far.mib)
            if peak > ENOUGH_MB or time.monotonic() > until_s:
                break
    return _most_memory(start, peak)


def layouts_at_once(folder: Path) -> Finding:
    """32 sessions at once, each with four large layouts."""
    with running_responder(folder) as far, ExitStack() as held:
        start = peak = far.mib
        until_s = time.monotonic() + PATIENCE_S
        for number in range(32):
            with suppress(OSError):
                own = held.enter_context(open_session(far.said, f"127.2.{number // 2}.1"))
                for epoch in range(4):
                    own.begin(number=epoch, k=6, packets=2600)
                    peak = max(peak, far.mib)
            if peak > ENOUGH_MB or time.monotonic() > until_s:
                break
    return _most_memory(start, peak)


def partial_frames(folder: Path) -> Finding:
    """390 connections, each with 1 MiB of a frame that never ends."""
    with running_responder(folder) as far:
        start = far.mib
        return _most_memory(start, hold_partial_frames(far))


def hold_partial_frames(far: Server) -> float:
    """390 connections, each with 1 MiB of a frame that never ends."""
    peak, held = far.mib, []
    for number in range(390):
        with suppress(OSError):
            end = tls_socket("127.0.0.1", far.said["port"], f"127.3.{number // 4}.1")
            held.append(end)
            end.settimeout(2.0)
            end.sendall(((1 << 20) - 1).to_bytes(4, "big") + bytes(1 << 20))
        peak = max(peak, far.mib)
    for end in held:
        end.close()
    return peak


def all_at_once(folder: Path) -> Finding:
    """Large layouts in a row and at once, frames that never end, and junk, all at the same time for half a minute."""
    with running_responder(folder) as far:
        stop = threading.Event()
        attacks = [threading.Thread(target=layouts_until, args=(far, stop, block)) for block in range(5)]
        attacks += [threading.Thread(target=junk_until, args=(far, stop))]
        start = peak = far.mib
        for attack in attacks:
            attack.start()
        peak = max(peak, hold_partial_frames(far))
        until_s = time.monotonic() + 25.0
        while time.monotonic() < until_s:
            peak = max(peak, far.mib)
            time.sleep(0.05)
        stop.set()
        for attack in attacks:
            attack.join(20)
    return _most_memory(start, peak)


def layouts_until(far: Server, stop: threading.Event, block: int) -> None:
    """Sessions of one block, each with as many large layouts as it gets, until it is told to stop."""
    number = 0
    while not stop.is_set():
        number += 1
        with suppress(OSError, ValueError), open_session(far.said, f"127.12.{block}.{1 + number % 200}") as own:
            for epoch in range(8):
                if stop.is_set() or own.begin(number=epoch, k=6, packets=2600)[0] is None:
                    break


def junk_until(far: Server, stop: threading.Event) -> None:
    """Random datagrams to its ports, until it is told to stop."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.13.0.1", 0))
        while not stop.is_set():
            for port in far.said["ports"]:
                with suppress(OSError):
                    end.sendto(os.urandom(400), ("127.0.0.1", port))
            time.sleep(0.001)


def held_places(folder: Path) -> Finding:
    """64 sessions from 16 blocks: does somebody else still get in?"""
    with running_responder(folder) as far, ExitStack() as held:
        taken = 0
        for number in range(64):
            with suppress(OSError):
                held.enter_context(open_session(far.said, f"127.4.{number // 4}.1"))
                taken += 1
        try:
            with open_session(far.said, "127.5.0.1"):
                return Finding(True, f"{taken} held, the newcomer gets in")
        except OSError as error:
            return Finding(False, f"{taken} held; the newcomer: {error}")


def trickle_frames(folder: Path) -> Finding:
    """Sessions of 16 blocks, each kept by a byte of a frame that never ends, again and again: when are they over?

    One each 38 s was below the limit of silence. Here it is one each two seconds, so that it can be seen in a minute.
    """
    frame = (100).to_bytes(4, "big") + bytes(60)
    with running_responder(folder) as far, ExitStack() as stack:
        began_s, held = time.monotonic(), []
        for number in range(64):
            with suppress(OSError):
                held.append(stack.enter_context(open_session(far.said, f"127.10.{number // 4}.1")))
        alive = list(held)
        for byte in frame[:26]:
            alive = [own for own in alive if own.trickle(byte)]
            if not alive:
                break
            time.sleep(2.0)
        took_s = time.monotonic() - began_s
        with suppress(OSError), open_session(far.said, "127.11.0.1") as newcomer:
            let_in = newcomer.begin()[0] is not None
            return Finding(
                not alive and let_in, f"{len(held)} held, {len(alive)} of them after {took_s:.0f} s; a newcomer gets in"
            )
    return Finding(False, f"{len(held)} held, {len(alive)} of them after {took_s:.0f} s; a newcomer does not get in")


def begin_flood(folder: Path) -> Finding:
    """A check while another block asks for the largest layouts again and again: is its result void?"""
    import subprocess

    with running_responder(folder) as far:
        stop = threading.Event()

        def flood() -> None:
            number = 0
            while not stop.is_set():
                with suppress(OSError, ValueError), open_session(far.said, "127.6.0.1") as own:
                    for epoch in range(40):
                        if stop.is_set() or own.begin(number=epoch, k=6, packets=2600)[0] is None:
                            break
                        own.say(Close(epoch, ()))
                number += 1
                time.sleep(0.02)

        flooders = [threading.Thread(target=flood, daemon=True) for _ in range(2)]
        for flooder in flooders:
            flooder.start()
        link = far.said["link"].replace("HOST", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")
        argv = [*PYTHON, "check", link, "--app", "signal", "--json", "-o", str(folder / "run.talkpath")]
        done = subprocess.run(argv, capture_output=True, timeout=75, check=False)
        stop.set()
    late = b'"late"' in done.stdout and b'"server_late"' not in done.stdout
    return Finding(
        bool(done.stdout) and not late, f"check ended with {done.returncode}, {'late' if late else 'not late'}"
    )


def active_probing(folder: Path) -> Finding:
    """Junk inside TLS, without the link: does an answer show what this server is?"""
    probes = (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes(600),
        b"\0\0\0\x05hello",
        b"\xff" * 64,
        messages.encode_message(Open(SEED)),
    )
    from attacks.stage import free_ports, running_server

    control, stream, *udp = free_ports(18)
    options = ["--json", "--host", "0.0.0.0", "--port", str(control), "--ports", ",".join(map(str, udp))]
    streams = ["--tcp-ports", str(stream), "--tls-ports", str(stream), "--key-file", str(folder / "responder.pem")]
    answered = []
    with running_server(folder, "respond", *options, *streams):
        hello = messages.encode_message(
            Hello((messages.PROTOCOL_VERSION,), "x", seed_commitment(SEED), {str(ARM): shape_digest(ARM)})
        )
        for probe in (*probes, hello):
            with suppress(OSError), tls_socket("127.0.0.1", control) as end:
                end.settimeout(3.0)
                end.sendall(probe)
                data = b""
                with suppress(OSError):
                    data = end.recv(4096)
                if data:
                    answered.append(len(data))
    return Finding(not answered, f"{len(answered)} of {len(probes) + 1} probes were answered")


def junk_datagrams(folder: Path) -> Finding:
    """100 000 random datagrams, and a check afterwards."""
    from random import Random

    rng, answers = Random(1), 0
    with running_responder(folder) as far:
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind(("127.9.0.1", 0))
        end.setblocking(False)
        blocks = [rng.randbytes(rng.randrange(1, 1200)) for _ in range(500)]
        for number in range(100_000):
            with suppress(OSError):
                end.sendto(blocks[number % 500], ("127.0.0.1", far.said["ports"][number % 16]))
            with suppress(OSError):
                end.recv(2048)
                answers += 1
        end.close()
        with open_session(far.said, "127.9.1.1") as own:
            layout, _ = own.begin()
        mib = far.mib
    return Finding(answers == 0 and layout is not None and mib <= MOST_MB, f"{answers} answers, {mib:.0f} MB")


def no_secret_help(folder: Path) -> Finding:
    """Whether a private server asks for the secret of its link at all (`--open` is what gives it up)."""
    helped = b"--open" in run_talkpath("respond", "--help").stdout
    return Finding(helped, "respond has --open" if helped else "every link works without a secret")


ATTACKS = (
    Attack("amplification by another's control connection", "× 1.0 for every question", amplification_attack),
    Attack("memory: 72 large layouts in a row", f"≤ {MOST_MB:.0f} MB", layouts_in_a_row),
    Attack("memory: 32 × 4 large layouts at once", f"≤ {MOST_MB:.0f} MB", layouts_at_once),
    Attack("memory: 390 frames of 1 MiB that never end", f"≤ {MOST_MB:.0f} MB", partial_frames),
    Attack("memory: all of these at once, and junk", f"≤ {MOST_MB:.0f} MB", all_at_once),
    Attack("64 sessions from 16 blocks", "a newcomer gets in", held_places),
    Attack("64 sessions kept by a byte at a time", "over within 75 s, a newcomer gets in", trickle_frames),
    Attack("a flood of Begin beside a check", "the check is not void for it", begin_flood),
    Attack("active probing inside TLS", "no answer", active_probing),
    Attack("a link without a secret", "a secret is asked for", no_secret_help),
    Attack("100 000 junk datagrams", f"no answer, ≤ {MOST_MB:.0f} MB, still serves", junk_datagrams),
)
