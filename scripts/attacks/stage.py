"""What an attack is, servers to play it against, and commands whose time and memory are measured."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ATTACKED = os.environ.get("TALKPATH_ATTACKED", "")  # the src of another commit, whose commands and servers are attacked
PYTHON = (*(("env", f"PYTHONPATH={ATTACKED}") if ATTACKED else ()), sys.executable, "-m", "talkpath")
MOST_BYTES = 6 << 30  # of address space: an attack may not take the machine
READY_S, STOP_S = 40.0, 10.0
PORTS = 12_000, 32_000


class Finding(NamedTuple):
    """The result of an attack: whether its bound holds, and what was measured."""

    holds: bool
    measured: str


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: what the attacker does, what must hold, and the function that plays it in an empty folder."""

    name: str
    bound: str
    play: Callable[[Path], Finding]


class Ended(NamedTuple):
    """A command that ended. `mib` is its peak of memory, `cpu_s` its processor time; `exit_code` is negative where a
    signal ended it."""

    exit_code: int
    seconds: float
    mib: float
    stdout: bytes
    stderr: bytes
    cpu_s: float

    @property
    def traceback(self) -> bool:
        """Whether it printed a Python traceback."""
        return b"Traceback" in self.stderr or b"Traceback" in self.stdout

    def __str__(self) -> str:
        how = "killed" if self.exit_code < 0 else "traceback" if self.traceback else f"exit {self.exit_code}"
        return f"{how}, {self.cpu_s:.1f} s, {self.mib:.0f} MB"


def run_talkpath(*argv: str | Path, seconds: float = 60.0) -> Ended:
    """Runs `talkpath ARGV`; it is killed after `seconds`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began_s = time.monotonic()
        process = subprocess.Popen(
            [*PYTHON, *map(str, argv)], stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=_bound_memory
        )
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        took_s = time.monotonic() - began_s
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Ended(
            exit_code=process.returncode,
            seconds=took_s,
            mib=usage.ru_maxrss / 1024,
            stdout=out.read(),
            stderr=err.read(),
            cpu_s=usage.ru_utime + usage.ru_stime,
        )


def _bound_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


class Server:
    """A running `talkpath` server: its announcement (one line of JSON), and its process."""

    def __init__(self, process: subprocess.Popen[bytes], said: dict[str, Any], errors: Path) -> None:
        self.process, self.said, self._errors = process, said, errors

    @property
    def mib(self) -> float:
        """Resident memory of the process and all that descend from it."""
        return sum(map(_resident_mib, _with_descendants(self.process.pid)))

    @property
    def error_text(self) -> str:
        """What it wrote to standard error so far."""
        return self._errors.read_text(errors="replace")


def _resident_mib(pid: int) -> float:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def _with_descendants(pid: int) -> list[int]:
    children: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            children += map(int, thread.joinpath("children").read_text().split())
    return [pid, *(each for child in children for each in _with_descendants(child))]


@contextmanager
def running_server(folder: Path, *argv: str | Path, wrap: Sequence[str] = (), umask: int = -1) -> Iterator[Server]:
    """A server for the duration of the block. Its first line of output has to be JSON."""
    errors = folder / f"stderr-{time.monotonic_ns()}"
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    with errors.open("wb") as err:
        process = subprocess.Popen(
            [*wrap, *PYTHON, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
            env=environment,
            umask=umask,
        )
    assert process.stdout is not None  # asked for
    timer = threading.Timer(READY_S, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    try:
        if not line:
            raise RuntimeError(f"the server did not start: {errors.read_text(errors='replace')[-400:]}")
        yield Server(process, json.loads(line), errors)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports of that address that nobody has just now, for UDP and TCP. None of those that a system gives to outgoing
    connections: those of another attack would take one before the server does."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(*PORTS)
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, suppress(OSError):
            tcp.bind((host, port))
            udp.bind((host, port))
            if port not in ports:
                ports.append(port)
    return ports


def running_responder(folder: Path, *more: str) -> Any:
    """`talkpath respond` on loopback (every 127.x.y.z), open to everybody where it has that option."""
    control, stream, *udp = free_ports(18)
    opened = ["--open"] if b"--open" in run_talkpath("respond", "--help").stdout else []
    options = ["--json", "--host", "0.0.0.0", "--port", str(control), "--ports", ",".join(map(str, udp))]
    streams = ["--tcp-ports", str(stream), "--tls-ports", str(stream), "--key-file", str(folder / "responder.pem")]
    return running_server(folder, "respond", *options, *streams, *opened, *more)


def running_observatory(folder: Path, *more: str | Path, **how: Any) -> Any:
    """`talkpath observe serve` on a free port of 127.0.0.1."""
    return running_server(folder, "observe", "serve", "--data", folder / "data", "--port", "0", "--json", *more, **how)


def http_answer(url: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """(status, body); status 0 where there was no answer in time."""
    request = Request(url, data=data, method=method, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urlopen(request, timeout=20) as answer:
            return int(answer.status), answer.read()
    except HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def wait_for(holds: Callable[[], bool], seconds: float) -> float | None:
    """Seconds until it held, None where it did not within the time."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < seconds:
        if holds():
            return time.monotonic() - began_s
        time.sleep(0.2)
    return None


def tls_socket(host: str, port: int, source: str = "127.0.0.1") -> ssl.SSLSocket:
    """A TLS connection from that address of loopback, whoever the server is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((host, port), timeout=15, source_address=(source, 0))
    return context.wrap_socket(plain)
