"""The observatory's index, log and intake: how fast, how large, and what bounds it.

    .venv/bin/python bench/observatory.py                                  # small: a minute
    .venv/bin/python bench/observatory.py --rows 100000000 --log 1000000   # the whole; about an hour, 8 GB of disk
    .venv/bin/python bench/observatory.py --rows 10000000 --nodes          # the index over two ClickHouse nodes
    .venv/bin/python bench/observatory.py --rows 10000000 --index kept     # an index that stays, to be asked again

Rows are made up: 180 days, 5000 networks with Zipf's shares, 180 countries, 8 apps, 2 media, each row a report of its
own. Bundles of the intake are a real check's, each signed anew. The bound of the intake is what nobody can do without:
Ed25519 (both signatures of each of these bundles, the run's and the receipt's) and the disk (two syncs a group).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from factories.observatories.clickhouse_cluster import cluster_dsn, two_nodes
from factories.observatories.observe_process import start_observatory, stop_observatory
from factories.observatories.sent_bundles import Bench, measured_bundle
from talkpath.evidence import bundle as evidence_bundle
from talkpath.evidence.bundle import MANIFEST_PART, SIGNATURE_PART, read_bundle, unpack_archive
from talkpath.evidence.share import BUNDLE_MEDIA_TYPE
from talkpath.observatory.index import queries
from talkpath.observatory.index.refresh import count_again
from talkpath.observatory.index.store import Store
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.log.folder import Folder
from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.records import Judged, LoggedVerdict, Received
from talkpath.observatory.web.source import PageSource
from talkpath.wire.control import receipt as wire_receipt
from talkpath.wire.control.keys import is_signed, raw_key

DAYS, FIRST, COUNTRIES = 180, date(2026, 5, 1), 180
ASKED, GROUP, SENDERS = 60, 512, 64
VERIFIED = 500  # bundles whose signatures are timed
APPS = ("whatsapp/relay60", "telegram/tgcalls", "signal", "meet")
ROWS = """
INSERT INTO report
WITH number + {offset:UInt64} AS n, cityHash64(n) AS h, toUInt32(pow(5000, (h % 1000000) / 1000000)) AS net,
    cityHash64(n, 1) % 100 AS luck, intDiv(net, 7) % 12 = 0 AND luck < 60 AS hit, net % 180 AS place
SELECT lower(concat(hex(sipHash128(n)), hex(sipHash128(n, 1)))), {day:Date},
    concat(char(65 + intDiv(place, 26)), char(65 + place % 26)), concat('AS', toString(64512 + net)),
    ['whatsapp', 'telegram', 'signal', 'meet', 'max', 'webrtc', 'viber', 'line'][1 + cityHash64(n, 2) % 8],
    ['voice', 'video'][1 + cityHash64(n, 3) % 2], 'probe', 'shape',
    multiIf(hit, 'restricted', luck < 90, 'ok', luck < 95, 'impaired', 'insufficient'),
    if(hit, 'media.drop', NULL), if(hit, 'up', NULL), if(hit, 0.4, NULL),
    if(hit, 7.5, NULL), if(hit, '{"p":[0.4,0.3,0.5]}', ''), '', 4, concat('key', toString(n % 50)), 'hosting', 1,
    'responder', h, 1, {day:Date}, 1, n, 0
FROM numbers({count:UInt64})
"""
CARRIED = """
INSERT INTO transport
SELECT report, day, country, network, app, medium, ['udp/443', 'tls/443', 'tcp/8443'][1 + version % 3], version % 4 > 0,
    1, version, 0 FROM report WHERE day = {day:Date} AND version % 20 = 0
