"""Rules about names and first messages of TLS, by `talkpath endpoints` on real sockets, behind a name server and a
forwarder of this test's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from talkpath.lab.drivers.namespace import system_tool, why_unavailable

SCRIPT = Path(__file__).with_name("names_and_hellos_in_namespace.py")
DEAD_HOSTS = ("insufficient", "address.block", "outage")
"""Neutral hosts live and answer for the app's names: its own servers may be down, or their addresses held back."""


@pytest.mark.waits
@pytest.mark.skipif(bool(why_unavailable()), reason=why_unavailable())
@pytest.mark.parametrize(
    ("case", "tier", "expected"),
    [
        ("dns", "0", ("insufficient", "dns.remove", "outage")),
        pytest.param("name", "1", ("restricted", "signalling.block", ""), marks=pytest.mark.long),
        pytest.param("hello", "2", ("restricted", "tls.hello_drop", ""), marks=pytest.mark.long),
        pytest.param("silent", "1", DEAD_HOSTS, marks=pytest.mark.long),
        pytest.param("one-silent", "1", DEAD_HOSTS, marks=pytest.mark.long),
        pytest.param("dropped", "1", DEAD_HOSTS, marks=pytest.mark.long),
        ("nothing", "2", ("ok", "", "")),
    ],
)
def test_what_is_held_back_is_named_behind_a_forwarder(
    case: str, tier: str, expected: tuple[str, str, str], tmp_path: Path
) -> None:
    command = [str(system_tool("unshare")), "-n", "-m", sys.executable, str(SCRIPT), case, tier, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["code"] == 0, found["errors"]
    (verdict,) = json.loads(found["out"])["verdicts"]
    rule = verdict["rule"] or ",".join(verdict["alternatives"])
    assert (verdict["state"], rule, (verdict["reason"] or {}).get("code", "")) == expected, verdict
