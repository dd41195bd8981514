"""Plays a day of a directory with 200 test servers and 10 000 checks, and writes docs/directory-rates.md.

    .venv/bin/python -m proof.pages.write_directory_rates

Half a minute on one core, seeded: it writes the same page each time. What runs is the directory's own code (offers,
tests due, the signed list) and the check's own (reading, choice, tries); servers, networks and people are made up.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median, quantiles

from msgspec.structs import replace

from talkpath.conduct.request import Observer
from talkpath.directory.choice import check_with_one_of, servers_to_try
from talkpath.directory.listed_server import ListedAddresses, ListedServer, NetworkClass, PublicAddress
from talkpath.directory.offer import RENEW_S, Offer
from talkpath.directory.server_list import ServerList, verify_list
from talkpath.errors import PeerError
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import ControlOutcome, Facts
from talkpath.observatory.responders.registrar import Registrar
from talkpath.observatory.responders.server_table import ServerTable
from talkpath.probe.invite_link import InviteLink
from talkpath.wire.control.keys import Signer

DIRECTORY_RATES_PAGE = Path(__file__).parents[2] / "docs" / "directory-rates.md"
BEGIN = int(datetime(2026, 11, 27, tzinfo=UTC).timestamp())
DAY_S, STEP_S, CHECK_S = 86_400, 15, 60
SERVERS, FAULTY_OF_EACH_KIND, CHECKS = 200, 10, 10_000
SERVERS_BY_PLACE: dict[NetworkClass, int] = {"home": 4, "hosting": 64}
CHANCE_FAILURE, SLOW_FAILURE = 0.01, 0.5
RUSH_S = 20 * 3600
TESTS_A_STEP = 3  # two at once, ten seconds each
FAILURE_KINDS = ("dies", "lies about its class", "slow", "blocked")
Found = tuple[Counter[str], int]


@dataclass
class MadeServer:
    """A server that was made up. `dies_s`: at this second of the day it is gone without a word. `busy`: when the checks
    end that it has."""

    entry: ListedServer
    kind: str
    places: int
    first_renewal_s: int
    dies_s: float = float("inf")
    gone_s: float | None = None
    checks: int = 0
    peak: int = 0
    busy: list[int] = field(default_factory=list)

    def free(self, now_s: int) -> int:
        """How many more checks it takes now."""
        self.busy = [end_s for end_s in self.busy if end_s > now_s]
        return self.places - len(self.busy)

    def fails(self, rng: Random, now_s: int) -> bool:
        """Whether it does not answer in time now, seen from a network that blocks nothing."""
        chance = SLOW_FAILURE if self.kind == "slow" else CHANCE_FAILURE
        return now_s >= self.dies_s or rng.random() < chance


def made_servers(rng: Random) -> list[MadeServer]:
    """60 homes and 140 hosting networks of 40 networks and 20 countries; ten of each kind of fault, at random."""
    kinds = [kind for kind in FAILURE_KINDS for _ in range(FAULTY_OF_EACH_KIND)]
    kinds += ["good"] * (SERVERS - len(kinds))
    rng.shuffle(kinds)
    return [made_server(rng, number, kind) for number, kind in enumerate(kinds, 1)]


def made_server(rng: Random, number: int, kind: str) -> MadeServer:
    """One server. Who lies about its class says home, and is a hosting network."""
    truly: NetworkClass = "hosting" if kind == FAILURE_KINDS[1] or rng.random() < 0.7 else "home"
    entry = ListedServer(
        key=number.to_bytes(32, "big"),
        address=PublicAddress(f"server{number}.example", 4433, 443),
        token=bytes(16),
        network_class="home" if kind == FAILURE_KINDS[1] else truly,
        country=f"X{chr(65 + rng.randrange(20))}",
        network=64_512 + rng.randrange(40),
        free=SERVERS_BY_PLACE[truly],
        operator=f"operator {number}",
    )
    dies_s = rng.uniform(0.1, 0.9) * DAY_S if kind == FAILURE_KINDS[0] else float("inf")
    return MadeServer(entry, kind, SERVERS_BY_PLACE[truly], rng.randrange(RENEW_S), dies_s)


@dataclass
class Day:
    """One day: the directory, its servers, and every list that it signed."""

    registrar: Registrar
    servers: list[MadeServer]
    rng: Random
    lists: list[tuple[int, ServerList]] = field(default_factory=list)
    listed_steps: Counter[str] = field(default_factory=Counter)
    steps: int = 0

    def step(self, now_s: int) -> None:
        """What the directory hears, tests and publishes at this moment."""
        for server in self.servers:
            if now_s < server.dies_s and (now_s - server.first_renewal_s) % RENEW_S < STEP_S <= now_s + STEP_S:
                self._renew(server, now_s)
        for known in self.registrar.due(BEGIN + now_s)[:TESTS_A_STEP]:
            failed = self.by_key(known.key).fails(self.rng, now_s)
            self.registrar.tested(known, BEGIN + now_s, ("seen from outside: it does not answer",) if failed else ())
        data = self.registrar.publish(BEGIN + now_s)
        if not self.lists or verify_list(data).serial != self.lists[-1][1].serial:
            self.lists.append((now_s, verify_list(data)))
        self._note(now_s)

    def by_key(self, key: bytes) -> MadeServer:
        """The server with that key."""
        return self.servers[int.from_bytes(key, "big") - 1]

    def list_at(self, at_s: int) -> ServerList:
        """The newest list of that moment."""
        return max((item for item in self.lists if item[0] <= at_s), key=lambda item: item[0])[1]

    def _renew(self, server: MadeServer, now_s: int) -> None:
        entry = replace(server.entry, free=max(0, server.free(now_s)))
        offer = Offer("talkpath.offer/1", self.registrar.signer.public, BEGIN + now_s, entry)
        self.registrar.take(offer, BEGIN + now_s)

    def _note(self, now_s: int) -> None:
        listed = {server.key for server in self.lists[-1][1].servers}
        if now_s >= 2 * 3600:
            self.steps += 1
        for server in self.servers:
            there = server.entry.key in listed
            if now_s >= 2 * 3600 and there:
                self.listed_steps[server.kind] += 1
            if now_s >= server.dies_s and not there and server.gone_s is None:
                server.gone_s = now_s - server.dies_s


def handshake_answer(server: MadeServer, rng: Random, now_s: int, is_blocked: bool) -> ControlOutcome:
    """What a handshake with it meets."""
    return "timeout" if is_blocked or server.fails(rng, now_s) else "connected"


def place_check(day: Day, rng: Random, now_s: int, servers: ServerList, blocked: frozenset[bytes], facts: Facts) -> int:
    """One person's check with this list: at which try a server was found, 0 for none."""
    chosen = servers_to_try(servers.servers, rng, datetime.fromtimestamp(BEGIN + now_s, UTC), country="XA")
    by_host = {server.address.host: server for server in chosen}
    tries = 0

    def connect(link: InviteLink, family: int) -> ControlOutcome:
        server = by_host[link.host]
        return handshake_answer(day.by_key(server.key), rng, now_s, server.key in blocked)

    def measure(link: InviteLink) -> Facts:
        server = day.by_key(by_host[link.host].key)
        if tries == len(chosen) and connect(link, 4) != "connected":
            raise PeerError("no answer")
        if server.free(now_s) <= 0:
            raise PeerError("full")
        server.busy.append(now_s + CHECK_S)
        server.checks += 1
        server.peak = max(server.peak, len(server.busy))
        return facts

    def count(number: int, *_: object) -> None:
        nonlocal tries
        tries = number

    try:
        check_with_one_of(
            chosen, measure, ListedAddresses(private=True), connect=connect, observer=Observer(server_tried=count)
        )
    except PeerError:
        return 0
    return tries