"""


def say(what: str, *numbers: str) -> None:
    """Print one line of the table."""
    sys.stdout.write(f"{what:46} {'  '.join(numbers)}\n")
    sys.stdout.flush()


# -- the index -----------------------------------------------------------------------------------------------------


def index(store: Store, rows: int) -> None:
    """Fill the index where it is not full yet, then ask what pages ask."""
    days = [(FIRST + timedelta(days=at)).isoformat() for at in range(DAYS)]
    if store.query("SELECT max(position) FROM progress") != [(rows,)]:
        fill(store, rows, days)
    pages(store, days[-1])


def fill(store: Store, rows: int, days: list[str]) -> None:
    """Load, count and merge. A day that an earlier run loaded whole is not loaded again."""
    began, a_day = time.monotonic(), rows // DAYS
    there = {str(day): count for day, count in store.query("SELECT day, count() FROM report GROUP BY day")}
    for at, day in enumerate(days):
        if there.get(day, 0) < a_day:
            store.command(ROWS, offset=at * a_day, count=a_day, day=day)
            store.command(CARRIED, day=day)
    loaded = time.monotonic()
    count_again(store, days, [_country(place) for place in range(COUNTRIES)], rows)
    counted = time.monotonic()
    store.tidy()
    say(f"{DAYS * a_day:,} rows in", f"{loaded - began:.0f} s", f"counted in {counted - loaded:.0f} s",
        f"tidied in {time.monotonic() - counted:.0f} s")  # fmt: skip
    again = time.monotonic()
    count_again(store, days[-1:], [_country(1)], rows + 1)
    say("one day of the largest country counted again", f"{(time.monotonic() - again) * 1000:.0f} ms")
    store.command("INSERT INTO progress VALUES ('bench', {rows:UInt64}, 1)", rows=rows)


def pages(store: Store, today: str) -> None:
    """Ask what each page asks, of networks as often as they are measured."""
    source, draws = PageSource(store, True, lambda: today), Random(1)
    asked: dict[str, Callable[[str, str], object]] = {
        "now": lambda c, n: (source.latest(c, "voice"), source.country_days(c, "voice")),
        "network": lambda c, n: (source.network_days(c, n), source.carries(c, n)),
        "event": lambda c, n: (source.network_days(c, n, "telegram", "voice"), source.carries(c, n)),
        "beside: which countries changed": lambda c, n: queries.counted_countries(store),
        "beside: all of a country, for the detector": lambda c, n: queries.day_count_lines(store, country=c),
    }
    for name, ask in asked.items():
        say(name, *_spread([_took_ms(ask, *_place(draws)) for _ in range(ASKED)]))


def _place(draws: Random) -> tuple[str, str]:
    network = int(5000 ** draws.random())
    return _country(network % COUNTRIES), f"AS{64512 + network}"


def _country(place: int) -> str:
    return chr(65 + place // 26) + chr(65 + place % 26)


def _took_ms(ask: Callable[[str, str], object], country: str, network: str) -> float:
    began = time.perf_counter()
    ask(country, network)
    return (time.perf_counter() - began) * 1000


def _spread(times_ms: list[float]) -> tuple[str, str]:
    ordered = sorted(times_ms)
    return f"median {ordered[len(ordered) // 2]:.0f} ms", f"p95 {ordered[int(len(ordered) * 0.95)]:.0f} ms"


@contextmanager
def opened(folder: Path, nodes: bool) -> Iterator[Store]:
    """An index, embedded or over two nodes."""
    if not nodes:
        store = Store(f"chdb://{folder}")
        yield store
        store.close()
        return
    with two_nodes(folder) as two:
        store = Store(cluster_dsn(two, "bench"))
        yield store
        store.close()


# -- the log -------------------------------------------------------------------------------------------------------


def log(root: Path, reports: int) -> None:
    """Put reports through the log: each received (its bundle is one byte, so that the log alone is measured), then
    judged."""
    opened_log = Log(Folder(root), lambda: "2026-11-24")
    streams = [(app, medium) for app in ("whatsapp", "telegram", "signal") for medium in ("voice", "text")]
    said = tuple(
        LoggedVerdict(app=app, medium=medium, state="ok", basis="shape", rule=None, direction=None, log10_e=-0.3)
        for app, medium in streams
    )
    began = time.monotonic()
    for first in range(0, reports, GROUP):
        names = [hashlib.sha256(str(at).encode()).hexdigest() for at in range(first, min(first + GROUP, reports))]
        opened_log.commit([LogEntry(Received(name, "", 1, withdraw=name), b"x") for name in names])
        opened_log.commit([LogEntry(_judged(name, said)) for name in names])
    took_s = time.monotonic() - began
    say(f"{reports:,} reports through the log", f"{reports / took_s:,.0f} a second")
    sizes = {part: sum(file.stat().st_size for file in (root / part).rglob("*")) / reports for part in ("log",)}
    say("bytes a report in the log, and in ids.db", f"{sizes['log']:.0f}",
        f"{(root / 'ids.db').stat().st_size / reports:.0f}")  # fmt: skip
    opened_log.close()
    began = time.monotonic()
    again = Log(Folder(root), lambda: "2026-11-24")
    say("opened again in", f"{time.monotonic() - began:.1f} s")
    again.close()


def _judged(name: str, said: tuple[LoggedVerdict, ...]) -> Judged:
    day, who = "2026-11-24", int(name[:15], 16)
    return Judged(
        id=name,
        day=day,
        measured=day,
        rules_version="1",
        source="probe",
        said=said,
        carried=(),
        network="AS64496",
        country="XX",
        placed="responder",
        responder=name[:43],
        contributor=who,
    )


# -- the intake ----------------------------------------------------------------------------------------------------


def intake(root: Path, count: int) -> None:
    """Send bundles of a real check from SENDERS who wait for their acknowledgement."""
    bundles = [measured_bundle(seed, apps=APPS) for seed in range(count)]
    bench = Bench(root / "desk", IntakeSettings(apps=frozenset()))
    wall, busy = time.monotonic(), time.process_time()
    asyncio.run(_send(bench, bundles))
    wall, busy = time.monotonic() - wall, time.process_time() - busy
    bench.close()
    bound_s = _bound_s(root, bundles[:VERIFIED])
    say(f"{count} bundles of {len(bundles[0]) / 1000:.0f} kB taken", f"{count / wall:,.0f} a second",
        f"{count / busy:,.0f} a second and core")  # fmt: skip
    say("of the bound, by the clock and by the core", f"{100 * count / wall * bound_s:.0f} %",
        f"{100 * count / busy * bound_s:.0f} %")  # fmt: skip
    served(root / "served", bundles, bound_s)


def served(root: Path, bundles: list[bytes], bound_s: float) -> None:
    """Send the same over HTTP to `talkpath observe serve`, a process with its judge, index and pages. Each sender has a
    connection that stays open, and an address of its own, since each has a limit."""
    with _alone():
        process, url = start_observatory(root)
    parts, warm = urlsplit(url), len(bundles) // 4  # a process that runs for months is not asked how it starts
    waiting = list(bundles[:warm])

    def send(number: int) -> None:
        connection = HTTPConnection(parts.hostname or "", parts.port, source_address=(f"127.0.{number}.1", 0))
        while waiting:
            connection.request("POST", "/api/v1/bundles", waiting.pop(), {"Content-Type": BUNDLE_MEDIA_TYPE})
            with connection.getresponse() as answer:
                answer.read()
                assert answer.status == 201, answer.status

    def send_all() -> None:
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(send, range(1, SENDERS + 1)))

    send_all()
    waiting.extend(bundles[warm:])
    wall, busy = time.monotonic(), _cpu_s(process.pid)
    send_all()
    wall, busy = time.monotonic() - wall, _cpu_s(process.pid) - busy
    stop_observatory(process)
    count = len(bundles) - warm
    say("the same over HTTP", f"{count / wall:,.0f} a second", f"{count / busy:,.0f} a second and core",
        f"{100 * count / busy * bound_s:.0f} % of the bound by the core")  # fmt: skip


@contextmanager
def _alone() -> Iterator[None]:
    """Give what starts here a core of its own, and this process the others: senders are on other machines, and where
    they share the server's core they interrupt it and empty its caches."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores[:-1] or cores)


