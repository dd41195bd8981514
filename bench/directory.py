"""What a directory of 10 000 test servers costs an observatory, and how many servers it can test from outside.

    .venv/bin/python bench/directory.py [SERVERS]

The table and the list are those of `talkpath observe serve --directory`; the servers are made up. The test from outside
is the real one, of a responder on loopback: its CPU time and its duration say how many servers an hour so many tests at
once can look at. Half a minute.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from beside import ROOT, count, with_sources

from talkpath.directory.listed_server import ListedServer, PublicAddress, minute_of
from talkpath.directory.offer import Offer
from talkpath.directory.server_list import verify_list
from talkpath.observatory.responders.outside_test import look_from_outside
from talkpath.observatory.responders.registrar import Registrar
from talkpath.observatory.responders.running import LOOK_S, PUBLISH_LOOK_S, DirectorySettings
from talkpath.observatory.responders.server_table import MAX_SERVERS, ServerTable
from talkpath.probe.invite_link import parse_invite_link
from talkpath.wire.control.keys import Signer, raw_key

NOW, RUNS, TESTS = 1_790_000_000, 3, 2
HOUR_S = 3600


def main() -> None:
    """Print both tables."""
    servers = count(MAX_SERVERS)
    with TemporaryDirectory(dir=".") as folder:
        registrar = Registrar(ServerTable(Path(folder)), Signer.fresh(), is_open=True)
        fill(registrar, servers)
        kept(registrar, servers)
    outside()


def fill(registrar: Registrar, servers: int) -> None:
    """Offer and pass every server."""
    draws, began, busy = Random(1), time.monotonic(), time.process_time()
    for number in range(servers):
        entry = made_up(number, draws)
        offer = Offer(schema="talkpath.offer/1", directory=bytes(32), at=NOW, server=entry, version="0.2.0")
        registrar.take(offer, NOW)
    each_ms = 1e3 * (time.process_time() - busy) / servers, 1e3 * (time.monotonic() - began) / servers
    say("an offer is kept, verification and the disk apart", f"{each_ms[0]:.2f} ms of CPU, {each_ms[1]:.2f} ms in all")
    for known in registrar.table.all():
        registrar.tested(known, NOW + 1, ())


def made_up(number: int, draws: Random) -> ListedServer:
    """A server of some network."""
    return ListedServer(
        key=number.to_bytes(32, "big"),
        address=PublicAddress(f"server{number}.example", 4433, 443),
        token=draws.randbytes(16),
        network_class="home",
        country="XA",
        network=64512 + number % 900,
        free=4,
        operator=f"operator {number}",
    )


def kept(registrar: Registrar, servers: int) -> None:
    """What the tasks of a running directory do again and again."""
    data = registrar.publish(NOW + 2)
    due_ms = took_ms(lambda: registrar.due(NOW + 10))
    publish_ms = took_ms(lambda: registrar.publish(NOW + 10))
    say(f"a list of {servers:,}", f"{len(data):,} bytes, {len(data) / servers:.0f} an entry")
    say("read and verified", f"{took_ms(lambda: verify_list(data)):.0f} ms")
    say("made and signed, once an hour", f"{took_ms(lambda: registrar.publish(NOW + 2 * HOUR_S), 1):.0f} ms")
    say("which tests are due, every two seconds", f"{due_ms:.0f} ms")
    say("whether the list is still right, every five seconds", f"{publish_ms:.0f} ms")
    share = due_ms / LOOK_S + publish_ms / PUBLISH_LOOK_S
    say("both, of a core", f"{share / 10:.1f} %")


def outside() -> None:
    """Test a responder on loopback from outside."""
    line, pipe = [sys.executable, str(ROOT / "bench" / "respond.py"), "own", "serve"], subprocess.PIPE
    far = subprocess.Popen(line, env=with_sources(ROOT / "src"), stdin=pipe, stdout=pipe, text=True)
    assert far.stdout is not None  # asked for
    link = parse_invite_link(far.stdout.readline().strip())
    server = ListedServer(
        key=raw_key(link.key),
        address=PublicAddress("server.example", link.port, 0),
        token=link.token,
        until=minute_of(link.until),
    )
    look_from_outside(server, link.host)  # loads what a running process has loaded
    began, busy = time.monotonic(), time.process_time()
    found = [look_from_outside(server, link.host) for _ in range(TESTS)]
    wall_s, busy_s = (time.monotonic() - began) / TESTS, (time.process_time() - busy) / TESTS
    far.communicate(timeout=60)
    say("a test from outside", f"{wall_s:.1f} s, {busy_s:.2f} CPU s; found {found[-1] or 'nothing wrong'}")
    for at_once in (DirectorySettings().tests_at_once, 8, 32):
        cores = at_once * busy_s / wall_s
        say(f"{at_once} at once", f"{at_once * HOUR_S / wall_s:,.0f} servers an hour, {cores:.1f} cores")


def took_ms(work: Callable[[], object], runs: int = RUNS) -> float:
    """The CPU milliseconds of the quickest run."""
    times = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - began))
    return min(times)


def say(what: str, said: str) -> None:
    """Print one line of the table."""
    sys.stdout.write(f"{what:54} {said}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
