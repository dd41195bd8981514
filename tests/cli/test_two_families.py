"""`talkpath check` where both ends have IPv4 and IPv6, and a rule acts on IPv4 alone; nftables on real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from talkpath.evidence.bundle import read_bundle
from talkpath.lab.drivers.namespace import system_tool, why_unavailable
from talkpath.report.rejudge import rejudge
from talkpath.report.words.other_checks import family_lines

SCRIPT = Path(__file__).with_name("two_families_in_namespace.py")
TRIES = 3


@pytest.mark.long
@pytest.mark.skipif(
    bool(why_unavailable()) or system_tool("nft") is None, reason=why_unavailable() or "needs nft: apt install nftables"
)
def test_a_rule_on_ipv4_alone_is_found_and_named_though_the_check_runs_over_ipv6(tmp_path: Path) -> None:
    for turn in range(TRIES):
        folder = tmp_path / str(turn)
        folder.mkdir()
        command = [str(system_tool("unshare")), "-nm", sys.executable, str(SCRIPT), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        if '"late"' not in found["out"]:
            break
    else:
        pytest.skip(f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet")
    record = json.loads(found["out"])
    assert record["family"] == 6
    (verdict,) = record["verdicts"]
    assert (verdict["family"], verdict["state"], verdict["trouble"]) == (4, "restricted", "packets"), found["out"]
    assert record["other_family"]["family"] == 4
    assert family_lines(record) == ["WebRTC, voice: this was found over IPv4 alone; over IPv6 nothing was."]
    bundle = read_bundle((folder / "run.talkpath").read_bytes())
    assert rejudge(bundle).changes == ()
    assert bundle.second is not None
    assert bundle.second.facts is not None
    assert bundle.facts is not None
    assert (bundle.facts.family, bundle.second.facts.family) == (6, 4)
    assert {bundle.facts.plan.alpha, bundle.second.facts.plan.alpha} == {5e-5}
