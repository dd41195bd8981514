"""The observatory's systemd unit is as strict as the responder's, except where its comment says why it cannot be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
OWN = ("ExecStart", "Environment", "StateDirectory", "AmbientCapabilities", "MemoryHigh", "MemoryMax", "TasksMax")
"""Settings that name the service, its rights and its size."""


def settings(name: str) -> Counter[tuple[str, str]]:
    lines = (DEPLOY / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
    return Counter((key, value) for key, value in pairs if key not in OWN)


def test_it_lacks_nothing_of_the_responders_but_what_it_says():
    missing = settings("talkpath-respond.service") - settings("talkpath-observatory.service")
    assert set(missing) - {("Description", "talkpath responder, the consenting far end of call checks")} == {
        ("SystemCallFilter", "~@privileged @resources"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_NETLINK"),
        ("CapabilityBoundingSet", "CAP_NET_BIND_SERVICE"),
    }
    own = settings("talkpath-observatory.service")
    assert own["SystemCallFilter", "~@privileged"]
    assert own["CapabilityBoundingSet", ""], "it has no right at all"
    assert "\nMemoryMax=" in (DEPLOY / "talkpath-observatory.service").read_text(encoding="utf-8")
