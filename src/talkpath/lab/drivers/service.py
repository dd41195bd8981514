"""A driver's forwarding loop in a process of its own, on any operating system.

The owner starts it with a job, waits until it is ready, and stops it to get its lateness and losses. The process ends
when it is told to, or when its owner ends. The job is a pickle on its standard input, which then stays open; closing it
means stop. Answers are one JSON line each on its standard output.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec

from talkpath.lab.drivers.delivery import RouterHealth

_health = msgspec.json.Decoder(RouterHealth)

ServiceLoop = Callable[[Any, socket.socket, Callable[[object], None]], RouterHealth]


class Service:
    """The owner's side, a context manager. `answer` is what the process reported when it was ready.

    The process calls `run(job, stop, ready)`: a function of a module, which calls `ready(answer)` once and
    returns when `stop` can be read.
    """

    def __init__(self, run: ServiceLoop, job: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.health: RouterHealth | None = None
        with contextlib.ExitStack() as failed:
            failed.callback(self._end)
            assert self._process.stdin is not None  # asked for above
            pickle.dump((run, job), self._process.stdin)
            self._process.stdin.flush()
            self.answer: Any = msgspec.json.decode(self._line())
            failed.pop_all()

    def _line(self) -> bytes:
        assert self._process.stdout is not None  # asked for above
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the lab's forwarding process ended by itself, exit code {self._process.wait()}")
        return line

    def stop(self) -> RouterHealth:
        """Stops it and returns its lateness and losses."""
        if self.health is None:
            assert self._process.stdin is not None  # asked for above
            self._process.stdin.close()
            self.health = _health.decode(self._line())
        return self.health

    def _end(self) -> None:
        self._process.kill()
        with self._process:  # closes the pipes
            pass

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.stop()
        finally:
            self._end()


def service_end() -> None:
    """The process's side."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its owner decides
    run, job = pickle.load(sys.stdin.buffer)
    stop, stopper = socket.socketpair()

    def listen() -> None:
        os.read(sys.stdin.fileno(), 1)
        stopper.send(b".")

    threading.Thread(target=listen, daemon=True).start()
    with stop, stopper:
        _report_value(run(job, stop, _report_value))


def _report_value(value: object) -> None:
    with contextlib.suppress(BrokenPipeError):  # its owner has ended
        os.write(sys.stdout.fileno(), msgspec.json.encode(value) + b"\n")


if __name__ == "__main__":
    service_end()