def _cpu_s(process: int) -> float:
    """The processor time that a process has used, without its children."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _bound_s(root: Path, bundles: list[bytes]) -> float:
    """The seconds that a bundle takes at least."""
    verify_s, sync_s = _verify_s(bundles), _sync_s(root)
    bound_s = verify_s + 2 * sync_s / SENDERS
    say(
        "Ed25519, both signatures of a bundle; a sync of the disk", f"{verify_s * 1e3:.3f} ms", f"{sync_s * 1e3:.2f} ms"
    )
    say("the bound by both", f"{1 / bound_s:,.0f} a second")
    return bound_s


async def _send(bench: Bench, bundles: list[bytes]) -> None:
    waiting = list(bundles)

    async def sender() -> None:
        while waiting:
            await bench.take(waiting.pop(), "192.0.2.1")

    await asyncio.gather(*(sender() for _ in range(SENDERS)))


def _verify_s(bundles: list[bytes]) -> float:
    """The seconds of verifying a bundle's own signatures: their texts are hashed first, and a receipt has some
    kilobytes."""
    signed = [one for bundle in bundles for one in _signed(bundle)]
    began = time.thread_time()  # of a core, as what it is held against
    assert all(is_signed(*one) for one in signed)
    return (time.thread_time() - began) / len(bundles)


def _signed(bundle: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(text, signature, public key) of each signature of a bundle."""
    parts, read = unpack_archive(bundle), read_bundle(bundle)
    yield evidence_bundle.BUNDLE_SIGNED_PREFIX + parts[MANIFEST_PART], parts[SIGNATURE_PART], raw_key(read.key)
    if read.facts is not None and read.facts.receipt is not None and read.receipt is not None:
        signed = read.facts.receipt
        yield wire_receipt.RECEIPT_PREFIX + signed.body, signed.signature, read.receipt.responder_key


def _sync_s(root: Path) -> float:
    handle = os.open(root / "sync", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    began = time.perf_counter()
    for _ in range(50):
        os.write(handle, bytes(500))
        os.fdatasync(handle)
    os.close(handle)
    return (time.perf_counter() - began) / 50


def main() -> int:
    """Measure all three."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--log", type=int, default=20_000)
    parser.add_argument("--bundles", type=int, default=300)
    parser.add_argument("--nodes", action="store_true", help="The index over two ClickHouse nodes.")
    parser.add_argument("--index", type=Path, help="A folder to keep the index in; one that is there is asked again.")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=".") as folder:
        root = Path(folder).resolve()
        if told.bundles:
            (root / "intake").mkdir()
            intake(root / "intake", told.bundles)
        if told.log:
            log(root / "log", told.log)
        if told.rows:
            place = (told.index or root / "index").resolve()
            with opened(place, told.nodes) as store:
                index(store, told.rows)
            sizes = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
            say("bytes a row in the index, rollups included", f"{sizes / told.rows:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
