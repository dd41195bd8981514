"""What a person meets: no server, the wrong one, one that dies. One clear sentence, the right exit code."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from far_end import TALKPATH, FarEnd, check, free_ports, small_plan

from talkpath.evidence.bundle import read_bundle

KEY = "A" * 43


def sentence(stderr: str) -> str:
    """The one line that talkpath says on failing."""
    (line,) = [line for line in stderr.splitlines() if line.startswith("talkpath: ")]
    return line


def test_a_clean_line_is_ok_and_judged_alike_again(tmp_path: Path) -> None:
    bundle = tmp_path / "run.talkpath"
    with FarEnd(tmp_path) as far:
        done = check(far.link, *small_plan(tmp_path), "--json", "--gate", "-o", str(bundle))
    written = json.loads(done.stdout)
    assert written["verdicts"][0]["state"] in ("ok", "insufficient"), done.stdout
    assert done.returncode == {"ok": 0, "insufficient": 13}[written["verdicts"][0]["state"]]
    assert written["bytes_sent"] + written["bytes_received"] <= 2_000_000
    again = subprocess.run([*TALKPATH, "judge", str(bundle), "--json"], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["changes"] == []


def test_without_a_link_three_ways_on() -> None:
    done = check()
    assert done.returncode == 3
    for way in ("respond --invite", "run-a-responder", "talkpath capture"):
        assert way in done.stderr


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("127.0.0.1:4433", "no key"),
        ("127.0.0.1:4433#short", "no key"),
        ("127.0.0.1:99999#" + KEY, "port"),
        ("http://example.org/#" + KEY, "names no host"),
    ],
)
def test_a_link_that_is_none(link: str, said: str) -> None:
    done = check(link)
    assert done.returncode == 2
    assert said in sentence(done.stderr)


def test_nobody_there(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    done = check(f"127.0.0.1:{port}#{KEY}", *small_plan(tmp_path), "--json")
    assert done.returncode == 3
    verdict = json.loads(done.stdout)["verdicts"][0]
    assert (verdict["state"], verdict["rule"]) == ("unreachable", None)


def test_somebody_else_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            end, _ = server.accept()
            with end:
                end.recv(1000)
                end.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        done = check(f"127.0.0.1:{server.getsockname()[1]}#{KEY}", *small_plan(tmp_path))
        thread.join()
    assert done.returncode == 3
    assert "no talkpath responder" in sentence(done.stderr)


def test_another_key_than_the_links(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        done = check(f"127.0.0.1:{far.control}#{KEY}", *small_plan(tmp_path))
    assert done.returncode == 3
    assert "key is not the one in the link" in sentence(done.stderr)


def test_an_invitation_that_ended(tmp_path: Path) -> None:
    done = check(f"talkpath://127.0.0.1:1/?until=2020-01-01T00:00Z#{KEY}", *small_plan(tmp_path))
    assert done.returncode == 3
    assert "has ended" in sentence(done.stderr)


def test_another_version(tmp_path: Path) -> None:
    with FarEnd(tmp_path, patch="import talkpath.wire.control as c; c.VERSION = 2") as far:
        done = check(far.link, *small_plan(tmp_path))
    assert done.returncode == 3
    assert "version 2" in sentence(done.stderr)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_server_that_dies_keeps_what_was_measured(tmp_path: Path, how: signal.Signals) -> None:
    bundle = tmp_path / "run.talkpath"
    with FarEnd(tmp_path) as far:
        arguments = [*TALKPATH, "check", far.link, *small_plan(tmp_path), "--json", "-o", str(bundle)]
        probe = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(2.5)
        far.process.send_signal(how)
        stdout, stderr = probe.communicate(timeout=40)
    assert probe.returncode in (0, 3), stderr
    facts = read_bundle(bundle.read_bytes()).facts
    assert facts.epochs
    assert facts.health.ended in ("responder_lost", "network_lost")
    verdict = json.loads(stdout)["verdicts"][0]
    assert verdict["state"] in ("insufficient", "ok")


def test_a_probe_that_was_stopped_accuses_nobody(tmp_path: Path) -> None:
    with FarEnd(tmp_path) as far:
        arguments = [*TALKPATH, "check", far.link, *small_plan(tmp_path), "--json"]
        probe = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(2.0)
        probe.send_signal(signal.SIGSTOP)
        time.sleep(3.0)
        probe.send_signal(signal.SIGCONT)
        stdout, _ = probe.communicate(timeout=60)
    assert json.loads(stdout)["verdicts"][0]["state"] not in ("restricted", "closed")


def test_a_port_in_use() -> None:
    control, taken = free_ports(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", taken))
        arguments = ["respond", "--host", "127.0.0.1", "--port", str(control), "--ports", str(taken)]
        done = subprocess.run([*TALKPATH, *arguments], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert f"UDP port {taken} is in use" in sentence(done.stderr)
