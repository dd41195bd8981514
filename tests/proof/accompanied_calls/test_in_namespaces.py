"""`talkpath listen -i eth0 LINK`, and `talkpath.listen`, on real sockets, beside a call through the app's own relay."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proof.relayed_calls.namespaces import start_call
from talkpath.lab.drivers import netns
from talkpath.lab.drivers.run import ALSO_PORT, CONTROL_PORT, link_to, respond_argv
from talkpath.lab.path.link import HOSTS, LAB_PROBE, RESPONDER
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.lab.scenario import Scenario
from talkpath.verdict.bases.accompanied_call import MOST_LATE_MS

InLab = Callable[..., Any]

TALKPATH = [sys.executable, "-m", "talkpath"]
SECONDS, AFTER_S = 17.0, 1.0
TRIES = 3
TOO_BUSY = f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet"
SCRIPT = Path(__file__).with_name("listen_in_python.py")


def listened_on_time(in_lab: InLab, *asked: str) -> dict[str, Any]:
    """What is told of a call, again where this machine sent control traffic too late to be beside it."""
    for _ in range(TRIES):
        found: dict[str, Any] = in_lab(listened, *asked)
        if all((control["late_ms_p99"] or 0.0) <= MOST_LATE_MS for control in found["result"]["controls"]):
            return found
    pytest.skip(TOO_BUSY)


def listened(app: str, rule: str) -> dict[str, Any]:
    """What is told of a call of the app while a rule acts."""
    relay = app_relay(app)
    scenario = Scenario.parse("clean", [rule] if rule else [], 1, 4)
    with (
        tempfile.TemporaryDirectory() as folder,
        netns.netns_lab(scenario.network(), (*HOSTS, relay)) as lab,
    ):
        bundle = Path(folder, "call.talkpath")
        far = lab.start(RESPONDER.name, respond_argv(Path(folder), ("3478", "5000", "6000")))
        link = link_to(far.line("token"), RESPONDER.ipv4, CONTROL_PORT, ALSO_PORT)
        listening = lab.start(LAB_PROBE.name, [*TALKPATH, "listen", "-i", "eth0", link, "--json", "-o", str(bundle)])
        listening.line("talkpath.live")
        start_call(lab, relay, app, SECONDS).finish()
        time.sleep(AFTER_S)
        done = listening.stop()
        lab.stop()
        verified = lab_verified(bundle)
    *_, result = map(json.loads, done.stdout.decode().splitlines())
    return {"result": result, "told": done.stderr.decode(), "verified": verified}


def listened_from_python(app: str, seconds: float) -> dict[str, Any]:
    """What a program is told of a call of the app that nothing restricts."""
    relay = app_relay(app)
    with (
        tempfile.TemporaryDirectory() as folder,
        netns.netns_lab(Scenario.parse("clean", [], 1, 4).network(), (*HOSTS, relay)) as lab,
    ):
        far = lab.start(RESPONDER.name, respond_argv(Path(folder), ("3478", "5000", "6000")))
        link = link_to(far.line("token"), RESPONDER.ipv4, CONTROL_PORT, ALSO_PORT)
        listening = lab.start(LAB_PROBE.name, [sys.executable, str(SCRIPT), link, str(seconds + 8.0)])
        listening.line("listening")
        start_call(lab, relay, app, seconds).finish()
        done = listening.finish(30.0)
        lab.stop()
    assert done.stdout, done.stderr.decode()[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    return found


def lab_verified(bundle: Path) -> int:
    """How many calls with control traffic a reader of the evidence finds."""
    from talkpath.api.verification import read_bundle

    findings = read_bundle(bundle).findings
    return len(findings.controls) if findings else 0


@pytest.mark.long
def test_a_call_that_goes_silent_is_told_beside_control_traffic_that_did_not(in_lab: InLab):
    found = listened_on_time(in_lab, "whatsapp", "media.freeze,app=whatsapp,to=app,after_s=4")
    result = found["result"]
    (call,), (control,) = result["calls"], result["controls"]
    assert call["app"] == "whatsapp"
    assert (call["outcome"], call["verdict"]["reason"]["code"]) == ("went_silent", "one_call"), found["told"]
    assert call["verdict"]["alternatives"][0] == "media.freeze"
    assert len(control["flows"]) >= 47, "eight at a time, most of them change to fresh ones"
    assert control["late_ms_p99"] < 50.0, "later ones are not used; in virtual time it is 20"
    assert found["verified"] == 1
    assert "198.18." not in json.dumps(found)


@pytest.mark.long
def test_a_program_is_shown_the_call_and_told_of_control_traffic_beside_it(in_lab: InLab):
    found = in_lab(listened_from_python, "signal", 6.0)
    assert found["shown"]
    (recording,) = found["recordings"]
    (call,), (control,) = recording["calls"], recording["controls"]
    assert call["media"] == ["voice"]
    assert len(control["flows"]) >= 8
    sent, came = (sum(flow[name] for flow in control["flows"]) for name in ("sent_up", "arrived_up"))
    assert came >= 0.9 * sent > 0, "the test server told what arrived"
    assert sum(flow["arrived_down"] for flow in control["flows"]) > 0
    assert "198.18." not in json.dumps(found)
