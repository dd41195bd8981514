"""A call on real sockets: the caller on the lab's probe host, relay and callee on a host of the app's network.

namespace.enter()
relay = app_relay("telegram")
with netns.box(scenario.network(), (*HOSTS, relay)) as lab:
    call = start_call(lab, relay, "telegram", 20.0, family=4)
    ...                                     # whatever is to see it: `lab.start(PROBE.name, ["talkpath", "listen", …])`
    outcome = call.finish()                 # how both ends saw it, and what reached the relay
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import msgspec

from talkpath.apps import apps
from talkpath.lab.drivers.netns import NetnsLab, Program
from talkpath.lab.path.link import LAB_PROBE, LabHost

CALL_PROGRAM = (sys.executable, "-m", "proof.relayed_calls")
CALLEE_PORT = 40_001
CALL_SLACK_S = 30.0


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call was: to the caller, to the callee, and what reached the relay (as their programs print it)."""

    caller: dict[str, Any]
    callee: dict[str, Any]
    relay: dict[str, int]


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call that runs."""

    seconds: float
    caller: Program
    callee: Program
    relay: Program

    def finish(self) -> CallOutcome:
        """Waits until the caller has hung up, and ends the others."""
        caller = self.caller.finish(self.seconds + CALL_SLACK_S)
        ends = caller, self.callee.stop(), self.relay.stop()
        return CallOutcome(*(msgspec.json.decode(end.stdout.splitlines()[-1]) for end in ends))


def start_relay(
    lab: NetnsLab, relay: LabHost, ports: tuple[int, ...], callee_port: int = 0, callee_host: str = ""
) -> Program:
    """Starts the app's relay. Without a callee it answers STUN greetings and counts what reaches it: its last line is
    {"stun": n, "other": n, "bytes": n} once it is stopped."""
    to = [str(callee_port), *filter(None, [callee_host])] if callee_port else []
    program = lab.start(relay.name, [*CALL_PROGRAM, "relay", ",".join(map(str, ports)), *to])
    program.line("ready")
    return program


def start_call(
    lab: NetnsLab, relay: LabHost, app: str, seconds: float, *, family: int = 4, seed: int = 0
) -> RunningCall:
    """Starts relay, callee and caller."""
    port = (apps()[app.partition("/")[0]].ports or (3478,))[0]
    words = [app, str(seconds), str(seed)]
    forwarding = start_relay(lab, relay, (port,), CALLEE_PORT)
    callee = lab.start(relay.name, [*CALL_PROGRAM, "callee", str(CALLEE_PORT), *words])
    callee.line("ready")
    host = relay.ipv4 if family == 4 else relay.ipv6
    caller = lab.start(LAB_PROBE.name, [*CALL_PROGRAM, "caller", host, str(port), *words])
    return RunningCall(seconds, caller, callee, forwarding)
