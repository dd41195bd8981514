"""A queue of the kernel's own (`tc`) between probe and test server: what it holds is late, and not lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from factories.networks import nft_checks
from factories.networks.nft_router import NoRules, nft_router
from talkpath.lab.drivers import namespace
from talkpath.lab.path.link import LAB_PROBE, RESPONDER

pytestmark = [pytest.mark.long, pytest.mark.waits]


@contextmanager
def queued_router(rule: str, towards: str):  # type: ignore[no-untyped-def]
    """`nft_router` with a queue of that rate and length towards that host."""
    with nft_router("", "") as hosts:
        with hosts["gate"].inside():
            tc = str(namespace.system_tool("tc"))
            words = f"qdisc add dev {towards} root tbf rate {rule} burst 10kb"
            done = subprocess.run([tc, *words.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoRules(done.stderr)
        yield hosts


def record_behind_queue(queue: str, towards: str) -> Any:
    """In the lab: the object of a check of two apps."""
    vars(nft_checks)["nft_router"] = queued_router
    return nft_checks.record_through(queue, RESPONDER.ipv4, 20.0, ("webrtc", "signal"), towards)


@pytest.mark.parametrize(("towards", "way"), [(LAB_PROBE.name, "down"), (RESPONDER.name, "up")])
def test_what_a_queue_holds_is_not_told_as_lost(in_lab: Callable[..., Any], towards: str, way: str) -> None:
    shares = shares_lost(in_lab, "500kbit latency 8000ms", towards, [f"twins_lost_{way}"])
    assert sum(shares) / len(shares) < 0.2, shares


@pytest.mark.parametrize("towards", [LAB_PROBE.name, RESPONDER.name])
def test_nothing_is_told_as_lost_where_a_queue_holds_it_for_longer_than_a_check_waits(
    in_lab: Callable[..., Any], towards: str
) -> None:
    """It drops nothing, and what stands in it when the check ends is not known to be lost."""
    names = [f"{role}_lost_{way}" for role in ("calls", "twins") for way in ("up", "down")]
    assert max(shares_lost(in_lab, "200kbit latency 60000ms", towards, names)) < 0.02


def shares_lost(in_lab: Callable[..., Any], queue: str, towards: str, names: Sequence[str]) -> list[float]:
    """Those of the figures that a check behind the queue tells; nobody is accused."""
    if namespace.system_tool("tc") is None or namespace.system_tool("nft") is None:
        pytest.skip("needs tc and nft: apt install iproute2 nftables")
    found = nft_checks.on_time(lambda: in_lab(record_behind_queue, queue, towards))
    if isinstance(found, str):
        pytest.skip(found)
    assert {verdict["state"] for verdict in found["verdicts"]} <= {"insufficient", "ok", "impaired"}, found
    told = [verdict["figures"].get(name) for verdict in found["verdicts"] for name in names]
    shares = [share for share in told if share is not None]
    assert shares, found
    return shares
