"""Real `talkpath respond` and `talkpath check` processes on 127.0.0.1, for tests."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

import msgspec

from talkpath.evidence.bundle import read_facts
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Facts

TRIES = 5
TALKPATH = [sys.executable, "-m", "talkpath"]


WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
turns = itertools.count(SystemRandom().randrange(10_000))


def next_port() -> int:
    """Below the ports that programs are given unasked, and this worker's alone: no two of its tests get the same."""
    turn = next(turns) % (10_000 // WORKERS)
    return 10_000 + turn * WORKERS + WORKER


def free_ports(count: int) -> list[int]:
    """Ports free for UDP and TCP."""
    return list(itertools.islice(filter(is_free, iter(next_port, None)), count))


def is_free(port: int) -> bool:
    """Does nobody hold it?"""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def raise_priority(process: subprocess.Popen[Any]) -> None:
    """The other tests of this run come second, where we are root: a check that sends late is void."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, process.pid, -10)


class FarEnd:
    """One responder process. `patch` is Python run before it starts, `more` are further arguments."""

    def __init__(self, folder: Path, patch: str = "", more: Sequence[str] = ()) -> None:
        for _ in range(TRIES):  # another test may take a port between our look and the start
            if line := self._start(folder, patch, more):
                told = json.loads(line)
                self.key, self.token = told["key"], told["token"]
                return
            self.__exit__()
        raise RuntimeError("the responder did not start")

    def _start(self, folder: Path, patch: str, more: Sequence[str]) -> str:
        self.control, self.tcp, self.tls, *self.udp = free_ports(19)
        key_file = folder / f"key{self.control}.pem"
        arguments = ["respond", "--json", "--host", "127.0.0.1", "--port", str(self.control)]
        arguments += ["--ports", ",".join(map(str, self.udp)), "--key-file", str(key_file)]
        arguments += ["--tcp-ports", str(self.tcp), "--tls-ports", str(self.tls), *more]
        code = f"{patch}\nimport sys\nsys.argv = ['talkpath', *{arguments!r}]\nfrom talkpath.cli import main\nmain()"
        self.process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        raise_priority(self.process)
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    @property
    def link(self) -> str:
        return self.link_for("127.0.0.1")

    def link_for(self, host: str) -> str:
        """The link, with another address of this machine."""
        token = f"?token={self.token}" if self.token else ""
        return f"{host}:{self.control}{token}#{self.key}"

    def __enter__(self) -> FarEnd:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


class Told(NamedTuple):
    """How a check ended. `took_s` counts from its start or from the last signal; `facts` are those of its bundle."""

    code: int
    stdout: str
    stderr: str
    took_s: float
    facts: Facts | None

    @property
    def sentence(self) -> str:
        """The one line that talkpath says on failing."""
        (line,) = [line for line in self.stderr.splitlines() if line.startswith("talkpath: ")]
        return line

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object on stdout."""
        found = json.loads(self.stdout)
        assert isinstance(found, dict)
        return found

    @property
    def verdict(self) -> dict[str, Any]:
        """The only verdict."""
        (found,) = self.result["verdicts"]
        assert isinstance(found, dict)
        return found


class TooBusyError(Exception):
    """The check ended by itself because this machine could not send on time."""


class Probe:
    """One running check; what it writes goes to files in the folder."""

    def __init__(self, folder: Path, link: str, *arguments: str, program: Sequence[str] = TALKPATH) -> None:
        self._out, self._err, self._bundle = folder / "out", folder / "err", folder / "run.talkpath"
        self._bundle.unlink(missing_ok=True)  # of an earlier check there: no check writes over it
        command = [*program, "check", link, "--json", "-o", str(self._bundle), *arguments]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        raise_priority(self.process)
        self._since_s = time.monotonic()

    def said(self, text: str, times: int = 1, within_s: float = 30.0) -> None:
        """Wait until its progress has that text so often."""
        until_s = time.monotonic() + within_s
        while self._err.read_text().count(text) < times:
            if self.process.poll() is not None and '"late"' in self._out.read_text():
                raise TooBusyError
            assert self.process.poll() is None, self._err.read_text()
            assert time.monotonic() < until_s, self._err.read_text()
            time.sleep(0.02)

    def now(self) -> None:
        """From here on `took_s` counts."""
        self._since_s = time.monotonic()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.now()

    def end(self, within_s: float = 120.0) -> Told:
        try:
            code = self.process.wait(within_s)
        finally:
            self.process.kill()
            self.process.wait()
        took_s = time.monotonic() - self._since_s
        facts = read_facts(self._bundle.read_bytes()) if self._bundle.exists() else None
        return Told(code, self._out.read_text(), self._err.read_text(), took_s, facts)


def small_plan(folder: Path, budget_s: float = 20.0, budget_bytes: int = 2_000_000, watch_s: float = 0.0) -> list[str]:
    """`--plan` for a short check of one arm; with `watch_s` its second question takes so long."""
    plan = make_plan(choose_arms(["webrtc"]), k=4, budget_s=budget_s, budget_bytes=budget_bytes, watch_s=watch_s)
    (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
    return ["--plan", str(folder / "plan.json")]


def run_talkpath(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*TALKPATH, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def run_check(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run `talkpath check`."""
    return run_talkpath("check", *arguments, timeout_s=timeout_s)
