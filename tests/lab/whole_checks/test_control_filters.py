"""Filters that act on the control channel, by nftables in the kernel: whose fault it is cannot be told, so both
explanations are, and there is always JSON and a bundle. Nothing of it is ever told as a restriction of calls.

Real processes in network namespaces. All cases are played at once, for most take ten seconds by their nature.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest

from factories.networks.nft_router import NoRules, load_rules, nft_router
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.drivers.program import Program
from talkpath.lab.drivers.sim import CONTROL_PORT, SIM_PORTS
from talkpath.lab.path.link import LAB_PROBE, RESPONDER

pytestmark = pytest.mark.long

InLab = Callable[..., Any]

TALKPATH = (sys.executable, "-m", "talkpath")
AT_ONCE, BUDGET_S, ALSO, AMID_S = 3, 15.0, 443, 8.0
HELLO = "@th,256,16 0x1603"  # a TLS handshake record first in a segment whose TCP header has 32 bytes (timestamps)
SYN = "tcp flags & (syn | ack) == syn"


class Filter(NamedTuple):
    """A rule, and what a check behind it says: exit code, `reach.control`, state, reason, and words of its sentence.
    The rule acts from the start, or `amid`: AMID_S later."""

    rule: str
    code: int
    control: str
    state: str
    reason: str | None
    said: tuple[str, ...]
    also: bool = False
    amid: bool = False


FILTERS = {
    "a reset on SYN": Filter(
        f"{SYN} reject with tcp reset",
        3,
        "refused",
        "unreachable",
        "server_off",
        ("refused", "something on the way refuses"),
    ),
    "SYN dropped": Filter(
        f"{SYN} drop", 3, "timeout", "unreachable", None, ("does not answer", "something on the way drops")
    ),
    "ClientHello dropped": Filter(
        f"tcp dport {CONTROL_PORT} {HELLO} drop",
        3,
        "silent",
        "insufficient",
        "handshake",
        ("takes connections, but the TLS handshake gets no answer", "TLS is treated apart", "another network"),
    ),
    "ClientHello answered by a reset": Filter(
        f"tcp dport {CONTROL_PORT} {HELLO} reject with tcp reset",
        3,
        "reset",
        "insufficient",
        "handshake",
        ("answered by a reset", "TLS is treated apart", "another test server"),
    ),
    "all data dropped": Filter(
        f"tcp dport {CONTROL_PORT} tcp flags & psh == psh drop",
        3,
        "silent",
        "insufficient",
        "handshake",
        ("gets no answer", "not answered either"),
    ),
    "the address blocked in the middle": Filter(
        f"ip saddr {LAB_PROBE.ipv4} drop",
        0,
        "connected",
        "insufficient",
        "responder_lost",
        ("fell silent", "A new connection gets no answer", "drops what is sent to its address", "is judged"),
        amid=True,
    ),
    "one port of two": Filter(f"tcp dport {CONTROL_PORT} {HELLO} drop", 0, "connected", "", None, (), also=True),
    "MTU 576 without ICMP": Filter("meta length > 576 drop", 0, "connected", "", None, ()),
}


def checked(rule: str, also: bool, amid: bool) -> dict[str, Any] | str:
    """In the lab: a check behind the rule, and what verify, judge and report make of its bundle. Text: not run."""
    try:
        with nft_router("counter" if amid else rule) as hosts, TemporaryDirectory() as name:
            return _checked(hosts, Path(name), also, rule if amid else "")
    except NoRules as error:
        return str(error)


def _checked(hosts: Mapping[str, Namespace], folder: Path, also: bool, later: str) -> dict[str, Any]:
    ports = ["--port", str(CONTROL_PORT), "--ports", ",".join(map(str, SIM_PORTS)), "--tls-ports", str(ALSO)]
    key = ["--key-file", str(folder / "key.pem")]
    with Program([*TALKPATH, "respond", "--json", *ports, "--class", "home", *key], hosts[RESPONDER.name].start) as far:
        told = json.loads(far.line('"link"'))
        watch_s = 2 * AMID_S if later else 0.0
        plan = make_plan(choose_arms(["webrtc"]), k=4, budget_s=BUDGET_S, budget_bytes=2_500_000, watch_s=watch_s)
        (folder / "plan.json").write_bytes(msgspec.json.encode(plan))
        query = f"?token={told['token']}" + (f"&also={ALSO}" if also else "")
        link = f"talkpath://{RESPONDER.ipv4}:{CONTROL_PORT}/{query}#{told['key']}"
        bundle = folder / "run.talkpath"
        argv = [*TALKPATH, "check", link, "--plan", str(folder / "plan.json"), "--json", "-o", str(bundle)]
        since_s = time.monotonic()
        check = Program(argv, hosts[LAB_PROBE.name].start)
        if later:
            time.sleep(AMID_S)
            with hosts["gate"].inside():
                load_rules(later)
        done = check.finish(BUDGET_S + 60)
    read = {word: _read(word, bundle) for word in ("verify", "judge", "report")}
    return {
        "code": done.exit_code,
        "stderr": done.stderr.decode(),
        "result": json.loads(done.stdout),
        "took_s": time.monotonic() - since_s,
        **read,
    }


def _read(word: str, bundle: Path) -> Any:
    done = subprocess.run([*TALKPATH, word, str(bundle), "--json"], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def played(in_lab: InLab) -> dict[str, Any]:
    """Every filter's check."""
    if namespace.system_tool("nft") is None:
        pytest.skip("needs nft: apt install nftables")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda each: in_lab(checked, each.rule, each.also, each.amid), FILTERS.values()))
    reasons = [each for each in found if isinstance(each, str)]
    if reasons:
        pytest.skip(f"needs nftables in the kernel: {reasons[0].splitlines()[0]}")
    return dict(zip(FILTERS, found, strict=True))


