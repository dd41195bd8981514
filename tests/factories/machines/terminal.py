"""`talkpath` as typed on a terminal, in this process: no program is started."""

from __future__ import annotations

import io
import subprocess
import sys
from unittest.mock import patch

import pytest

from talkpath.cli import main


def call_talkpath(*argv: str, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    """Exit code and bytes of `talkpath ARGV` on a terminal of that encoding, whose user says no to every question."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    typed = {"stdout": out, "stderr": err, "stdin": io.StringIO("n\n" * 9), "argv": ["talkpath", *argv]}
    with patch.multiple(sys, **typed), pytest.raises(SystemExit) as ended:
        main()
    for stream in (out, err):
        stream.flush()
    code = int(ended.value.code or 0)
    return subprocess.CompletedProcess(argv, code, *(stream.buffer.getvalue() for stream in (out, err)))  # type: ignore[attr-defined]


def say_talkpath(*argv: str) -> subprocess.CompletedProcess[str]:
    """The same as text."""
    done = call_talkpath(*argv)
    return subprocess.CompletedProcess(argv, done.returncode, done.stdout.decode(), done.stderr.decode())
