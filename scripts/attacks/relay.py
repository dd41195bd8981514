"""Attacks on the TURN relay of a check page, against the real coturn in a network namespace of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from attacks.stage import Attack, Finding
from talkpath.browser import turn_relay
from talkpath.lab.drivers import namespace

SCRIPT = Path(__file__).parents[2] / "tests/browser/turn_attacks.py"
REFUSED = {
    "neighbour, IPv4": 403,
    "loopback, IPv4": 403,
    "neighbour, IPv6": 403,
    "loopback, IPv6": 403,
    "mapped, IPv6": 403,
    "TCP relay": 442,
    "forged": 401,
    "expired": 401,
}


def relay_attacks(folder: Path) -> Finding:
    """Peers other than the server's own address, relays over TCP, forged and old credentials, many allocations."""
    if why := namespace.why_unavailable() or (
        "" if shutil.which(turn_relay.TURN_PROGRAM) else "coturn is not installed"
    ):
        return Finding(False, f"not played: {why}")
    argv = namespace.namespace_command([sys.executable, str(SCRIPT)])
    answers = json.loads(subprocess.run(argv, capture_output=True, timeout=80, check=True).stdout)
    let_in = [name for name, code in REFUSED.items() if answers.get(name) != code]
    most = answers["allocations of one credential"]
    told = (
        f"let in: {', '.join(let_in) or 'none'}; {most} allocations a credential, {answers['relayed in 4 s']} B in 4 s"
    )
    bounded = most <= turn_relay.MAX_PER_CHECK and answers["relayed in 4 s"] < 6 * turn_relay.MAX_BYTES_PER_S
    return Finding(not let_in and bounded, told)


ATTACKS = (Attack("TURN: other peers, TCP, forged credentials, floods", "refused, and bounded", relay_attacks),)
