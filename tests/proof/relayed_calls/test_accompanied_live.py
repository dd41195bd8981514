"""Two calls on real sockets with `talkpath listen` beside them, at the same time in namespaces of their own: one goes
silent by a rule on the app's addresses, one is left alone. `scripts/accompany_lab_calls.py` plays all of its kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from accompany_lab_calls import CASES, is_right, is_void, said_words
from talkpath.lab.drivers import namespace

SCRIPTS = Path(__file__).parents[3] / "scripts"
SECONDS = 18.0
TRIES = 5
PROGRAM = """
import contextlib, json, os, sys
from pathlib import Path
from accompany_lab_calls import CASES, accompanied_call
with contextlib.suppress(OSError):  # before others on this machine, where that is allowed
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, -10)
    Path("/proc/self/autogroup").write_text("-10")
sys.stdout.write(json.dumps(accompanied_call("whatsapp", CASES[sys.argv[1]].rule, float(sys.argv[2]))))
"""
BUSY = "this machine was too busy to send control traffic on time: try again when it is quiet"


def played(kind: str) -> dict[str, Any]:
    """What `listen` told of the call."""
    argv = namespace.namespace_command([sys.executable, "-c", PROGRAM, kind, str(SECONDS)])
    path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": path}, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def on_time(kind: str) -> dict[str, Any]:
    """The first call beside which control traffic left on time; the last one where none did."""
    for _ in range(TRIES):
        found = played(kind)
        if not is_void(found["told"]):
            break
    return found


@pytest.mark.long
def test_listen_tells_a_call_that_is_silenced_from_one_that_is_left_alone() -> None:
    if reason := namespace.why_unavailable():
        pytest.skip(reason)
    kinds = ("freeze", "nothing")
    with ThreadPoolExecutor(len(kinds)) as pool:
        outcomes = dict(zip(kinds, pool.map(on_time, kinds), strict=True))
    for kind, outcome in outcomes.items():
        told = outcome["told"]
        if is_void(told):
            pytest.skip(BUSY)
        assert is_right(CASES[kind], told), (kind, said_words(told), outcome["errors"])
        assert len(told["calls"]) == 1
