"""`talkpath check --other-hosts`, on real sockets behind nftables: who answers beside a silent test server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from talkpath.evidence.bundle import read_bundle
from talkpath.lab.drivers.namespace import system_tool, why_unavailable
from talkpath.report.rejudge import rejudge

SCRIPT = Path(__file__).with_name("silent_server_in_namespace.py")
needs_namespaces = pytest.mark.skipif(
    bool(why_unavailable()) or system_tool("nft") is None, reason=why_unavailable() or "needs nft: apt install nftables"
)


def found_in_namespace(case: str, way: str, folder: Path) -> dict[str, Any]:
    command = [str(system_tool("unshare")), "-n", sys.executable, str(SCRIPT), case, way, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.long
@needs_namespaces
@pytest.mark.parametrize(
    ("case", "way", "expected"),
    [
        ("allowlist", "link", ("unreachable", "allowlist", None, "unlisted")),
        ("some_listed", "link", ("unreachable", "allowlist", None, "unlisted")),
        ("address", "list", ("unreachable", "address.block", None, "addresses")),
        ("address", "link", ("unreachable", None, "server_alone", None)),
        ("off", "link", ("unreachable", None, "server_off", None)),
        ("everything", "link", ("insufficient", None, "offline", "line")),
        ("portal", "link", ("insufficient", None, "portal", "line")),
        ("offline", "link", ("insufficient", None, "offline", "own_device")),
    ],
)
def test_what_answers_beside_a_silent_server_says_why_it_is_silent(
    case: str, way: str, expected: tuple[str, str | None, str | None, str | None], tmp_path: Path
) -> None:
    found = found_in_namespace(case, way, tmp_path)
    assert found["code"] == 3, found["errors"]
    record = json.loads(found["out"])
    (verdict,) = record["verdicts"]
    reason = (verdict["reason"] or {}).get("code")
    assert (verdict["state"], verdict["rule"], reason, verdict["trouble"]) == expected
    bundle = read_bundle((tmp_path / "run.talkpath").read_bytes())
    (again,) = rejudge(bundle).record["verdicts"]
    assert (again["state"], again["rule"]) == expected[:2]
    assert "127.0." not in found["out"] + found["errors"]


@needs_namespaces
def test_a_device_without_a_network_is_said_to_be_offline_once(tmp_path: Path) -> None:
    found = found_in_namespace("offline", "text", tmp_path)
    assert " ".join(found["out"].split()) == (
        "Nothing was measured: this device is offline: it has no way to any other network. "
        "Connect this device to a network, then check again."
    )
    assert "Ask" not in found["errors"]
