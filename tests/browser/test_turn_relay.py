"""The relay: what it offers, and what it says where it cannot."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from talkpath.browser import turn_relay
from talkpath.lab.drivers import namespace


def test_credentials_are_those_of_one_check_and_expire_soon():
    relay = turn_relay.TurnRelay("secret")
    user, password = relay.credentials(1000.0)
    assert user.partition(":")[0] == "1120"
    assert base64.b64decode(password) == hmac.new(b"secret", user.encode(), hashlib.sha1).digest()
    assert relay.credentials(1000.0)[0] != user


def test_the_real_coturn_refuses_what_no_check_needs():
    if reason := namespace.why_unavailable():
        pytest.skip(reason)
    if shutil.which(turn_relay.TURN_PROGRAM) is None:
        pytest.skip("needs coturn: apt-get install coturn")
    attacks = Path(__file__).with_name("turn_attacks.py")
    done = subprocess.run(
        namespace.namespace_command([sys.executable, str(attacks)]), capture_output=True, timeout=60, check=True
    )
    answers = json.loads(done.stdout)
    assert answers.pop("relayed in 4 s") < 6 * turn_relay.MAX_BYTES_PER_S
    assert answers == {
        "allocate": 0,
        "tells what it is": False,
        "allocate, over TCP": 0,
        "allocate, IPv6": 0,
        "own address": 0,
        "own address, IPv6": 0,
        "neighbour, IPv4": 403,
        "loopback, IPv4": 403,
        "neighbour, IPv6": 403,
        "loopback, IPv6": 403,
        "mapped, IPv6": 403,
        "TCP relay": 442,
        "forged": 401,
        "expired": 401,
        "allocations of one credential": turn_relay.MAX_PER_CHECK,
        "allocations in all": turn_relay.MAX_ALLOCATIONS,
        "lifetime": turn_relay.VALID_S,
    }


def test_without_coturn_every_path_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    relay = turn_relay.start_relay(["127.0.0.1"], "secret")
    assert relay.without() == [
        "coturn is not installed here, so the page tries no way through by TURN: apt-get install coturn."
    ]
    ways = relay.paths("192.0.2.1")
    assert [(way.name, way.url, way.missing) for way in ways] == [
        (name, "", "coturn") for name in ("udp/3478", "udp/443", "tcp/443", "tls/443")
    ]


def test_without_a_certificate_tls_is_missing_alone():
    ways = turn_relay.TurnRelay("secret").paths("2001:db8::1")
    assert [way.missing for way in ways] == ["", "", "", "certificate"]
    assert ways[2].url == "turn:[2001:db8::1]:443?transport=tcp"


def test_ports_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        number = other.getsockname()[1]
        monkeypatch.setattr(turn_relay, "PAGE_RELAY_PORTS", (number, 443))
        relay = turn_relay.start_relay(["127.0.0.1"], "secret", taken=[443])
        assert relay.missing == {number: "taken", 443: "own"}
        relay.stop()


def test_it_relays_to_its_own_server_alone(monkeypatch: pytest.MonkeyPatch):
    written: list[str] = []
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(turn_relay, "_why_not_free", lambda port, addresses: "")

    def started(argv: list[str], **_: object) -> subprocess.Popen[bytes]:
        written.append(Path(argv[2]).read_text())
        return popen([sys.executable, "-c", ""])

    popen = subprocess.Popen
    monkeypatch.setattr(turn_relay.subprocess, "Popen", started)
    turn_relay.start_relay(["192.0.2.7"], "secret").stop()
    for text in written:
        lines = text.splitlines()
        assert {"denied-peer-ip=0.0.0.0-255.255.255.255", "no-tcp-relay"} <= set(lines)
        assert [line for line in lines if line.startswith("allowed-peer-ip")] == ["allowed-peer-ip=192.0.2.7"]
    assert len(written) == 2


def seen_of_a_port_at_another_address() -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        number = other.getsockname()[1]
        return [turn_relay._why_not_free(number, [address]) for address in ("127.0.0.1", "127.0.0.2")]


def test_a_port_of_another_address_is_free():
    """Tests beside this one may hold the same number at the first address: then another is tried."""
    seen = [seen_of_a_port_at_another_address() for _ in range(5)]
    assert ["", "taken"] in seen
    assert all(second == "taken" for _, second in seen)


def test_tls_goes_to_the_name_that_the_certificate_is_for():
    ways = turn_relay.TurnRelay("secret", trusted=True).paths("192.0.2.1", "calls.example")
    assert [way.url.split(":")[1] for way in ways] == ["192.0.2.1"] * 3 + ["calls.example"]


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_under_a_bare_address_no_tls_is_offered_since_not_every_browser_asks_for_it(address: str):
    *others, tls = turn_relay.TurnRelay("secret", trusted=True).paths(address, address)
    assert (tls.url, tls.missing) == ("", "name")
    assert [way.missing for way in others] == [""] * 3


def test_a_relay_that_ends_is_missing_until_it_is_started_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn_relay, "TURN_LOOK_INTERVAL_S", 0.05)
    relay = turn_relay.TurnRelay("secret")
    relay._commands = {3478: [sys.executable, "-c", "import time; time.sleep(60)"]}

    async def play() -> list[list[str]]:
        first = asyncio.create_task(relay.run())
        await asyncio.sleep(0.1)
        seen = [missing(relay)]
        relay._processes[3478].kill()
        await asyncio.wait_for(first, 10)
        seen.append(missing(relay))
        again = asyncio.create_task(relay.run())
        await asyncio.sleep(0.1)
        seen.append(missing(relay))
        again.cancel()
        return seen

    try:
        assert asyncio.run(play()) == [[], ["ended"], []]
    finally:
        relay.stop()


def missing(relay: turn_relay.TurnRelay) -> list[str]:
    return [path.missing for path in relay.paths("192.0.2.1") if path.name == "udp/3478" and path.missing]
