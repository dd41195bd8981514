"""Real checks in a real browser, through the lab's made-up network: what the page said, and whether that is the truth.

    python scripts/browser_cases.py               all cases, some 30 s each
    python scripts/browser_cases.py none srtp-up  those alone

Needs Linux, Chromium, playwright and talkpath[rtc]. All traffic stays in namespaces that the lab makes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from talkpath.lab import namespace, netns
from talkpath.lab.hosts import PROBE, RESPONDER
from talkpath.lab.scenario import Scenario

NEAR = Path(__file__).with_name("browser_near.py")
WEB, UDP = 8080, 4434
NICE = -15


@dataclass(frozen=True, slots=True)
class Case:
    """One network, and what may be said of it: (state, rule, direction) each; rule and direction None for any."""

    right: tuple[tuple[str, str | None, str | None], ...]
    rules: tuple[str, ...] = ()
    background: str = "clean"


def restricted(rule: str, direction: str) -> tuple[str, str, str]:
    """The right answer where something restricts."""
    return "restricted", rule, direction


def silent(direction: str) -> tuple[tuple[str, str, str], ...]:
    """All media of that way dropped: no packet tells "each one, by chance" from "from the handshake on"."""
    return restricted("media.freeze", direction), restricted("media.drop", direction)


INNOCENT = (("ok", None, None), ("impaired", None, None), ("insufficient", None, None), ("closed", None, None))

CASES = {
    "none": Case((("ok", None, None),)),
    "stun": Case((restricted("stun.drop", "up"),), ("stun.drop",)),
    "hello": Case((restricted("dtls.hello_drop", "up"),), ("dtls.hello_drop",)),
    "srtp-up": Case(silent("up"), ("media.drop,p=1,direction=up",)),
    "srtp-down": Case(silent("down"), ("media.drop,p=1,direction=down",)),
    "srtp-both": Case(silent("both"), ("media.drop,p=1",)),
    "drop30-up": Case((restricted("media.drop", "up"),), ("media.drop,p=0.3,direction=up",)),
    "drop10": Case((restricted("media.drop", "both"),), ("media.drop,p=0.1",)),
    "police": Case((restricted("media.police", "both"),), ("media.police,kbps=24",)),
    "freeze": Case((restricted("media.freeze", "both"),), ("media.freeze,after_s=4",)),
    "udp-block": Case((("closed", "udp.block", None),), ("udp.block",)),
    "bad-wifi": Case(INNOCENT, background="ge,loss=0.1"),
    "congestion": Case(INNOCENT, background="congestion"),
    "bufferbloat": Case(INNOCENT, background="bufferbloat"),
}


def play(case: Case, seed: int = 1) -> dict[str, Any]:
    """One check: {"text", "result", "late_p99_ms" of the lab's router}."""
    network = Scenario.parse(case.background, case.rules, seed).network()
    with TemporaryDirectory() as scratch, netns.box(network) as lab:
        far = [sys.executable, "-m", "talkpath", "respond", "--json", "--ports", "5000", "--key-file", f"{scratch}/key",
               "--web", str(WEB), "--web-udp", str(UDP)]  # fmt: skip
        lab.start(RESPONDER.name, far).line("link")
        file = Path(scratch, "near.json")
        near = [sys.executable, str(NEAR), f"http://{RESPONDER.ipv4}:{WEB}", str(file)]
        outcome = lab.start(PROBE.name, near).finish(150)
        health = lab.stop()
        if outcome.exit_code:
            raise SystemExit(f"Chromium's end failed: {outcome.stderr.decode()[-600:]}")
        return {**json.loads(file.read_text()), "late_p99_ms": health.late_p99_ms}


def be_prompt() -> None:
    """Before others on this machine, where that is allowed: a check whose ends are late is void."""
    with contextlib.suppress(OSError):
        os.setsid()  # a scheduling group of our own (sched(7), autogroup)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        Path("/proc/self/autogroup").write_text(str(NICE))


def is_right(case: Case, verdict: dict[str, Any]) -> bool:
    """Is it one of the right answers?"""
    found = verdict["state"], verdict["rule"], verdict["direction"]
    return any(
        all(want is None or want == have for want, have in zip(right, found, strict=True)) for right in case.right
    )


def main() -> None:
    """Play the cases asked for; one JSON object a line."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("cases", nargs="*", metavar="CASE")
    chosen = options.parse_args()
    if unknown := sorted(set(chosen.cases) - CASES.keys()):
        options.error(f"there is no case {unknown[0]}; there are: {', '.join(CASES)}")
    be_prompt()
    namespace.enter()
    for name in chosen.cases or CASES:
        found = play(CASES[name])
        verdict = found["result"]["json"]["verdicts"][0]
        row = {"case": name, "right": is_right(CASES[name], verdict), **found}
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
