"""`talkpath endpoints` in namespaces: lab hosts stand for an app's servers, and the lab's router blocks them."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from talkpath.lab.drivers import netns
from talkpath.lab.drivers.run import PYTHON, new_identity
from talkpath.lab.messenger.client import MESSENGER_PORT, serve_argv
from talkpath.lab.path.link import LAB_PROBE, LAB_REFERENCE, MESSENGER
from talkpath.lab.scenario import Scenario

STUN = """
import socket, sys
from talkpath.wire.rtc import stun
from talkpath.wire.ip.address import Address
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end.bind(("", 3478))
sys.stdout.write("ready\\n"); sys.stdout.flush()
while True:
    data, source = end.recvfrom(2048)
    request = stun.decode_message(data)
    mapped = stun.encode_xor_address(Address.of(*source), request.transaction)
    end.sendto(stun.encode_message(stun.StunMessage(0x0101, request.transaction, ((0x0020, mapped),))), source)
"""
ROW = """
[[endpoint]]
id = "{id}"
app = "{app}"
kind = "{kind}"
host = "{host}"
port = {port}
tier = 2
source = "the lab"
date = 2026-11-01
confidence = "high"
"""


def catalogue() -> str:
    own, neutral = MESSENGER.ipv4, LAB_REFERENCE.ipv4
    rows = [
        ("relay", "telegram", "stun", own, 3478),
        ("centre", "telegram", "tcp", own, MESSENGER_PORT),
        ("n-stun", "", "stun", neutral, 3478),
        ("n-tcp", "", "tcp", neutral, MESSENGER_PORT),
        ("resolver", "", "resolver", neutral, 53),
    ]
    return "".join(ROW.format(id=id, app=app, kind=kind, host=host, port=port) for id, app, kind, host, port in rows)


def asked(rules: Sequence[str]) -> dict[str, Any]:
    """In the lab: what the command prints."""
    with tempfile.TemporaryDirectory() as name, netns.netns_lab(Scenario.parse("clean", rules, 1).network()) as lab:
        folder = Path(name)
        (folder / "catalogue.toml").write_text(catalogue())
        pem, _ = new_identity(folder)
        for host in (MESSENGER, LAB_REFERENCE):
            lab.start(host.name, serve_argv(MESSENGER_PORT, pem)).line("ready")
            lab.start(host.name, [sys.executable, "-c", STUN]).line("ready")
        argv = [
            *PYTHON,
            "endpoints",
            "--app",
            "telegram",
            "--tier",
            "2",
            "--yes",
            "--json",
            "--gap",
            "0.5",
            "--every",
            "0.05",
            "--catalogue",
            str(folder / "catalogue.toml"),
        ]
        found: dict[str, Any] = json.loads(lab.start(LAB_PROBE.name, argv).finish(55).stdout)
        return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], [("voice", "ok", None), ("text", "ok", None)]),
        (
            ["address.block,host=messenger"],
            [("voice", "insufficient", None), ("text", "insufficient", None)],  # an outage would look the same
        ),
        (["udp.block"], [("voice", "insufficient", None), ("text", "ok", None)]),  # the neutral host's is dropped too
    ],
    ids=str,
)
def test_lab_hosts(in_lab: Callable[..., Any], rules: list[str], expected: list[tuple[str, str, str | None]]) -> None:
    told = in_lab(asked, rules)
    assert sorted((v["medium"], v["state"], v["rule"]) for v in told["verdicts"]) == sorted(expected)
    written = json.dumps(told)
    assert not any(host.ipv4 in written for host in (LAB_PROBE, MESSENGER, LAB_REFERENCE))
