"""`talkpath check` on a host of its own: what leaves the interface is what was announced, and a network that is lost
loses nothing that was measured."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from talkpath.conduct.question_choice import LOCAL_PORTS
from talkpath.evidence.bundle import read_facts
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers import namespace, netns, run
from talkpath.lab.drivers.sim import CONTROL_PORT, SIM_PORTS
from talkpath.lab.path.link import LAB_PROBE, PREFIXES_V4, RESPONDER
from talkpath.lab.rehearsal import rehearse_check
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Plan
from talkpath.verdict.validity import why_voided

ETHERNET_BYTES = 14
GOODBYE_BYTES = 1_200  # the receipt and the end of the connection come after the facts are closed
PLAN = make_plan(choose_arms(["webrtc"]), k=4, budget_bytes=700_000, budget_s=20.0)
# Whether there is one epoch more depends on when answers come; these bytes are enough for two, and for nothing else.
TWO_EPOCHS = replace(PLAN, packets=60, budget_bytes=780_000)


@contextmanager
def ready(folder: Path, family: int = 4, plan: Plan = PLAN) -> Iterator[tuple[netns.NetnsLab, list[str]]]:
    """A lab with a responder that serves, and the command of a check against it."""
    with netns.netns_lab(Scenario.parse("clean", (), 1, family).network()) as lab:
        far = lab.start(RESPONDER.name, run.respond_argv(folder, [str(port) for port in SIM_PORTS]))
        host = RESPONDER.ipv4 if family == 4 else f"[{RESPONDER.ipv6}]"
        yield lab, run.check_argv(folder, plan, run.link_to(far.line('"link"'), host, CONTROL_PORT, 0))


def stored(folder: Path) -> Facts:
    return read_facts((folder / "run.talkpath").read_bytes())


def counters(lab: netns.NetnsLab) -> tuple[int, int]:
    """(sent, received) bytes of IP packets at the probe's interface."""
    with lab.inside(LAB_PROBE.name):
        shown = subprocess.run(
            [str(namespace.system_tool("ip")), "-s", "-j", "link", "show", "eth0"], capture_output=True, check=True
        )
    stats = json.loads(shown.stdout)[0]["stats64"]
    return tuple(stats[way]["bytes"] - ETHERNET_BYTES * stats[way]["packets"] for way in ("tx", "rx"))  # type: ignore[return-value]


def ports_of(lab: netns.NetnsLab) -> int:
    """Local UDP and TCP ports in use on the probe's host."""
    with lab.inside(LAB_PROBE.name):
        rows = Path("/proc/thread-self/net/udp").read_text().splitlines()[1:]
        rows += Path("/proc/thread-self/net/tcp").read_text().splitlines()[1:]
    return len({row.split()[1] for row in rows})


def measured(family: int) -> dict[str, Any]:
    """A whole check, its bytes at the interface, and the ports that it held at a time."""
    with tempfile.TemporaryDirectory() as name, ready(Path(name), family, TWO_EPOCHS) as (lab, command):
        before, ports = counters(lab), 0
        program = lab.start(LAB_PROBE.name, command)
        while not program.ended(0.2):
            ports = max(ports, ports_of(lab))
        after = counters(lab)
        program.finish(1.0)
        facts = stored(Path(name))
        return {
            "interface": [b - a for a, b in zip(before, after, strict=True)],
            "told": [facts.bytes_sent, facts.bytes_received],
            "family": facts.family,
            "ports": ports,
            "epochs": len(facts.epochs),
            "void": why_voided(facts) is not None,
        }


@pytest.mark.parametrize("family", [4, 6])
def test_what_leaves_the_interface_is_what_was_announced(in_lab: Any, family: int) -> None:
    found = in_lab(measured, family)
    assert found["family"] == family
    for seen, told in zip(found["interface"], found["told"], strict=True):
        assert told == pytest.approx(seen, rel=0.01, abs=GOODBYE_BYTES)
    if found["void"]:
        pytest.skip("this machine was too busy to send on time, which ended the check: try again when it is quiet")
    assert found["epochs"] == 2
    if family == 4:
        total = rehearse_check(TWO_EPOCHS)["total"]
        assert total["bytes_sent"] == pytest.approx(found["interface"][0], rel=0.05)
        assert total["bytes_received"] == pytest.approx(found["interface"][1], rel=0.05)
        assert 0 < found["ports"] <= LOCAL_PORTS


def lost(down_s: float) -> dict[str, Any]:
    """The probe's link goes down in the middle, for so long (0: for good)."""
    with tempfile.TemporaryDirectory() as name, ready(Path(name)) as (lab, command):
        program = lab.start(LAB_PROBE.name, command)
        while "for longer" not in program.last_error_line() and not program.ended(0.05):
            pass
        time.sleep(1.0)
        since_s = time.monotonic()
        with lab.inside(LAB_PROBE.name):
            namespace.run_ip("link set eth0 down")
            if down_s:
                time.sleep(down_s)
                routes = [f"route add {net} dev eth0" for net in PREFIXES_V4]
                namespace.run_ip("link set eth0 up", *routes)
        outcome = program.finish(30.0)
        facts = stored(Path(name))
        return {
            "code": outcome.exit_code,
            "took_s": time.monotonic() - since_s,
            "said": outcome.stderr.decode(),
            "verdict": json.loads(outcome.stdout)["verdicts"][0],
            "ended": facts.health.ended,
            "changed": facts.health.network_changed,
            "epochs": sum(not epoch.missing for epoch in facts.epochs),
        }


@pytest.mark.long
def test_a_network_that_is_lost_keeps_what_was_measured(in_lab: Any) -> None:
    found = in_lab(lost, 0)
    assert found["code"] == 0
    assert found["took_s"] < 10
    assert (
        "This device's network was lost during the check. What was measured until then is judged all the same."
        in found["said"]
    )
    assert found["epochs"] > 0
    assert found["ended"] == "network_lost"
    if found["verdict"]["reason"]["code"] == "late":
        pytest.skip("this machine was too busy to send on time: try again when it is quiet")
    assert found["verdict"]["reason"]["code"] == "responder_lost"


@pytest.mark.long
def test_a_link_that_blinks_is_no_end_and_accuses_nobody(in_lab: Any) -> None:
    found = in_lab(lost, 0.4)
    assert found["code"] == 0
    assert (found["ended"], found["changed"]) == ("budget", False) or found["ended"] == "done"
    assert found["verdict"]["state"] in ("ok", "insufficient", "impaired")