@dataclass(frozen=True)
class Crowd:
    """A row of the page: how old the people's lists are, and which servers their network blocks."""

    says: str
    oldest_s: int
    blocked_share: float
    share: float


CROWDS = (
    Crowd("a list fetched now; the ten blocked servers are blocked", 0, 0.0, 0.5),
    Crowd("a list that was passed on, up to 12 hours old; the same", 12 * 3600, 0.0, 0.2),
    Crowd("a list fetched now; half of all servers are blocked", 0, 0.5, 0.2),
    Crowd("a list fetched now; nine of ten are blocked", 0, 0.9, 0.1),
)


def blocked_servers(servers: Sequence[MadeServer], share: float, rng: Random) -> frozenset[bytes]:
    """The keys that a network blocks: the ten that are blocked anyway, and that share of all."""
    always = {server.entry.key for server in servers if server.kind == FAILURE_KINDS[3]}
    return frozenset(always | {server.entry.key for server in servers if rng.random() < share})


def check_instants(rng: Random) -> list[int]:
    """When people check: from the third hour on, three times as many in the evening as at night; a fifth at once."""
    found: list[int] = []
    while len(found) < CHECKS // 5:
        found.append(RUSH_S + rng.randrange(600))
    while len(found) < CHECKS:
        at_s = rng.uniform(2 * 3600, DAY_S)
        if rng.random() < (1.0 if at_s > 17 * 3600 else 1 / 3):
            found.append(int(at_s))
    return sorted(found)


def play_day(folder: Path) -> tuple[Day, list[Counter[int]]]:
    """The whole day: what became of it, and for each crowd how many found a server at which try."""
    rng = Random("a day of the directory")
    table = ServerTable(folder)
    day = Day(Registrar(table, Signer.of_seed(b"directory".ljust(32)), is_open=True), made_servers(rng), rng)
    blocked = [blocked_servers(day.servers, crowd.blocked_share, rng) for crowd in CROWDS]
    facts = run_sim(make_plan(choose_arms(["webrtc"]), k=2, budget_bytes=300_000), Scenario())
    found: list[Counter[int]] = [Counter() for _ in CROWDS]
    waiting = check_instants(rng)[::-1]
    for now_s in range(0, DAY_S, STEP_S):
        day.step(now_s)
        while waiting and waiting[-1] < now_s + STEP_S:
            waiting.pop()
            crowd = rng.choices(range(len(CROWDS)), [one.share for one in CROWDS])[0]
            age_s = rng.randrange(CROWDS[crowd].oldest_s + 1)
            servers = day.list_at(max(now_s - age_s, 3600))
            found[crowd][place_check(day, rng, now_s, servers, blocked[crowd], facts)] += 1
    table.close()
    return day, found


