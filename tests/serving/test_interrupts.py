"""Ctrl-C ends no process that is just being started with a traceback, and is not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs masks of signals: run it on Linux or macOS")

INTERRUPTED = """
import os, signal
from talkpath.serving.interrupts import interrupts_blocked
try:
    with interrupts_blocked():
        with interrupts_blocked():
            os.kill(os.getpid(), signal.SIGINT)
        print("whole")
    print("lost")
except KeyboardInterrupt:
    print("raised")
"""
STARTING = """
import subprocess, sys
from talkpath.serving.interrupts import interrupts_blocked
with interrupts_blocked():
    child = subprocess.Popen([sys.executable, "-c", "import argparse; print(input())"])
print(child.pid, flush=True)
sys.exit(child.wait())
"""


def test_what_comes_meanwhile_is_raised_at_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["whole", "raised"]


def test_a_process_that_is_started_meanwhile_never_sees_one() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert parent.stdout is not None
    os.kill(int(parent.stdout.readline()), signal.SIGINT)
    assert parent.communicate(b"goes on\n") == (b"goes on\n", b"")
    assert parent.returncode == 0
