"""`check --turn` on 127.0.0.1, with the real coturn: what is told of servers that relay, refuse, or are not trusted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from factories.networks.local_responder import TALKPATH, FarEnd, free_ports, is_free, small_plan
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.wire.control.keys import new_identity_pem

USER, PASSWORD = "carol-of-the-relay", "sesame-of-the-relay"
SERVER = "turnserver"
MOST_S = 10.0
TRIES = 3


class Coturn:
    """One coturn. `more` are settings beside those of a usual server."""

    def __init__(self, folder: Path, *more: str) -> None:
        folder.mkdir()
        self.udp, self.tls = free_ports(2)
        identity = folder / "identity.pem"
        identity.write_bytes(new_identity_pem())
        settings = [
            f"listening-port={self.udp}",
            f"tls-listening-port={self.tls}",
            "listening-ip=127.0.0.1",
            "relay-ip=127.0.0.1",
            "lt-cred-mech",
            f"user={USER}:{PASSWORD}",
            "realm=calls.example",
            f"cert={identity}",
            f"pkey={identity}",
            "no-cli",
            "no-dtls",
            "no-rfc5780",
            "log-file=/dev/null",
            "simple-log",
            f"pidfile={folder}/pid",
            f"userdb={folder}/db",
            *more,
        ]
        (folder / "conf").write_text("\n".join(settings) + "\n")
        nowhere = subprocess.DEVNULL
        command = [SERVER, "-c", str(folder / "conf")]
        self.process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
        until_s = time.monotonic() + MOST_S
        while is_free(self.udp) or is_free(self.tls):
            assert self.process.poll() is None, "coturn did not start"
            assert time.monotonic() < until_s, "coturn does not listen"
            time.sleep(0.05)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Coturn, Coturn]]:
    """One that relays to this machine, and one that does not."""
    if shutil.which(SERVER) is None:
        pytest.skip("needs coturn: apt-get install coturn")
    folder = tmp_path_factory.mktemp("turn")
    both = Coturn(folder / "open", "allow-loopback-peers"), Coturn(folder / "closed")
    yield both
    for server in both:
        server.end()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, servers: tuple[Coturn, Coturn]) -> dict[str, Any]:
    """One check by way of four servers: its JSON by "json", what else it said by "stderr", its evidence by "bundle"."""
    folder = tmp_path_factory.mktemp("check")
    (folder / "credentials").write_text(f"{USER}\n{PASSWORD}\n")
    opened, closed = servers
    urls = [
        f"turn:localhost:{opened.udp}",
        f"turn:localhost:{opened.udp}?transport=tcp",
        f"turns:localhost:{opened.tls}",
        f"turn:localhost:{closed.udp}?transport=udp",
    ]
    named = [part for url in urls for part in ("--turn", url)]
    with FarEnd(folder) as far:
        for attempt in range(TRIES):
            bundle = folder / f"run{attempt}.talkpath"
            command = [*TALKPATH, "check", far.link, "--json", "-o", str(bundle), *small_plan(folder), *named]
            command += ["--turn-credentials", str(folder / "credentials")]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
            result = json.loads(done.stdout)
            if all(row["carries"] for relay in result["relays"] for row in relay["direct"]):
                break  # else this machine was too busy
    return {"json": result, "stderr": done.stderr, "bundle": bundle, "codes": (opened, closed)}


def test_each_server_is_told_with_what_came_of_it(told: dict[str, Any]) -> None:
    opened, closed = told["codes"]
    udp, tcp, tls, other = told["json"]["relays"]
    assert (udp["relay"], udp["outcome"]) == (f"turn-udp/{opened.udp}", "allocated")
    assert (tcp["relay"], tcp["outcome"]) == (f"turn-tcp/{opened.udp}", "allocated")
    assert (tls["relay"], tls["outcome"]) == (f"turn-tls/{opened.tls}", "certificate")
    assert (other["relay"], other["outcome"], other["code"]) == (f"turn-udp/{closed.udp}", "forbidden", 403)
    for relay in (udp, tcp):
        (row,) = relay["calls"]
        assert (row["app"], row["carries"], row["calls"]) == ("webrtc", True, 2)
        assert 0 < relay["allocated_ms"] < 1000 * MOST_S
    assert tls["calls"] == other["calls"] == []


def test_neither_result_nor_evidence_has_addresses_or_credentials(told: dict[str, Any]) -> None:
    unpacked = subprocess.run([*TALKPATH, "judge", str(told["bundle"]), "--json"], capture_output=True, check=True)
    texts = [json.dumps(told["json"]).encode(), told["stderr"].encode(), told["bundle"].read_bytes(), unpacked.stdout]
    for secret in (USER, PASSWORD, "localhost", "calls.example"):
        assert not any(secret.encode() in text for text in texts)


def test_the_evidence_is_verified_and_says_the_same(told: dict[str, Any]) -> None:
    judged = subprocess.run([*TALKPATH, "judge", str(told["bundle"]), "--json"], capture_output=True, check=True)
    assert json.loads(judged.stdout)["relays"] == told["json"]["relays"]
    verified = subprocess.run([*TALKPATH, "verify", str(told["bundle"])], capture_output=True, text=True, check=False)
    assert verified.returncode == 0, verified.stdout + verified.stderr


LINK = f"127.0.0.1:4433#{'A' * 43}"


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TALKPATH, "check", LINK, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env=os.environ | environment,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--turn", "turn:calls.example"), "TALKPATH_TURN_PASSWORD"),
        (("--turn", "turn:carol@calls.example"), "written as turn:HOST"),
        (("--turn", "turn:calls.example", "--turn-credentials", "/nonexistent"), "cannot be read"),
        (("--turn-credentials", "/nonexistent"), "goes with --turn"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_sent(arguments: tuple[str, ...], said: str) -> None:
    done = check(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "calls.example" not in done.stderr


def test_a_dry_run_says_what_would_be_sent_and_needs_no_credentials(tmp_path: Path) -> None:
    plan = make_plan(choose_arms(["webrtc"]), k=2, budget_bytes=60_000, light=True)
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(plan))
    done = check("--plan", str(tmp_path / "plan.json"), "--dry-run", "--turn", "turns:calls.example")
    assert done.returncode == 0
    for part in ("turn-tls/5349", "2 allocations", "relayed to the test server and to nothing else"):
        assert part in done.stdout
    assert "calls.example" not in done.stdout
