"""Nothing leaves without `share`, which shows and asks; what it sent, its receipt takes back."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from talkpath.cli import cli
from talkpath.cli.share import _bundle_contents
from talkpath.errors import BundleError, FileError, PeerError, TalkpathError, UsageError
from talkpath.evidence.bundle import read_bundle, write_capture, write_check, write_paired
from talkpath.evidence.known_responders import probe_signer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.call import Findings
from talkpath.measure.paired_call import PairedCallFacts
from talkpath.report.check_json import judge_check
from talkpath.wire.control.keys import Signer

SIMULATED = run_sim(make_plan(choose_arms(["webrtc"]), k=4), Scenario.parse("clean", (), 3))
FACTS = replace(SIMULATED, simulated=False, started_at="2026-11-24T20:17:33Z")
DATA = write_check(FACTS, judge_check(FACTS)[1], Signer.fresh())


class Observatory(ThreadingHTTPServer):
    """The smallest that speaks spec/tp-006. `heard` are (method, path, headers, body)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Desk)
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        self.kept: dict[str, tuple[str, bytes]] = {}
        self.refuses, self.sealed = "", False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/box/"


class Desk(BaseHTTPRequestHandler):
    server: Observatory

    def do_PUT(self) -> None:
        body = self._hear()
        name = self.path.removeprefix("/box/v1/reports/")
        if self.server.refuses or name != hashlib.sha256(body).hexdigest():
            self._answer(422, {"error": self.server.refuses or "another id"})
            return
        known = name in self.server.kept
        self.server.kept.setdefault(name, (self.headers["Talkpath-Withdraw"], body))
        self._answer(200 if known else 201, {"id": name})

    def do_DELETE(self) -> None:
        self._hear()
        key, _ = self.server.kept.get(self.path.removeprefix("/box/v1/reports/"), ("", b""))
        if hashlib.sha256(bytes.fromhex(self.headers["Talkpath-Secret"])).hexdigest() != key:
            self._answer(404, {"error": "No such report."})
            return
        del self.server.kept[self.path.removeprefix("/box/v1/reports/")]
        self._answer(200, {"state": "tombstone" if self.server.sealed else "removed"})

    def _hear(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.heard.append((self.command, self.path, dict(self.headers), body))
        return body

    def _answer(self, status: int, said: dict[str, str]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def far() -> Iterator[Observatory]:
    with Observatory() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "run.talkpath"
    path.write_bytes(DATA)
    return path


def run(*arguments: str | Path, answer: str = "") -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], input=answer, standalone_mode=False)


def failed(told: Result) -> TalkpathError:
    assert isinstance(told.exception, TalkpathError), told.output
    return told.exception


def test_it_shows_asks_sends_and_takes_back(far: Observatory, bundle: Path) -> None:
    told = run("share", bundle, "--to", far.url, answer="y\n")
    assert told.exception is None, told.output
    for shown in (
        "in the hour of 2026-11-24T20:00:00Z",
        "it counts for the network that you send it from",
        "WebRTC, voice: No sign of restriction",
    ):
        assert shown in told.stderr
    [(method, path, headers, body)] = far.heard
    assert (method, body) == ("PUT", DATA)
    assert path == f"/box/v1/reports/{hashlib.sha256(DATA).hexdigest()}"
    assert headers["Content-Type"] == "application/vnd.talkpath.bundle"
    assert set(headers) <= {"Host", "Accept-Encoding", "Content-Length", "User-Agent", "Accept", "Content-Type",
                            "Talkpath-Withdraw"}  # fmt: skip
    receipt = bundle.with_suffix(".shared.json")
    assert os.name == "nt" or receipt.stat().st_mode & 0o777 == 0o600
    assert json.loads(receipt.read_text())["secret"] not in str(far.heard)
    assert "has removed it" in run("withdraw", receipt).output
    assert not receipt.exists()
    assert run("share", bundle, "--to", far.url, "--yes").exception is None  # shared again
    far.sealed = True
    assert "marked as withdrawn" in run("withdraw", receipt).output


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_leaves_without_a_yes(far: Observatory, bundle: Path, answer: str) -> None:
    told = run("share", bundle, "--to", far.url, answer=answer)
    assert isinstance(told.exception, click.Abort)
    assert str(told.exception) == "Nothing was sent."
    assert far.heard == []
    assert not bundle.with_suffix(".shared.json").exists()


