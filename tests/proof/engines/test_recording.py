"""Records traffic in namespaces, as `make engines` does, and holds the files and their truth against each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from proof.engines import pcap
from proof.engines.path import CALLEE, CALLER
from proof.engines.record import ROOT
from talkpath.lab.drivers import namespace


@pytest.mark.long
def test_both_ends_and_the_truth_are_recorded(tmp_path):
    for program, package in (("tcpdump", "tcpdump"), ("turnserver", "coturn"), ("openssl", "openssl")):
        if namespace.system_tool(program) is None:
            pytest.skip(f"needs {program}: apt install {package}")
    if reason := namespace.why_unavailable():
        pytest.skip(f"needs namespaces: {reason}")
    argv = [sys.executable, "-m", "proof.engines", "record", str(tmp_path), "no_game"]
    done = subprocess.run(argv, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    truth = json.loads((tmp_path / "no_game.json").read_text())
    assert (truth["calls"], truth["app"]) == (0, "")
    for letter, own in (("a", CALLER), ("b", CALLEE)):
        link, frames = pcap.read(tmp_path / f"no_game.{letter}.pcap")
        packets = [frame.data[pcap.LINK_BYTES[link] :] for frame in frames]
        sent = [packet for packet in packets if packet[12:16] == own.packed()[0]]
        assert len(frames) > 500
        assert {packet[8] for packet in sent} == {64}
        assert {packet[8] for packet in packets if packet not in sent} == {57}
