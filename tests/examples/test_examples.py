"""The programs in examples/ run, and print what they promise."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import talkpath
from factories.networks.local_responder import FarEnd

EXAMPLES = Path(__file__).parents[2] / "examples"
LAB = Path(__file__).parents[1] / "capture" / "lab"


def run(name: str, *arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_every_example_is_listed_and_tested() -> None:
    programs = sorted(path.name for path in EXAMPLES.glob("*.py"))
    assert len(programs) == 4
    page, tests = (EXAMPLES / "README.md").read_text(), Path(__file__).read_text()
    assert [name for name in programs if f"({name})" not in page or f'"{name}"' not in tests] == []


def test_calls_to_csv(tmp_path: Path) -> None:
    for name in ("voice-far.pcap.gz", "drop30-up-far.pcap.gz"):
        shutil.copy(LAB / name, tmp_path)
    (tmp_path / "broken.pcap").write_bytes(b"no capture")
    done = run("calls_to_csv.py", tmp_path, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    dropped, clean = csv.DictReader(done.stdout.splitlines())
    assert (dropped["file"], dropped["consistent_with"]) == ("drop30-up-far.pcap.gz", "media.drop")
    assert (clean["app"], float(clean["loss_received_pct"])) == ("webrtc", 0.0)
    assert "broken.pcap" in done.stderr


@pytest.mark.long
def test_judge_bundles(tmp_path: Path) -> None:
    result = talkpath.simulate("stun.drop,app=webrtc", apps=["webrtc"])
    result.save(tmp_path / "a.talkpath")
    done = run("judge_bundles.py", tmp_path, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a.talkpath: webrtc voice: restricted (stun.drop), SIMULATED\n"
    changed = bytearray(result.bundle())
    changed[-1] ^= 1
    (tmp_path / "b.talkpath").write_bytes(changed)
    done = run("judge_bundles.py", tmp_path, folder=tmp_path)
    assert done.returncode == 4
    assert "b.talkpath: The bundle was changed" in done.stdout


@pytest.mark.long
def test_check_network_on_real_sockets(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        done = run("check_network.py", far.link, "webrtc", folder=tmp_path)
    assert done.returncode in (0, 3), done.stdout + done.stderr  # 3: this machine was too busy
    assert "WebRTC" in done.stdout
    assert "bytes" in done.stderr
    judged = talkpath.judge(tmp_path / "check.talkpath")
    assert [verdict.app for verdict in judged.verdicts] == ["webrtc"]
    assert talkpath.verify(tmp_path / "check.talkpath").simulated is False


@pytest.mark.long
@pytest.mark.parametrize("link", ["nowhere", f"127.0.0.1:1#{'A' * 43}"])
def test_check_network_without_a_server(tmp_path: Path, link: str) -> None:
    done = run("check_network.py", link, "webrtc", folder=tmp_path)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_smallest_loss(tmp_path: Path) -> None:
    done = run("smallest_loss.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()[1:]
    assert "0 of 2" in first
    assert "2 of 2" in last
    assert list(tmp_path.iterdir()) == []
