"""Runs a relay or one end of a call as a program of its own, for the hosts of the netns driver.

python -m proof.relayed_calls relay PORT[,PORT…] [CALLEE_PORT]
python -m proof.relayed_calls callee PORT APP[/VARIANT] SECONDS SEED
python -m proof.relayed_calls caller HOST PORT APP[/VARIANT] SECONDS SEED

The relay forwards to that port of its own host; without one it only counts, and answers STUN greetings. The first two
print "ready" and run until SIGTERM; each prints one JSON object at its end: the relay what reached it, an end how its
call was.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable

from proof.relayed_calls.call_end import CallEnd
from proof.relayed_calls.forwarder import Forwarder, Stop, ip_families, listening_socket
from proof.relayed_calls.live_end import run_call_end
from proof.relayed_calls.script import CallScript, shape_of

HOUR_S = 3600.0
HERE = "127.0.0.1"


def main() -> None:
    """Does what the first argument says."""
    command, *rest = sys.argv[1:]
    stop = Stop()
    commands: dict[str, Callable[..., dict[str, object]]] = {
        "relay": run_relay,
        "callee": run_callee,
        "caller": run_caller,
    }
    outcome = commands[command](stop, *rest)
    sys.stdout.write(json.dumps(outcome) + "\n")


def run_relay(stop: Stop, ports: str, callee_port: str = "", callee_host: str = HERE) -> dict[str, object]:
    """Forwards until it is stopped; what reached it."""
    callee = (callee_host, int(callee_port)) if callee_port else None
    forwarder = Forwarder([int(port) for port in ports.split(",")], callee)
    _print_ready()
    while not stop.asked:
        forwarder.step(0.2)
    forwarder.close()
    return dict(forwarder.counts)


def run_callee(stop: Stop, port: str, app: str, seconds: str, seed: str) -> dict[str, object]:
    """Answers one call."""
    end = CallEnd(_call_script(app, seconds, seed), "down", 0.0)
    sock = listening_socket(ip_families()[0], int(port))
    _print_ready()
    return run_call_end(sock, end, None, stop, time.monotonic() + HOUR_S)


def run_caller(stop: Stop, host: str, port: str, app: str, seconds: str, seed: str) -> dict[str, object]:
    """Calls, talks for that long, and hangs up."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    end = CallEnd(_call_script(app, seconds, seed), "up", time.monotonic())
    return run_call_end(sock, end, (host, int(port)), stop, time.monotonic() + float(seconds))


def _call_script(app: str, seconds: str, seed: str) -> CallScript:
    return CallScript.of(shape_of(app), float(seconds), seed)


def _print_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
