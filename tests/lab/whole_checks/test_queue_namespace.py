"""A queue of the kernel's own (`tc`) between probe and test server: what it holds is late, and not lost."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from factories.networks import nft_checks
from factories.networks.nft_router import NoRules, nft_router
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers.namespace import Namespace
from talkpath.lab.path.link import LAB_PROBE, RESPONDER

pytestmark = [pytest.mark.long, pytest.mark.waits]
LOST = ("calls_lost_up", "calls_lost_down", "twins_lost_up", "twins_lost_down")
ONE_PACKET = 0.01
"""Of the hundred or so that most of these shares are told of."""
QUEUE: dict[str, int] = {}
"""What the kernel counted in the queue of the last check."""


def ask_tc(gate: Namespace, words: str) -> str:
    """What `tc` prints in the router's namespace."""
    with gate.inside():
        argv = [str(namespace.system_tool("tc")), *words.split()]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoRules(done.stderr)
    return done.stdout


@contextmanager
def queued_router(rate: str, towards: str) -> Iterator[Mapping[str, Namespace]]:
    """`nft_router` with a queue of up to eight seconds towards that host."""
    with nft_router("", "") as hosts:
        ask_tc(hosts["gate"], f"qdisc add dev {towards} root tbf rate {rate} burst 10kb latency 8000ms")
        yield hosts
        (queue,) = json.loads(ask_tc(hosts["gate"], f"-s -j qdisc show dev {towards} root"))
        QUEUE.update({name: queue[name] for name in ("packets", "drops", "overlimits")})


def record_behind_queue(rate: str, towards: str) -> Any:
    """In the lab: the object of a check of two apps, and what the kernel counted."""
    vars(nft_checks)["nft_router"] = queued_router
    found = nft_checks.record_through(rate, RESPONDER.ipv4, 20.0, ("webrtc", "signal"), towards)
    return found if isinstance(found, str) else {**found, "queue": QUEUE}


@pytest.mark.parametrize("towards", [LAB_PROBE.name, RESPONDER.name])
def test_what_a_queue_holds_is_not_told_as_lost(in_lab: Callable[..., Any], towards: str) -> None:
    """It read as 56 of 100 lost where the kernel had dropped 9 of 43 700."""
    if namespace.system_tool("tc") is None or namespace.system_tool("nft") is None:
        pytest.skip("needs tc and nft: apt install iproute2 nftables")
    found = nft_checks.on_time(lambda: in_lab(record_behind_queue, "500kbit", towards))
    if isinstance(found, str):
        pytest.skip(found)
    queue, told = found["queue"], [verdict["figures"].get(name) for verdict in found["verdicts"] for name in LOST]
    shares = [share for share in told if share is not None]
    assert queue["overlimits"] > 1000, "it held packets back"
    assert shares, found
    assert max(shares) <= queue["drops"] / queue["packets"] + ONE_PACKET, (shares, queue)
    assert not {verdict["state"] for verdict in found["verdicts"]} & {"restricted"}
