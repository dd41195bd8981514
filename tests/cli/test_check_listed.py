"""`talkpath check` without a link: the server comes from a directory's list. Real processes on 127.0.0.1."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import talkpath
from factories.networks.local_responder import TALKPATH, TRIES, FarEnd, free_ports, raise_priority, small_plan
from talkpath.api.listed_check import answering_links, find_list
from talkpath.cli import cli
from talkpath.directory.listed_server import ListedServer, NetworkClass, PublicAddress
from talkpath.directory.server_list import list_text, sign_list
from talkpath.errors import PeerError, UsageError
from talkpath.evidence.bundle import read_facts
from talkpath.wire.control.invitation import token_of_text
from talkpath.wire.control.keys import Signer, raw_key, raw_key_text

DIRECTORY = Signer.of_seed(b"directory".ljust(32))
KEY = raw_key_text(DIRECTORY.public)


class Listed:
    """A folder with lists, and a user whose programs remember what they saw."""

    def __init__(self, folder: Path, budget_bytes: int = 2_000_000, budget_s: float = 20.0) -> None:
        self.folder, self.budget_bytes, self.budget_s = folder, budget_bytes, budget_s

    def put(self, *servers: ListedServer, serial: int = 5, at: datetime | None = None) -> str:
        """Sign a list into a file: its place."""
        file = self.folder / f"{serial}.list"
        file.write_bytes(sign_list(DIRECTORY, serial, at or datetime.now(UTC), servers))
        return f"{file}#{KEY}"

    def check(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it; again where this machine was too busy to send on time."""
        for _ in range(TRIES):
            done = self._check(*arguments, **environment)
            if '"late"' not in done.stdout:
                return done
        pytest.skip(f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet")

    def _check(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        known = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state"), "TALKPATH_PRIVATE_SERVERS": "1"}
        (self.folder / "run.talkpath").unlink(missing_ok=True)  # of an earlier try: no check writes over it
        bundle = ["-o", str(self.folder / "run.talkpath")]
        known |= environment
        plan = small_plan(self.folder, self.budget_s, self.budget_bytes)
        command = [*TALKPATH, "check", "--json", *bundle, *plan, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=known)
        raise_priority(process)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(command, process.returncode, out, err)


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    return Listed(tmp_path)


def entry(far: FarEnd, network_class: NetworkClass = "hosting", **more: object) -> ListedServer:
    """The running server as a list has it, behind all others unless its class says otherwise."""
    fields = {
        "key": raw_key(far.key),
        "address": PublicAddress("127.0.0.1", far.control),
        "token": token_of_text(far.token),
        "country": "XY",
        "free": 60,
        "operator": "us",
    }
    return ListedServer(**(fields | {"network_class": network_class} | more))


def dead(port: int, **more: object) -> ListedServer:
    fields = {"address": PublicAddress("127.0.0.1", port), "country": "XY", "free": 60, "network_class": "home"}
    return ListedServer(key=Signer.fresh().public, **(fields | more))


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_server_is_found_and_two_dead_ones_are_survived(listed: Listed, tmp_path: Path):
    (closed,) = free_ports(1)
    with FarEnd(tmp_path) as far, silent() as quiet:
        place = listed.put(dead(closed), dead(quiet), entry(far))
        done = listed.check("--directory", place)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["responder"]["key"] == far.key
    assert {one["outcome"] for one in record["tried"]} == {"refused", "silent"}
    assert [verdict["state"] for verdict in record["verdicts"]] in (["ok"], ["insufficient"])
    assert read_facts((tmp_path / "run.talkpath").read_bytes()).tried
    assert "Test server 3 of 3 from the list: XY, run by \N{FIRST STRONG ISOLATE}us" in done.stderr or (
        "Test server 3 of 3 from the list: XY, run by us." in done.stderr
    )
    assert "127.0.0.1" not in done.stdout + done.stderr


def test_the_list_may_come_from_the_environment_and_as_text(listed: Listed, tmp_path: Path):
    with FarEnd(tmp_path) as far:
        text = list_text(sign_list(DIRECTORY, 9, datetime.now(UTC), [entry(far)]))
        done = listed.check(TALKPATH_DIRECTORY=f"{text}#{KEY}")
    assert (done.returncode, json.loads(done.stdout)["responder"]["key"]) == (0, far.key)


def test_other_commands_and_scripts_get_links_to_servers_that_answer(
    listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """`locate`, `watch` and `talkpath.check` without a link; in different networks where two are wanted."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TALKPATH_PRIVATE_SERVERS", "1")
    (closed,) = free_ports(1)
    with FarEnd(tmp_path) as far:
        servers = [dead(closed, network=1), entry(far, network=2), entry(far, network=2), entry(far, network=3)]
        found = find_list(listed.put(*servers))
        assert found is not None
        link = entry(far).link.text()
        assert [answering_links(found, "", 0, most) for most in (1, 2, 3)] == [[link], [link] * 2, [link] * 2]
    with pytest.raises(PeerError, match="No test server of the list answers"):
        answering_links(found, "", 0)
    with pytest.raises(PeerError, match="none that can be tried"):
        answering_links(found, "XY", 0)


def test_without_a_link_and_a_list_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("talkpath.directory.server_list.built_in_directories", list)
    for command in (["locate"], ["watch", "--times", "2"]):
        done = CliRunner().invoke(cli, command, standalone_mode=False)
        assert (done.return_value, "There is no test server" in done.stderr) == (3, True)
    with pytest.raises(UsageError, match="no test server to check against"):
        talkpath.check()


def test_servers_of_the_own_country_are_not_asked(listed: Listed, tmp_path: Path):
    with FarEnd(tmp_path) as far:
        done = listed.check("--directory", listed.put(entry(far)), "--country", "xy")
    assert done.returncode == 3
    assert "none that can be tried" in done.stderr


@pytest.mark.parametrize(
    ("what", "said"),
    [("forged", "changed after it was signed"), ("stale", "seven days"), ("another", "another directory"),
     ("none", "no list of test servers"), ("large", "larger than any")],
)  # fmt: skip
def test_a_list_that_is_refused_is_one_sentence(listed: Listed, what: str, said: str):
    place = listed.put(dead(9), at=datetime.now(UTC) - timedelta(days=8 if what == "stale" else 0))
    file = Path(place.partition("#")[0])
    if what == "forged":
        file.write_bytes(file.read_bytes().replace(b"XY", b"XX"))
    if what == "another":
        file.write_bytes(sign_list(Signer.fresh(), 5, datetime.now(UTC), [dead(9)]))
    if what == "none":
        file.write_bytes(b"<html>")
    if what == "large":
        file.write_bytes(bytes(3_000_000))
    done = listed.check("--directory", place)
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_replayed_list_is_refused(listed: Listed):
    (closed,) = free_ports(1)
    newer, older = listed.put(dead(closed), serial=6), listed.put(dead(closed), serial=5)
    assert listed.check("--directory", newer).returncode == 3
    done = listed.check("--directory", older)
    assert "somebody replays it" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_directory_that_lies_makes_no_result_say_restricted(listed: Listed, tmp_path: Path):
    """Wrong class, country, network and operator; the address of a server under a key that is not its own; the address
    of a machine that is no test server. It can only withhold and list servers."""
    lies = {"network": 64500, "country": "ZA", "free": 4096, "operator": "the messenger itself"}
    with FarEnd(tmp_path) as far, silent() as quiet:
        servers = [
            entry(far, key=Signer.fresh().public, network_class="home"),
            dead(quiet, network_class="home"),
            entry(far, network_class="hosting", **lies),
        ]
        done = listed.check("--directory", listed.put(*servers))
    record = json.loads(done.stdout)
    assert {one["outcome"] for one in record["tried"]} == {"other_key", "silent"}
    assert [verdict["state"] for verdict in record["verdicts"]] in (["ok"], ["insufficient"])
    facts = msgspec.msgpack.encode(read_facts((tmp_path / "run.talkpath").read_bytes()))
    for lie in (b"messenger itself", b"AS64500", b'"ZA"'):
        assert lie not in done.stdout.encode() + facts


def test_a_directory_that_names_other_machines_alone_makes_none_say_so_either(listed: Listed):
    with silent() as quiet:
        done = listed.check("--directory", listed.put(dead(quiet), dead(free_ports(1)[0], network_class="hosting")))
    record = json.loads(done.stdout)
    assert [verdict["state"] for verdict in record["verdicts"]] == ["unreachable"]
    assert done.returncode == 3


def test_a_list_that_names_the_own_network_finds_nothing_out(listed: Listed):
    """No connection, and nothing in the result that tells what is there."""
    with silent() as quiet, socket.create_server(("127.0.0.1", 0)) as watched:
        watched.settimeout(0.2)
        port = int(watched.getsockname()[1])
        place = listed.put(dead(quiet), dead(free_ports(1)[0]), dead(port))
        done = listed.check("--directory", place, TALKPATH_PRIVATE_SERVERS="")
        with pytest.raises(TimeoutError):
            watched.accept()
    assert (done.returncode, done.stdout) == (3, "")
    assert "none that can be tried" in done.stderr
