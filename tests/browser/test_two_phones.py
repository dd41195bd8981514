"""Two browsers, each behind a NAT of its own, call each other: a few of the cases of scripts/paired_cases.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from talkpath.lab.drivers import namespace

SCRIPT = Path(__file__).parents[2] / "scripts" / "paired_cases.py"
LONGEST_S = 1100


@pytest.mark.long
@pytest.mark.waits
@pytest.mark.parametrize("name", ["none", "symmetric", "direct-a", "ab-other"])
def test_two_phones_are_told_what_is_true(name: str):
    if reason := namespace.why_unavailable():
        pytest.skip(reason)
    for program, package in (("chromium", "chromium"), ("nft", "nftables"), ("turnserver", "coturn")):
        if namespace.system_tool(program) is None and shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install {package}")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), name],
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parent)},
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    row = json.loads(done.stdout)
    if row["busy"]:
        pytest.skip("this machine was too busy for two checks on real sockets: run the test again")
    assert row["right"], (row["a"]["result"] or {}).get("json")
