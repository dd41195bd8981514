"""`talkpath listen` beside calls through a relay that nftables silences, and on a line that nftables makes poor: real
sockets on a router of Linux, nothing of the lab's restrictor."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from factories.networks.nft_router import NoRules, load_rules, nft_router
from proof.relayed_calls.namespaces import start_call
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Program
from talkpath.lab.path.link import LAB_PROBE, RESPONDER, LabHost
from talkpath.lab.restrictor.app_networks import app_relay
from talkpath.verdict.bases.accompanied_call import MOST_LATE_MS

pytestmark = [pytest.mark.long, pytest.mark.waits]
TALKPATH = (sys.executable, "-m", "talkpath")
CONTROL_PORT, PORTS = 4433, "3478,443,5349,19302"
APP, SECONDS, BREAK_S, AMID_S, TRIES = "whatsapp", 17.0, 4.0, 5.0, 3
CHECKING_APP = "signal"
"""Its ends check each other (STUN) through the relay as long as the call lasts, and report often (RTCP)."""
FLOW = "ct original proto-src . ct original proto-dst"
ALIVE = f"set alive {{ typeof {FLOW}; flags dynamic,timeout; timeout 4000ms; }}"
STUN = "@th,96,32 0x2112a442"
BEGUN = f"ip daddr 198.18.0.0/16 meta l4proto udp {STUN} ct mark 0 add @alive {{ {FLOW} }} ct mark set 1\n"
SILENCED = f"{BEGUN}ct mark 1 {FLOW} != @alive drop"
"""Four seconds after its first STUN message, nothing of a call to an app's relay passes, either way."""
MEDIA_SILENCED = f"{BEGUN}ct mark 1 {FLOW} != @alive {STUN} accept\nct mark 1 {FLOW} != @alive drop"
"""The same of a call's media and reports: the two ends' checks of each other pass."""
POOR_LINE = "meta l4proto udp numgen random mod 100 < 20 drop"
CONTROL_CUT = f"tcp dport {CONTROL_PORT} drop\ntcp sport {CONTROL_PORT} drop"


class _Hosts(NamedTuple):
    """What `start_call` needs of a lab: programs on hosts."""

    hosts: Mapping[str, Namespace]

    def start(self, host: str, argv: Sequence[str]) -> Program:
        return Program(argv, self.hosts[host].start, host)


@contextmanager
def _beside_relay(known: LabHost, rule: str, sets: str) -> Iterator[Mapping[str, Namespace]]:
    """`nft_router` with that relay of an app as a third host."""
    with nft_router(rule, sets) as hosts, ExitStack() as undo:
        relay = Namespace.new("relay")
        undo.callback(relay.close)
        _attach_host(hosts["gate"], relay, known)
        hosts[LAB_PROBE.name].ip(f"route add {known.ipv4}/32 via 192.0.2.1")
        yield {**hosts, known.name: relay}


def _attach_host(gate: Namespace, host: Namespace, known: LabHost) -> None:
    gate.ip(
        f"link add relay type veth peer name eth0 netns {host.path}",
        "addr add 10.0.9.1/32 dev relay",
        "link set relay up",
        f"route add {known.ipv4}/32 dev relay",
    )
    host.ip(
        f"addr add {known.ipv4}/32 dev eth0",
        "link set eth0 up",
        "route add 10.0.9.1/32 dev eth0",
        "route add default via 10.0.9.1",
    )


def listened(app: str, rule: str, sets: str, calls: int, later: str) -> dict[str, Any] | str:
    """In the lab: what `talkpath listen LINK` tells of so many calls; `later` acts from AMID_S on. Text: not run."""
    relay = app_relay(app)
    try:
        with _beside_relay(relay, rule, sets) as hosts, tempfile.TemporaryDirectory() as name, ExitStack() as running:
            key, ports = ["--key-file", str(Path(name, "key.pem"))], ["--port", str(CONTROL_PORT), "--ports", PORTS]
            argv = [*TALKPATH, "respond", "--json", *ports, "--class", "home", *key]
            far = running.enter_context(Program(argv, hosts[RESPONDER.name].start))
            told = json.loads(far.line('"link"'))
            link = f"{RESPONDER.ipv4}:{CONTROL_PORT}?token={told['token']}#{told['key']}"
            argv = [*TALKPATH, "listen", "-i", "eth0", link, "--json"]
            near = running.enter_context(Program(argv, hosts[LAB_PROBE.name].start))
            near.line("talkpath.live")
            for seed in range(calls):
                call = start_call(_Hosts(hosts), relay, app, SECONDS, seed=seed)  # type: ignore[arg-type]
                if later:
                    time.sleep(AMID_S)
                    with hosts["gate"].inside():
                        load_rules(later)
                call.finish()
                time.sleep(BREAK_S)
            done = near.stop()
    except NoRules as error:
        return str(error)
    lines = done.stdout.decode().splitlines()
    return {"result": json.loads(lines[-1]), "told": done.stderr.decode(), "code": done.exit_code}


