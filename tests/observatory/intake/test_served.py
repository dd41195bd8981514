"""A real observatory, a real socket, and `talkpath share` and `withdraw` as people run them."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
import time
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from factories.observatories.observe_process import start_observatory, stop_observatory
from factories.observatories.sent_bundles import (
    measured_bundle,
    resealed_bundle,
    sent_facts,
    sent_results,
    simulated_bundle,
)
from talkpath.cli import cli
from talkpath.evidence.bundle import FACTS_PART, VERDICT_PART, write_check
from talkpath.evidence.share import BUNDLE_MEDIA_TYPE, NotTakenError
from talkpath.wire.control.keys import Signer

TODAY = date.today().isoformat()
PATIENCE_S = 60.0


def ask(url: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, json.loads(data) if "json" in answer.headers.get("Content-Type", "") else data.decode()


def post(url: str, data: bytes) -> tuple[int, Any]:
    return ask(url, "POST", "/api/v1/bundles", data, Content_Type=BUNDLE_MEDIA_TYPE)


def becomes(url: str, name: str, state: str) -> dict[str, Any]:
    """Wait until a report is in that state."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        status, told = ask(url, "GET", f"/api/v1/reports/{name}")
        assert status == 200
        if told["state"] != "received":
            assert told["state"] == state
            return dict(told)
        time.sleep(0.2)
    raise AssertionError("nobody judged it")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(one) for one in arguments], standalone_mode=False)


def test_share_and_withdraw(served: str, tmp_path: Path):
    bundle = tmp_path / "monday.talkpath"
    bundle.write_bytes(measured_bundle(day=TODAY, seed=11))
    told = run("share", bundle, "--to", served, "--yes")
    assert told.exception is None, told.output
    receipt = tmp_path / "monday.shared.json"
    kept = receipt.read_text()
    becomes(served, json.loads(kept)["id"], "judged")
    told = run("withdraw", receipt)
    assert told.output == "Withdrawn: the observatory has removed it. Your own file stays.\n"
    assert not receipt.exists()  # so that the bundle can be shared again
    receipt.write_text(kept)
    assert isinstance(run("withdraw", receipt).exception, NotTakenError)


def test_without_being_told_to_it_keeps_no_directory_of_test_servers(served: str):
    assert ask(served, "GET", "/en/servers.json")[0] == 404
    assert "/api/v1/responders" not in ask(served, "GET", "/api/v1/openapi.json")[1]["paths"]


def test_a_bundle_is_acknowledged_once_and_judged(served: str):
    status, told = post(served, measured_bundle(day=TODAY, seed=12, restricted=True))
    assert (status, told["state"]) == (201, "received")
    becomes(served, told["id"], "judged")
    assert post(served, measured_bundle(day=TODAY, seed=12, restricted=True)) == (200, {**told, "state": "judged"})


def test_what_verifies_and_cannot_be_counted_is_unfit(served: str):
    """A check that tells no day."""
    undated = replace(sent_facts(), simulated=False, receipt=None, started_at="")
    status, answer = post(served, write_check(undated, sent_results(False), Signer.of_seed(bytes(32))))
    assert status == 201
    assert "does not tell its day" in becomes(served, answer["id"], "unfit")["why"]


def test_a_bomb_is_refused(served: str):
    zeros = gzip.compress(bytes(256 << 20), 1)
    status, answer = post(served, resealed_bundle({FACTS_PART: zeros, VERDICT_PART: zeros[:100]}, seed=14))
    assert (status, answer["code"]) == (422, "changed")


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("POST", "/api/v1/bundles", b"x", {"Content_Type": BUNDLE_MEDIA_TYPE}, 422, "changed"),
        ("POST", "/api/v1/bundles", b"x", {"Content_Type": "text/plain"}, 415, "media_type"),
        ("POST", "/api/v1/bundles", bytes(3 << 20), {"Content_Type": BUNDLE_MEDIA_TYPE}, 413, "too_large"),
        ("PUT", "/v1/reports/" + "0" * 64, measured_bundle(), {"Content_Type": BUNDLE_MEDIA_TYPE}, 422, "wrong_id"),
        ("POST", "/api/v1/bundles", simulated_bundle(), {"Content_Type": BUNDLE_MEDIA_TYPE}, 422, "simulated"),
        ("DELETE", "/v1/reports/" + "0" * 64, b"", {"Talkpath_Secret": "0" * 64}, 404, "not_found"),
        ("GET", "/api/v1/reports/x", b"", {}, 404, "not_found"),
        ("POST", "/api/v1/taps", b"{}", {"Content_Type": "application/json"}, 400, "bad_request"),
        ("POST", "/api/v1/taps", b"[" * 900, {"Content_Type": "application/json"}, 400, "bad_request"),
        (
            "POST",
            "/api/v1/taps",
            b'{"app":"nosuch","medium":"voice"}',
            {"Content_Type": "application/json"},
            422,
            "unknown_app",
        ),
    ],
)
def test_what_is_refused_is_told(
    served: str, method: str, path: str, body: bytes, headers: dict[str, str], status: int, code: str
):
    found, told = ask(served, method, path, body, **headers)
    assert (found, told["code"]) == (status, code)
    assert told["error"].endswith(".")


