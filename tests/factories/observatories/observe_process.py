"""`talkpath observe serve` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def start_observatory(folder: Path, *options: str) -> tuple[subprocess.Popen[str], str]:
    """`talkpath observe serve` on a free port of this machine, and its URL."""
    command = [sys.executable, "-m", "talkpath", "observe", "serve", "--data", str(folder), "--port", "0", "--json"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(f"it ended with {process.wait()}")
    return process, json.loads(line)["url"]


def stop_observatory(process: subprocess.Popen[str]) -> int:
    process.terminate()
    code = process.wait(60)
    assert process.stdout is not None
    process.stdout.close()
    return code
