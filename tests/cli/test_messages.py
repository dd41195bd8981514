"""`talkpath check --messages`, on real sockets: what the app's server answers, with every caution."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from talkpath.cli.check import command
from talkpath.evidence.bundle import read_bundle
from talkpath.lab.drivers.namespace import system_tool, why_unavailable
from talkpath.report.rejudge import rejudge

SCRIPT = Path(__file__).with_name("messages_in_namespace.py")


@pytest.mark.long
@pytest.mark.skipif(
    bool(why_unavailable()) or system_tool("nft") is None, reason=why_unavailable() or "needs nft: apt install nftables"
)
@pytest.mark.parametrize(
    ("dropped", "expected"),
    [("nothing", ("ok", None, [])), ("dropped", ("insufficient", "outage", ["address.block"]))],
)
def test_messages_are_asked_in_a_real_check_and_an_outage_accuses_nobody(
    dropped: str, expected: tuple[str, str | None, list[str]], tmp_path: Path
) -> None:
    unshare = [str(system_tool("unshare")), "-nm", sys.executable, str(SCRIPT), dropped, str(tmp_path)]
    done = subprocess.run(unshare, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    record = json.loads(found["out"])
    _, text = record["verdicts"]
    assert (text["app"], text["medium"], text["basis"]) == ("webrtc", "text", "signalling")
    assert (text["state"], (text["reason"] or {}).get("code"), text["alternatives"]) == expected
    bundle = read_bundle((tmp_path / "run.talkpath").read_bytes())
    assert bundle.receipt is not None  # the exchanges are among what it binds
    assert rejudge(bundle).changes == ()
    assert "127.0.2" not in found["out"] + found["errors"]


def test_nothing_is_sent_where_nobody_could_agree() -> None:
    outcome = CliRunner().invoke(command, ["--messages", "--app", "telegram", "host:1#key"])
    assert outcome.exit_code != 0
    assert "--yes" in f"{outcome.output}{outcome.exception}"


@pytest.mark.long
def test_the_rehearsal_names_the_servers() -> None:
    outcome = CliRunner().invoke(command, ["--messages", "--other-hosts", "--app", "telegram/direct", "--dry-run"])
    assert outcome.exit_code == 0, outcome.output
    assert "web.telegram.org" in outcome.output
    assert "captive.apple.com (HTTP)" in outcome.output
