"""A program that a driver starts: it waits for its first lines, makes sure that it ends, and keeps its output."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from talkpath.errors import PeerError

READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
_LOOK_AGAIN_S = 0.01

StartProcess = Callable[..., subprocess.Popen[bytes]]


@dataclass(frozen=True, slots=True)
class ProgramOutcome:
    """How a program ended: its exit code (negative: the signal that ended it) and its output.

    `timed_out`: it did not end within its time limit and was killed.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False


class Program:
    """A running program, stopped at the end of a `with` block. `start` takes the arguments of `Popen`."""

    def __init__(self, argv: Sequence[str], start: StartProcess = subprocess.Popen, host: str = "host") -> None:
        self._host = host
        self._outcome: ProgramOutcome | None = None
        # Files, not pipes: the program never blocks because nobody reads.
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._stdout, self._stderr = Path(self._folder.name, "stdout"), Path(self._folder.name, "stderr")
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self._process = start(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    @classmethod
    def local(cls, argv: Sequence[str]) -> Program:
        """Starts it on this machine, in no namespace."""
        return cls(argv)

    def line(self, text: str, timeout_s: float = READY_TIMEOUT_S) -> str:
        """Waits for the first whole line of its standard output that contains `text`.

        `PeerError` where the program ends, or the time is over, before that line.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            alive = self._process.poll() is None and time.monotonic() < until_s
            for line in self._stdout.read_text(errors="replace").splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.rstrip("\n")
            if not alive:
                why = self.last_error_line() or "it wrote no error."
                raise PeerError(f"The program on the lab's {self._host} did not get ready: {why}")
            time.sleep(_LOOK_AGAIN_S)

    def last_error_line(self) -> str:
        """The last line of its standard error so far, "" where there is none."""
        lines = self._stderr.read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def ended(self, within_s: float) -> bool:
        """Whether it ends by itself within that time."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def finish(self, timeout_s: float) -> ProgramOutcome:
        """Waits until it ends by itself; kills it after `timeout_s`."""
        if self._outcome is None:
            timed_out = False
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                timed_out = True
                self._process.kill()
            exit_code = self._process.wait()
            self._outcome = ProgramOutcome(exit_code, self._stdout.read_bytes(), self._stderr.read_bytes(), timed_out)
            self._folder.cleanup()
        return self._outcome

    def stop(self) -> ProgramOutcome:
        """Asks it to end (SIGTERM), and kills it if it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        return self.finish(STOP_TIMEOUT_S)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
