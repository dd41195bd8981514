"""A queue of the kernel's own (`tc`) between probe and test server: what it holds is late, and not lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
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
    """`nft_router` with a queue of up to eight seconds towards that host."""
    with nft_router("", "") as hosts:
        with hosts["gate"].inside():
            tc = str(namespace.system_tool("tc"))
            words = f"qdisc add dev {towards} root tbf rate {rule} burst 10kb latency 8000ms"
            done = subprocess.run([tc, *words.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoRules(done.stderr)
        yield hosts


def record_behind_queue(rate: str, towards: str) -> Any:
    """In the lab: the object of a check of two apps."""
    vars(nft_checks)["nft_router"] = queued_router
    return nft_checks.record_through(rate, RESPONDER.ipv4, 20.0, ("webrtc", "signal"), towards)


@pytest.mark.parametrize(("towards", "way"), [(LAB_PROBE.name, "down"), (RESPONDER.name, "up")])
def test_what_a_queue_holds_is_not_told_as_lost(in_lab: Callable[..., Any], towards: str, way: str) -> None:
    if namespace.system_tool("tc") is None or namespace.system_tool("nft") is None:
        pytest.skip("needs tc and nft: apt install iproute2 nftables")
    found = nft_checks.on_time(lambda: in_lab(record_behind_queue, "500kbit", towards))
    if isinstance(found, str):
        pytest.skip(found)
    figures = [verdict["figures"].get(f"twins_lost_{way}") for verdict in found["verdicts"]]
    shares = [share for share in figures if share is not None]
    assert shares, found
    assert sum(shares) / len(shares) < 0.2, shares
