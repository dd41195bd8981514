"""`talkpath check --own` in the lab: a test server, an app's relays, rules on their addresses, neutral hosts; with
--call a call of the app as soon as the command waits for one."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from proof.relayed_calls.namespaces import start_call, start_relay
from talkpath.api.verification import read_bundle
from talkpath.lab.drivers import netns
from talkpath.lab.drivers.run import PYTHON, link_to, respond_argv
from talkpath.lab.drivers.sim import CONTROL_PORT, SIM_PORTS
from talkpath.lab.path.link import HOSTS, LAB_PROBE, LAB_REFERENCE, MESSENGER, RESPONDER, LabHost
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.lab.scenario import Scenario

RELAY_PORT, NEUTRAL_PORT = 1400, 3478
CALL_S = 16.0
NEUTRAL = (LAB_REFERENCE, MESSENGER)
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


def catalogue(relays: Sequence[LabHost]) -> str:
    rows = [
        *((relay.name, "telegram", "stun", relay.ipv4, RELAY_PORT) for relay in relays),
        *((f"n-{host.name}", "", "stun", host.ipv4, NEUTRAL_PORT) for host in NEUTRAL),
        ("resolver", "", "resolver", LAB_REFERENCE.ipv4, 53),
    ]
    return "".join(ROW.format(id=id, app=app, kind=kind, host=host, port=port) for id, app, kind, host, port in rows)


def control_late_ms(bundle: Path) -> list[float]:
    """How late the control traffic beside a call of the evidence left, a figure a call."""
    findings = read_bundle(bundle).findings
    return [control.late_ms_p99 or 0.0 for control in findings.controls] if findings else []


def checked(rules: Sequence[str], *options: str) -> dict[str, Any]:
    """What the command prints, and what reached the app's relays."""
    relays = [app_relay("telegram", number) for number in (1, 2)]
    scenario = Scenario.parse("clean", rules, 1, 4, "routers=4,at=2")
    with tempfile.TemporaryDirectory() as name, netns.netns_lab(scenario.network(), (*HOSTS, *relays)) as lab:
        folder = Path(name)
        (folder / "catalogue.toml").write_text(catalogue(relays))
        responder = lab.start(RESPONDER.name, respond_argv(folder, [str(port) for port in SIM_PORTS]))
        link = link_to(responder.line('"link"'), RESPONDER.ipv4, CONTROL_PORT, CONTROL_PORT)
        calls = "--call" in options
        own = [start_relay(lab, relay, (RELAY_PORT,)) for relay in relays[calls:]]
        for host in NEUTRAL:
            start_relay(lab, host, (NEUTRAL_PORT,))
        pace = ["--gap", "0.3", "--every", "0.05", "--catalogue", str(folder / "catalogue.toml")]
        argv = [*PYTHON, "check", link, "--app", "telegram/direct", "--own", "--yes", "--lab", *pace, *options]
        argv += ["-o", str(folder / "run.talkpath")]
        checking = lab.start(LAB_PROBE.name, argv)
        if calls:
            checking.line("Measured", 120)
            start_call(lab, relays[0], "telegram/reflector", CALL_S).finish()
        outcome = checking.finish(200)
        reached = [json.loads(relay.stop().stdout.splitlines()[-1]) for relay in own]
        lab.stop()
        written = sorted(path.name for path in folder.glob("*.talkpath"))
        late_ms = [late for name in written for late in control_late_ms(folder / name)]
    return {
        "written": written,
        "control_late_ms": late_ms,
        "out": outcome.stdout.decode(),
        "errors": outcome.stderr.decode()[-2000:],
        "code": outcome.exit_code,
        "reached": reached,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(checked(sys.argv[1:2], *sys.argv[2:])))