def test_a_tap(served: str):
    body = b'{"app": "signal", "medium": "voice"}'
    first, second = (ask(served, "POST", "/api/v1/taps", body, Content_Type="application/json") for _ in range(2))
    assert (first[0], second[0]) == (201, 200)


def test_behind_a_proxy_of_this_machine_the_sender_is_whoever_the_proxy_names(served: str):
    body = b'{"app": "whatsapp", "medium": "video"}'
    sent = [ask(served, "POST", "/api/v1/taps", body, Content_Type="application/json", X_Forwarded_For=host)[0]
            for host in ("203.0.113.1", "203.0.113.2", "198.51.100.1")]  # fmt: skip
    assert sent == [201, 200, 201]


def test_a_sender_that_goes_away_harms_nobody(served: str):
    parts = urlsplit(served)
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        lines = [
            "POST /api/v1/bundles HTTP/1.1",
            "Host: x",
            f"Content-Type: {BUNDLE_MEDIA_TYPE}",
            "Content-Length: 5000",
        ]
        connection.sendall("\r\n".join([*lines, "", "PK"]).encode())
    assert ask(served, "GET", "/health")[1]["status"] == "ok"


def test_lines_before_a_body_have_an_end(served: str):
    parts = urlsplit(served)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        with suppress(OSError):  # it closes while we go on
            for number in range(100):
                connection.sendall(b"X-%d: " % number + b"y" * 20_000 + b"\r\n")
        with suppress(ConnectionResetError):
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert ask(served, "GET", "/health")[1]["status"] == "ok"


def test_requests_that_follow_each_other_on_one_connection_are_answered_in_order(served: str):
    parts = urlsplit(served)
    data = measured_bundle(day=TODAY, seed=31)
    head = (
        f"POST /api/v1/bundles HTTP/1.1\r\nHost: x\r\nContent-Type: {BUNDLE_MEDIA_TYPE}\r\nContent-Length: {len(data)}"
    )
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        connection.sendall((f"{head}\r\n\r\n".encode() + data) * 2 + last)
        answered = b"".join(iter(lambda: connection.recv(10_000), b""))
    assert [answer[:3] for answer in answered.split(b"HTTP/1.1 ")[1:]] == [b"201", b"200", b"200"]


def test_health_and_metrics(served: str):
    status, told = ask(served, "GET", "/health")
    assert (status, told["status"], told["simulated"]) == (200, "ok", False)
    assert told["tasks"]["failing"] == 0
    assert 3 <= told["tasks"]["kept"] < told["tasks"]["all"] <= 40
    status, text = ask(served, "GET", "/metrics")
    assert status == 200
    assert 'talkpath_taken_total{kind="bundle",new="true"}' in text
    assert "127.0.0.1" not in text


@pytest.mark.long
def test_after_a_kill_everything_acknowledged_is_there(tmp_path: Path):
    process, url = start_observatory(tmp_path / "data")
    names = [post(url, measured_bundle(day=TODAY, seed=seed))[1]["id"] for seed in range(20, 24)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    process, url = start_observatory(tmp_path / "data")
    assert all(becomes(url, name, "judged") for name in names)
    assert post(url, measured_bundle(day=TODAY, seed=20))[0] == 200
    assert stop_observatory(process) == 0


def test_the_kinds_do_not_mix(tmp_path: Path):
    process, url = start_observatory(tmp_path / "data", "--simulated")
    assert post(url, simulated_bundle())[0] == 201
    assert post(url, measured_bundle())[1]["code"] == "not_simulated"
    assert stop_observatory(process) == 0
    told = run("observe", "rebuild", "--data", tmp_path / "data")
    assert "SIMULATED" in str(told.exception)


def test_no_file_of_a_running_observatory_can_be_read_by_others(tmp_path: Path):
    """The index too, whose files the database engine makes."""
    before = os.umask(0o022)
    try:
        process, url = start_observatory(tmp_path / "data")
    finally:
        os.umask(before)
    name = post(url, measured_bundle(day=TODAY, seed=41))[1]["id"]
    becomes(url, name, "judged")
    files = [path for path in (tmp_path / "data").rglob("*") if path.exists()]
    assert stop_observatory(process) == 0
    assert any("index" in path.parts for path in files if path.is_file())
    shown = [path for path in (tmp_path / "data").rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert shown == []