@pytest.mark.parametrize("name", FILTERS)
def test_what_was_seen_is_told_with_both_explanations(played: dict[str, Any], name: str) -> None:
    want, told = FILTERS[name], played[name]
    said = [line for line in told["stderr"].splitlines() if line.startswith("talkpath: ") and "receipt" not in line]
    (verdict,) = told["result"]["verdicts"]
    if (verdict["reason"] or {}).get("code") == "late":
        pytest.skip("this machine was too busy to send on time: try again when it is quiet")
    assert told["code"] == want.code, told["stderr"]
    assert [part for part in want.said if part not in " ".join(said)] == [], said
    assert bool(said) == bool(want.said), said
    assert told["result"]["reach"]["control"] == want.control
    assert verdict["state"] != "restricted"
    assert verdict["state"] == want.state or not want.state, verdict
    assert (verdict["reason"] or {}).get("code") == want.reason or not want.state, verdict
    assert RESPONDER.ipv4 not in told["stderr"] + json.dumps(told["result"])


@pytest.mark.parametrize("name", FILTERS)
def test_there_is_a_bundle_that_everything_reads(played: dict[str, Any], name: str) -> None:
    told = played[name]
    assert told["verify"]["kind"] == "check", told["verify"]
    assert told["judge"]["changes"] == []
    assert told["judge"]["verdicts"] == told["result"]["verdicts"]
    assert told["report"]["reach"] == told["result"]["reach"]


def test_each_attempt_is_a_fact(played: dict[str, Any]) -> None:
    attempts = played["ClientHello dropped"]["result"]["reach"]["attempts"]
    assert [(each["hello"], each["outcome"]) for each in attempts] == [
        ("bare", "silent"),
        ("named", "silent"),
        ("random", "closed"),
    ]
    attempts = played["one port of two"]["result"]["reach"]["attempts"]
    assert [(each["port"], each["outcome"]) for each in attempts] == [(CONTROL_PORT, "silent"), (ALSO, "connected")]


def test_small_segments_come_through_where_large_ones_vanish(played: dict[str, Any]) -> None:
    told = played["MTU 576 without ICMP"]
    attempts = told["result"]["reach"]["attempts"]
    assert attempts[-1]["outcome"] == "connected"
    assert attempts[-1]["segment"] == 536
    assert all(attempt["outcome"] in ("silent", "stalled") for attempt in attempts[:-1])
