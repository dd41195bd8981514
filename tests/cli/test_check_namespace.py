"""`talkpath check` without a link, in a network namespace: a list over HTTP, two dead servers, one that is blocked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from factories.networks.local_responder import TRIES
from talkpath.lab.drivers.namespace import system_tool, why_unavailable

SCRIPT = Path(__file__).with_name("listed_in_namespace.py")


@pytest.mark.long
@pytest.mark.skipif(bool(why_unavailable()) or system_tool("nft") is None, reason=why_unavailable() or "needs nft")
def test_a_server_is_found_behind_two_dead_ones_and_a_second_opinion_on_a_blocked_one(tmp_path: Path):
    own_network = os.environ | {"TALKPATH_PRIVATE_SERVERS": "1"}  # its servers have addresses of the namespace
    for turn in range(TRIES):
        folder = tmp_path / str(turn)
        folder.mkdir()
        command = [str(system_tool("unshare")), "-n", sys.executable, str(SCRIPT), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180, env=own_network)
        if '"late"' not in done.stdout:
            break
    else:
        pytest.skip("this machine was too busy to send on time: try again when it is quiet")
    record = json.loads(done.stdout)
    assert {one["outcome"] for one in record["tried"]} == {"refused", "timeout"}
    assert [verdict["state"] for verdict in record["verdicts"]] == ["closed"]
    (opinion,) = record["second"]["opinions"]
    assert (opinion["second"], opinion["agreement"]) == ("ok", "one_of_two")
    assert "127.0.0" not in done.stdout + done.stderr
