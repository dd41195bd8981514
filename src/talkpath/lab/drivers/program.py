"""A program that a driver runs: its first words waited for, its end seen to, all that it wrote kept. Any OS."""

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

Start = Callable[..., subprocess.Popen[bytes]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: its exit code (negative: the signal that ended it) and all it wrote.

    `timed_out`: it did not end in its time and was killed.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False


class Program:
    """A running program; at the end of a `with` block it is stopped. `start` is called as `Popen` is."""

    def __init__(self, argv: Sequence[str], start: Start = subprocess.Popen, host: str = "host") -> None:
        self._host = host
        self._outcome: Outcome | None = None
        # Files, not pipes: nobody has to read them for the program to go on.
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._stdout, self._stderr = Path(self._folder.name, "stdout"), Path(self._folder.name, "stderr")
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self._process = start(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    @classmethod
    def local(cls, argv: Sequence[str]) -> Program:
        """One on this machine itself."""
        return cls(argv)

    def line(self, text: str, timeout_s: float = READY_TIMEOUT_S) -> str:
        """The first whole line of its standard output that has `text` in it, waited for.

        `PeerError` where the program ends or the time does before it came.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            alive = self._process.poll() is None and time.monotonic() < until_s
            for line in self._stdout.read_text(errors="replace").splitlines(keepends=True):
                if text in line and line.endswith("\n"):
                    return line.rstrip("\n")
            if not alive:
                raise PeerError(f"The program on the lab's {self._host} did not get ready: {self._last_words()}")
            time.sleep(_LOOK_AGAIN_S)

    def _last_words(self) -> str:
        return self.said() or "it wrote no error."

    def said(self) -> str:
        """The last line of its standard error so far, "" where there is none."""
        said = self._stderr.read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(said) if line.strip()), "")

    def ended(self, within_s: float) -> bool:
        """Does it end by itself within that time?"""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def finish(self, timeout_s: float) -> Outcome:
        """Wait until it ends by itself; kill it where it does not in time."""
        if self._outcome is None:
            timed_out = False
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                timed_out = True
                self._process.kill()
            exit_code = self._process.wait()
            self._outcome = Outcome(exit_code, self._stdout.read_bytes(), self._stderr.read_bytes(), timed_out)
            self._folder.cleanup()
        return self._outcome

    def stop(self) -> Outcome:
        """Ask it to end (SIGTERM), and kill it where it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        return self.finish(STOP_TIMEOUT_S)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
