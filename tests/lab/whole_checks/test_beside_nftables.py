"""`check --beside`: the difference between two networks, by the real programs through nftables: a check without a rule,
then one with it, or without, beside the first."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest

from factories.networks.nft_router import NoRules, load_rules, nft_router
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.program import Program
from talkpath.lab.drivers.sim import CONTROL_PORT, SIM_PORTS
from talkpath.lab.path.link import LAB_PROBE, RESPONDER
from talkpath.report.words.other_checks import network_lines

TALKPATH, BUDGET_S = (sys.executable, "-m", "talkpath"), 12.0
RESPOND = ("respond", "--json", "--port", str(CONTROL_PORT), "--ports", ",".join(map(str, SIM_PORTS)))


def compared_networks(rule: str) -> dict[str, Any] | str:
    """In the lab: the second check's object, and what it says; text where this kernel cannot."""
    try:
        with nft_router("", "") as hosts, TemporaryDirectory() as name:
            folder = Path(name)
            argv = [*TALKPATH, *RESPOND, "--class", "home", "--key-file", str(folder / "key.pem")]
            with Program(argv, hosts[RESPONDER.name].start) as far:
                told = json.loads(far.line('"link"'))
                plan = make_plan(choose_arms(("webrtc",)), budget_s=BUDGET_S)
                (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
                link = f"{RESPONDER.ipv4}:{CONTROL_PORT}?token={told['token']}#{told['key']}"
                check = [*TALKPATH, "check", link, "-4", "--plan", str(folder / "plan.json"), "--json"]
                wifi = str(folder / "wifi.talkpath")
                first = Program([*check, "-o", wifi], hosts[LAB_PROBE.name].start).finish(BUDGET_S + 60)
                assert first.exit_code == 0, first.stderr.decode()
                if rule:
                    with hosts["gate"].inside():
                        load_rules(rule)
                second = Program([*check, "--beside", wifi], hosts[LAB_PROBE.name].start).finish(BUDGET_S + 60)
                assert second.exit_code == 0, second.stderr.decode()
                return dict(json.loads(second.stdout))
    except NoRules as error:
        return str(error)


@pytest.mark.long
@pytest.mark.waits
@pytest.mark.parametrize(
    ("rule", "worse"), [("meta l4proto udp @th,96,32 0x2112a442 drop", "here"), ("", "")], ids=["rule", "no-rule"]
)
def test_this_network_is_told_from_the_one_measured_before(in_lab: Callable[..., Any], rule: str, worse: str) -> None:
    if namespace.system_tool("nft") is None:
        pytest.skip("needs nft: apt install nftables")
    record = in_lab(compared_networks, rule)
    if isinstance(record, str):
        pytest.skip(f"needs nftables in the kernel: {record.splitlines()[0]}")
    assert [row["worse"] for row in record["beside"]] == [worse]
    (line,) = network_lines(record)
    assert ("fare worse on this network" in line) == bool(worse)
