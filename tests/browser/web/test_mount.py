"""An observatory that serves /check too: one process more, the same page, and a result that it takes in."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from factories.checks import browser_checks
from talkpath.browser.answer.result_message import result_message
from talkpath.browser.web.receipt_issuer import ReceiptIssuer
from talkpath.responder.geoip import NetworkOrigin
from talkpath.wire.control.keys import Signer

SECRET = b"x" * 32


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("chdb", reason="needs talkpath[observatory]: pip install 'talkpath[observatory]'")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        udp = probe.getsockname()[1]
    command = [
        "observe",
        "serve",
        "--data",
        str(tmp_path_factory.mktemp("data")),
        "--port",
        "0",
        "--json",
        "--web-udp",
        str(udp),
    ]
    process = subprocess.Popen([sys.executable, "-m", "talkpath", *command], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"].rstrip("/")
    process.terminate()
    process.wait(20)
    process.stdout.close()


def answer(url: str) -> httpx.Response:
    """Once the server answers."""
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(transport=transport, timeout=20) as client:
        return client.get(url)


def test_an_observatory_serves_the_page(url: str):
    found = answer(f"{url}/check?lang=ar")
    assert found.status_code == 200
    assert 'dir="rtl"' in found.text


@pytest.mark.long
def test_a_browsers_result_is_taken_in_with_its_receipt(url: str):
    witness = ReceiptIssuer(Signer.fresh(), find=lambda host: NetworkOrigin("AS64496", "XX"))
    made = browser_checks.browser_check(browser_checks.even_loss(0.0), 3, drop_up=0.3)
    facts = replace(made, started_at=f"{datetime.now(UTC):%Y-%m-%dT%H}:00:00Z")  # what comes days late counts nowhere
    found = result_message(facts, "en", lambda made, key: witness.with_receipt(made, b"half", key, ""))
    bundle = base64.b64decode(found["bundle"])
    name = hashlib.sha256(bundle).hexdigest()
    withdraw = hashlib.sha256(SECRET).hexdigest()
    headers = {"Content-Type": "application/vnd.talkpath.bundle", "Talkpath-Withdraw": withdraw}
    answer(f"{url}/check")
    taken = httpx.put(f"{url}/v1/reports/{name}", content=bundle, headers=headers, timeout=30)
    assert taken.status_code == 201, taken.text
    assert waited_for(f"{url}/v1/reports/{name}", lambda found: found["state"])["state"] == "judged"
    shown = waited_for(f"{url}/en/report/{name}.json", lambda found: found["report"]["state"])["report"]
    assert [(row["app"], row["state"]) for row in shown["verdicts"]] == [("webrtc", "restricted")]
    page = answer(f"{url}/en/report/{name}").text
    assert "Signs of restriction" in page
    assert "counts for no network" in page  # this observatory has no geolocation files, and does not know the key
    assert httpx.delete(f"{url}/v1/reports/{name}", headers={"Talkpath-Secret": SECRET.hex()}).status_code == 200
    assert answer(f"{url}/en/report/{name}").status_code == 404


def waited_for(url: str, state: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """The JSON of an address, once its report is no longer only received."""
    until = time.monotonic() + 60
    while state(found := answer(url).json()) == "received" and time.monotonic() < until:
        time.sleep(0.1)
    return found  # type: ignore[no-any-return]