# -- the page ----------------------------------------------------------------------------------------------------------


def rates_page(day: Day, found: Sequence[Counter[int]]) -> Iterator[str]:
    """The lines of docs/directory-rates.md."""
    yield INTRODUCTION
    yield "| people with | checks | 1st try | 2nd | 3rd | 4th or 5th | none |"
    yield "|---|---|---|---|---|---|---|"
    yield from (crowd_row(crowd, counted) for crowd, counted in zip(CROWDS, found, strict=True))
    yield f"\n## How the load spreads\n\n{server_load(day)}"
    yield "\n## How soon a dead server is gone, and what else is listed\n"
    gone = sorted(server.gone_s for server in day.servers if server.gone_s is not None)
    minutes = [seconds / 60 for seconds in gone]
    yield (
        f"{len(gone)} servers died without a word. They were off the list after {median(minutes):.1f} minutes "
        f"(median), {minutes[-1]:.1f} at most: whichever came first of an hourly test that failed twice and three "
        "renewals that did not come.\n"
    )
    yield "| kind of server | listed, share of the time |"
    yield "|---|---|"
    yield from (listed_row(day, kind) for kind in ("good", *FAILURE_KINDS[1:]))
    yield f"\n{day_in_lists(day)}"


INTRODUCTION = """# How a check finds a test server in a list

<!-- written by proof/pages/write_directory_rates.py: change the code, then run it -->

    .venv/bin/python -m proof.pages.write_directory_rates

SIMULATED: one directory, 200 test servers, 10 000 checks in 22 hours, in virtual time with a fixed seed. The
directory's own code takes the offers, decides which tests are due and signs the lists
([tp-011](../spec/tp-011-directory.md)); the check's own code reads, chooses and tries. Made up are the servers, the
networks and the people. A home takes 4 checks at once, a hosting network 64; a check takes a minute, and a fifth of all
begin within ten minutes of the evening, as when a blocking is in the news.

Ten servers die during the day without a word, ten say that they are homes and are hosting networks, ten are slow (half
of all handshakes and tests fail), ten are blocked on the people's networks and not on the directory's. Of the other 160
one handshake in a hundred fails by chance. What the list cannot tell (blocked, slow, full, dead since) costs a try; a
try in vain takes some five seconds.

## At which try a server was found
"""


def crowd_row(crowd: Crowd, counted: Counter[int]) -> str:
    """One crowd's row."""
    checks = counted.total()
    shares = [counted[1], counted[2], counted[3], counted[4] + counted[5], counted[0]]
    return f"| {crowd.says} | {checks} | " + " | ".join(f"{100 * share / checks:.1f} %" for share in shares) + " |"


def server_load(day: Day) -> str:
    """How many checks each server had."""
    lines = [
        "| servers | checks a server: median | 9 of 10 at most | most | most at once, of its places |",
        "|---|---|---|---|---|",
    ]
    for says, chosen in (
        ("homes", [one for one in day.servers if one.places == SERVERS_BY_PLACE["home"]]),
        ("say that they are homes", [one for one in day.servers if one.kind == FAILURE_KINDS[1]]),
        (
            "hosting",
            [one for one in day.servers if one.places != SERVERS_BY_PLACE["home"] and one.kind != FAILURE_KINDS[1]],
        ),
    ):
        checks = sorted(one.checks for one in chosen)
        tenths = quantiles(checks, n=10)
        busiest = max(chosen, key=lambda one: one.peak / one.places)
        lines.append(
            f"| {says} ({len(chosen)}) | {median(checks):.0f} | {tenths[-1]:.0f} | {checks[-1]} | "
            f"{busiest.peak} of {busiest.places} |"
        )
    return "\n".join(lines)


def listed_row(day: Day, kind: str) -> str:
    """How long servers of that kind were listed."""
    of = sum(server.kind == kind for server in day.servers) * day.steps
    return f"| {kind} | {100 * day.listed_steps[kind] / of:.1f} % |"


def day_in_lists(day: Day) -> str:
    """How many lists were signed, and their size."""
    last = day.lists[-1][1]
    entries = len(last.servers)
    return (
        f"{len(day.lists)} lists were signed; the last one names {entries} servers. Of the four kinds of fault the "
        "directory's test finds the dead and half of the time the slow. It cannot know what other networks block, nor "
        "whether a network is a home: that is why several are tried, why a server that boasts of class and places gets "
        "few checks more than others, and why a class is told as the operator's word."
    )


def main() -> None:
    """Play the day and write the page."""
    fast = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=fast) as folder:
        day, found = play_day(Path(folder))
    DIRECTORY_RATES_PAGE.write_text("\n".join(rates_page(day, found)) + "\n", encoding="utf-8")
    sys.stderr.write(f"wrote {DIRECTORY_RATES_PAGE}\n")


if __name__ == "__main__":
    main()