def told_of(
    in_lab: Callable[..., Any], rule: str, sets: str = "", calls: int = 1, later: str = "", app: str = APP
) -> dict[str, Any]:
    """What is told, again where control traffic left too late to be beside the calls."""
    if namespace.system_tool("nft") is None:
        pytest.skip("needs nft: apt install nftables")
    for _ in range(TRIES):
        found = in_lab(listened, app, rule, sets, calls, later, timeout_s=60.0 + calls * (SECONDS + BREAK_S))
        if isinstance(found, str):
            pytest.skip(f"needs nftables in the kernel: {found.splitlines()[0]}")
        late_ms = [control["late_ms_p99"] or 0.0 for control in found["result"]["controls"]]
        if late_ms and max(late_ms) <= MOST_LATE_MS:
            return dict(found)
    pytest.skip(f"this machine was too busy to send on time in {TRIES} runs: try again when it is quiet")


def silenced_calls(in_lab: Callable[..., Any], rule: str, app: str) -> dict[str, Any]:
    """What is told of three calls, each of which alone proves nothing."""
    result: dict[str, Any] = told_of(in_lab, rule, ALIVE, calls=3, app=app)["result"]
    assert [call["app"] for call in result["calls"]] == [app] * 3
    for call in result["calls"]:
        verdict = call["verdict"]
        said = call["outcome"], verdict["state"], verdict["reason"]["code"]
        assert said == ("went_silent", "insufficient", "one_call")
        assert verdict["alternatives"][0] == "media.freeze"
        assert verdict["parameters"]["after_s"]["low"] <= 4.0 <= verdict["parameters"]["after_s"]["high"] + 0.1
    assert len(result["controls"][0]["flows"]) >= 47
    return result


@pytest.mark.parametrize("app", [APP, CHECKING_APP])
def test_calls_that_are_silenced_at_the_same_second_fit_a_rule_and_prove_none(
    in_lab: Callable[..., Any], app: str
) -> None:
    """A relay with a timer of its own falls silent alike, so that three equal moments accuse nobody."""
    result = silenced_calls(in_lab, SILENCED, app)
    assert not any("answered_silence" in call["verdict"]["figures"] for call in result["calls"])
    assert "together" not in result


def test_calls_whose_media_freeze_while_their_ends_still_answer_each_other_prove_a_rule(
    in_lab: Callable[..., Any],
) -> None:
    """The other end, and the relay between, are there each time."""
    (found,) = silenced_calls(in_lab, MEDIA_SILENCED, CHECKING_APP)["together"]
    assert (found["app"], found["state"], found["rule"]) == (CHECKING_APP, "restricted", "media.freeze")
    assert found["direction"] is None, "what became of what this end sent is not known"
    (parameter,) = found["parameters"].items()
    assert parameter[0] == "after_s"
    assert parameter[1]["low"] <= 4.0 <= parameter[1]["high"]


def test_a_line_that_loses_a_fifth_of_everything_is_never_told_as_clean(in_lab: Callable[..., Any]) -> None:
    """The control channel dies amid the call, so that the test server's word of what arrived does not come."""
    found = told_of(in_lab, POOR_LINE, later=CONTROL_CUT)
    (call,) = found["result"]["calls"]
    figures = call["verdict"]["figures"]
    assert figures.get("control_lost_down_pct") is None or figures["control_lost_down_pct"] > 10
    assert figures.get("control_lost_up_pct") is None or figures["control_lost_up_pct"] > 10
    assert "lost 0.0" not in found["told"]
    assert (call["verdict"]["state"], call["verdict"]["reason"]["code"]) == ("insufficient", "no_control")
