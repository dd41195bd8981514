"""Datagrams per CPU second of `talkpath respond` on loopback, and how many checks at once one core can serve.

    python bench/respond.py [CHECKS] [--beside COMMIT] [--profile]

A responder with tokens, receipts and its thread that lays out epochs runs in a process of its own; beside it, CHECKS
(default 4) real checks of all voice arms, each a process, for SECONDS at their real pace. Counted are the datagrams
that the responder took and sent, by the facts of the checks, and the CPU time of its whole process, the control channel
and layouts included; with `--beside` at the responder of another commit first. On loopback a sender pays for the
delivery too. Wanted are 75 000. A check ends when all is decided, after some 5 s where nothing is lost, so that what is
spent once for each of its epochs weighs more than in a long call: it is told apart.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from beside import ROOT, count, sources, with_sources

from talkpath.conduct.request import CheckRequest
from talkpath.conduct.run_check import run_check
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Facts
from talkpath.probe.invite_link import InviteLink, parse_invite_link
from talkpath.responder.driver import ResponderDriver
from talkpath.responder.limits import Identity, Limits
from talkpath.responder.receipts import ReceiptSigner
from talkpath.responder.responder import Responder
from talkpath.wire.control.invitation import Invitations, until_text
from talkpath.wire.control.keys import Signer, new_identity_pem, raw_key_text

CHECKS, SECONDS = 4, 20.0
HOST = "127.0.0.1"
PORTS = 16
OWN = "own"  # the argument of the child processes


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    ends = [socket.socket() for _ in range(count)]
    for end in ends:
        end.bind((HOST, 0))
    ports = [end.getsockname()[1] for end in ends]
    for end in ends:
        end.close()
    return ports


def serve(profiled: bool) -> None:
    """Prints the link; serves until its input ends; prints the CPU seconds since then."""
    control, *udp = free_ports(PORTS + 1)
    with TemporaryDirectory() as folder:
        pem = Path(folder) / "key.pem"
        pem.write_bytes(new_identity_pem())
        signer = Signer.of_pem(pem.read_bytes())
        invitations = Invitations(signer)
        responder = Responder(
            Identity(tuple(udp), (control,), (control,)),
            Limits(sessions_per_block=64),
            receipts=ReceiptSigner(signer, lambda: "2026-01-01T00:00:00Z"),
            invitations=invitations,
        )
        driver = ResponderDriver(responder, pem, control_port=control, host=HOST)
        link = InviteLink(HOST, control, raw_key_text(signer.public), token=invitations.token(until_text(None)))
        over = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
        sys.stdout.write(link.text() + "\n")
        sys.stdout.flush()
        before, profile = cpu_s(), cProfile.Profile()
        profile.runcall(driver.run, over.is_set) if profiled else driver.run(over.is_set)
        sys.stdout.write(json.dumps([after - since for after, since in zip(cpu_s(), before, strict=True)]))
        if profiled:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(30)


def cpu_s() -> tuple[float, float, float]:
    """CPU time of this process, what of it the system took, and what of it this thread, which serves."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_stime, time.thread_time()


def probe(link: str) -> None:
    """One check; prints how many datagrams the responder took and sent, how long the check lasted, and its lateness."""
    plan = make_plan(choose_arms(), budget_s=SECONDS)
    facts = run_check(CheckRequest(plan=plan), parse_invite_link(link))
    sys.stdout.write(
        json.dumps([datagrams(facts), facts.duration_s, facts.health.ended, facts.health.responder_late_ms_p99 or 0.0])
    )


def datagrams(facts: Facts) -> int:
    """Those that arrived on their way up and were sent down."""
    flows = [flow for epoch in facts.epochs for flow in epoch.flows]
    bits = [flow.arrived if flow.direction == "up" else flow.sent for flow in flows]
    return sum(int.from_bytes(bitmap).bit_count() for bitmap in bits)


def child(source: Path, *words: str) -> subprocess.Popen[str]:
    """This file in a process of its own, with those sources."""
    line, pipe = [sys.executable, __file__, OWN, *words], subprocess.PIPE
    return subprocess.Popen(line, env=with_sources(source), stdin=pipe, stdout=pipe, text=True)


def main() -> None:
    """Run the checks and print the table."""
    if sys.argv[1:2] == [OWN]:
        serve("--profile" in sys.argv) if sys.argv[2] == "serve" else probe(sys.argv[3])
        return
    with sources() as each:
        for name, source in each:
            sys.stdout.write(f"{name}: {measure(source, count(CHECKS))}")
            sys.stdout.flush()


def measure(source: Path, checks: int) -> str:
    """What so many checks at once cost a responder of those sources. Its probes are always this commit's."""
    far = child(source, "serve", *(["--profile"] if "--profile" in sys.argv else []))
    assert far.stdout is not None  # asked for
    link = far.stdout.readline().strip()
    probes = [child(ROOT / "src", "probe", link) for _ in range(checks)]
    found = [json.loads(near.communicate(timeout=120)[0]) for near in probes]
    used_s, system_s, serving_s = json.loads(far.communicate(timeout=60)[0])
    packets, lasted_s = sum(each[0] for each in found), sum(each[1] for each in found)
    late_ms, endings = max(each[3] for each in found), ", ".join(sorted({each[2] for each in found}))
    return (
        f"{checks} checks of {lasted_s / checks:.1f} s ({endings}), {packets} datagrams: "
        f"{used_s:.2f} CPU s, {system_s:.2f} of it in the system; laying out "
        f"{(used_s - serving_s) / checks:.3f} a check, else {packets / serving_s:,.0f} datagrams a CPU second\n"
        f"{packets / used_s:,.0f} datagrams a CPU second, {used_s / checks:.2f} CPU s a check, "
        f"{lasted_s / used_s:.0f} checks at once a core, late by {late_ms:.1f} ms (p99)\n"
    )


if __name__ == "__main__":
    main()