def test_nothing_leaves_without_an_observatory(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("it connected"))
    assert "Nothing was sent" in str(failed(run("share", bundle, "--yes")))


@pytest.mark.parametrize("url", ["http://observatory.example/", "ftp://x/", "nonsense", "https://", "https://a:b/",
                                 "https://me@host/", "https://[::1", "http://10.0.0.1/"])  # fmt: skip
def test_a_url_that_is_none_or_in_the_clear(bundle: Path, url: str) -> None:
    error = failed(run("share", bundle, "--to", url, "--yes"))
    assert isinstance(error, UsageError)
    assert not bundle.with_suffix(".shared.json").exists()


def test_what_is_refused_leaves_no_receipt(far: Observatory, bundle: Path) -> None:
    far.refuses = "We are full.\x1b[31m"
    error = failed(run("share", bundle, "--to", far.url, "--yes"))
    assert (type(error).__mro__[1], str(error)) == (PeerError, "The observatory did not take it: We are full.[31m")
    assert not bundle.with_suffix(".shared.json").exists()


def test_an_observatory_that_is_not_there_got_nothing_and_stands_in_the_way_of_no_other(
    far: Observatory, bundle: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        error = failed(run("share", bundle, "--to", url, "--yes"))
    assert "127.0.0.1" not in str(error)
    assert not bundle.with_suffix(".shared.json").exists()
    assert run("share", bundle, "--to", far.url, "--yes").exception is None


def test_where_it_may_have_come_through_the_receipt_is_kept(bundle: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def hang_up() -> None:
            end, _ = silent.accept()
            end.recv(1000)
            end.close()

        threading.Thread(target=hang_up, daemon=True).start()
        told = run("share", bundle, "--to", f"http://127.0.0.1:{silent.getsockname()[1]}", "--yes")
    assert "the receipt is kept" in told.stderr
    assert "cannot be reached" in str(failed(run("withdraw", bundle.with_suffix(".shared.json"))))


def test_the_command_that_takes_it_back_is_whole(far: Observatory, tmp_path: Path) -> None:
    place = tmp_path / "my evidence" / "run.talkpath"
    place.parent.mkdir()
    place.write_bytes(DATA)
    told = run("share", place, "--to", far.url, "--yes").stdout
    command = shlex.split(told.strip().partition("talkpath ")[2])
    assert "has removed it" in run(*command).output


def test_a_receipt_is_never_written_over(far: Observatory, bundle: Path) -> None:
    receipt = bundle.with_suffix(".shared.json")
    receipt.write_text("precious")
    assert "There is a receipt" in str(failed(run("share", bundle, "--to", far.url, "--yes")))
    assert (receipt.read_text(), far.heard) == ("precious", [])


def test_a_second_receipt_that_would_take_nothing_back_is_not_left(far: Observatory, bundle: Path) -> None:
    run("share", bundle, "--to", far.url, "--yes")
    second = bundle.with_suffix(".second.json")
    error = failed(run("share", bundle, "--to", far.url, "--yes", "--receipt", second))
    assert "has this bundle already" in str(error)
    assert not second.exists()
    assert "has removed it" in run("withdraw", bundle.with_suffix(".shared.json")).output


def test_what_was_shared_before_is_told_before_anything_is_asked(far: Observatory, bundle: Path) -> None:
    run("share", bundle, "--to", far.url, "--yes")
    again = run("share", bundle, "--to", far.url)
    assert "this was shared before" in str(failed(again))
    assert "It tells" not in again.stderr
    assert "has removed it" in run("withdraw", bundle.with_suffix(".shared.json")).output
    assert "cannot be read" in str(failed(run("withdraw", bundle.with_suffix(".shared.json"))))
    assert run("share", bundle, "--to", far.url, "--yes").exception is None
    assert [method for method, *_ in far.heard] == ["PUT", "DELETE", "PUT"]


@pytest.mark.parametrize(
    ("network", "told"),
    [("AS0", "Where: nothing; it counts for the network that you send it from"), ("AS64496", "network AS64496")],
)
def test_it_tells_for_which_network_a_check_counts(network: str, told: str) -> None:
    stored = read_bundle(write_check(SIMULATED, judge_check(SIMULATED)[1], probe_signer()))
    assert stored.receipt is not None
    stored = replace(stored, receipt=replace(stored.receipt, network=network))
    assert told in "\n".join(_bundle_contents(stored, 1000))


@pytest.mark.parametrize("code", ["ru", "fa", "ar"])
def test_all_that_is_told_before_anything_leaves_is_in_the_readers_language(
    far: Observatory, bundle: Path, code: str
) -> None:
    english = run("share", bundle, "--to", far.url, "--yes", "--language", "en")
    back = run("withdraw", bundle.with_suffix(".shared.json"), "--language", "en")
    told = run("share", bundle, "--to", far.url, "--language", code, answer="y\n")
    assert told.exception is None, told.output
    assert len(told.output.splitlines()) > len(english.output.splitlines()) > 5
    told_back = run("withdraw", bundle.with_suffix(".shared.json"), "--language", code)
    assert told_back.exception is None
    as_english = {*english.output.splitlines(), *back.output.splitlines()}
    assert as_english.isdisjoint([*told.output.splitlines(), *told_back.output.splitlines()])


def test_a_call_between_two_phones_is_refused_before_anything_is_asked(far: Observatory, bundle: Path) -> None:
    bundle.write_bytes(
        write_paired(
            PairedCallFacts((), "2026-11-30T06:00:00Z", relay_offered=False), {"state": "ok"}, Signer.fresh(), b"", b""
        )
    )
    told = run("share", bundle, "--to", far.url, "--yes")
    assert "between two phones" in str(failed(told))
    assert far.heard == []


def test_somebody_elses_secret_withdraws_nothing(far: Observatory, bundle: Path) -> None:
    run("share", bundle, "--to", far.url, "--yes")
    receipt = bundle.with_suffix(".shared.json")
    receipt.write_text(json.dumps(json.loads(receipt.read_text()) | {"secret": "00" * 32}))
    assert str(failed(run("withdraw", receipt))) == "The observatory did not withdraw it: No such report."


ODD = json.dumps({"schema": "talkpath.shared/1", "url": "https:", "id": "0" * 64, "secret": "\r\nHost: x" + 55 * "0"})


@pytest.mark.parametrize("text", ["", "{}", '{"schema":"x","url":"https://h","id":"../..","secret":"00"}', "\xff", ODD])
def test_a_file_that_is_no_receipt(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="latin-1")
    assert isinstance(failed(run("withdraw", tmp_path / "x.json")), FileError)


def test_of_a_recording_it_is_told_what_it_counts_for(far: Observatory, bundle: Path) -> None:
    bundle.write_bytes(write_capture(Findings(0, 0.0, {}, (), ()), {}, Signer.fresh()))
    told = run("share", bundle, "--to", far.url, "--yes")
    assert "the day on which you send it" in told.output
    assert len(far.heard) == 1


def test_what_no_observatory_takes_is_not_sent(far: Observatory, bundle: Path) -> None:
    bundle.write_bytes(write_check(SIMULATED, {}, Signer.fresh()))
    assert "made by the lab" in str(failed(run("share", bundle, "--to", far.url, "--yes")))
    bundle.write_bytes(DATA[:-1])
    assert isinstance(failed(run("share", bundle, "--to", far.url, "--yes")), BundleError)
    assert far.heard == []
