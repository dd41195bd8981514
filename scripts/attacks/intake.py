"""Attacks on an observatory: bundles that stop or fool the judge, slow and idle connections, files, a full disk."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attacks import forging
from attacks.bundles import POISON, heavy_check
from attacks.stage import Attack, Finding, Server, run_talkpath, running_observatory, wait_for
from attacks.stage import http_answer as fetch
from talkpath.evidence.share import BUNDLE_MEDIA_TYPE
from talkpath.observatory.log.folder import Folder as LogFolder
from talkpath.observatory.log.log import Log, LogEntry
from talkpath.observatory.log.records import Judged, Received
from talkpath.observatory.log.segments import LogError, read_log
from talkpath.observatory.web.csv_tables import _cell as csv_cell
from talkpath.wire.control.keys import raw_key_text
from talkpath.wire.control.receipt import HOUR_FORMAT

VOUCHED_DAYS = 30
JUDGED = ("judged", "counted", "unfit")


def put_bundle(far: Server, data: bytes, source: str = "127.0.0.1") -> int:
    """Sends a bundle from that address of loopback; the status, 0 for no answer."""
    where = urlsplit(far.said["url"])
    name = hashlib.sha256(data).hexdigest()
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30, source_address=(source, 0))
    try:
        connection.request("PUT", f"/v1/reports/{name}", data, {"Content-Type": BUNDLE_MEDIA_TYPE})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def bundle_state(far: Server, data: bytes) -> str:
    """What became of a bundle."""
    status, body = fetch(far.said["url"] + f"v1/reports/{hashlib.sha256(data).hexdigest()}")
    return str(json.loads(body).get("state", status)) if status == 200 else str(status)


def ordinary_check(number: int) -> bytes:
    """An ordinary check of somebody."""
    return forging.forged_check(forging.measured_facts(probe=f"p{number}"), probe=f"p{number}")


def judged_in(far: Server, bundles: list[bytes], seconds: float) -> float | None:
    """Seconds until all were judged, None where some never were."""
    return wait_for(lambda: all(bundle_state(far, data) in JUDGED for data in bundles), seconds)


def log_records(folder: Path) -> list[Any]:
    """The records of its log."""
    return [record for _, record in read_log(folder / "data/log")]


def poison_recordings(folder: Path) -> Finding:
    """Recordings with impossible numbers, then an ordinary check."""
    with running_observatory(folder) as far:
        taken = sum(
            put_bundle(far, forging.forged_recording(change, f"x{n}"), f"127.20.{n}.1") in (200, 201)
            for n, change in enumerate(POISON)
        )
        mine = ordinary_check(1)
        put_bundle(far, mine)
        took_s = judged_in(far, [mine], 40.0)
        health = fetch(far.said["url"] + "health")[0]
    told = "never judged" if took_s is None else f"judged after {took_s:.0f} s"
    return Finding(
        took_s is not None and health == 200, f"{taken} of {len(POISON)} taken; the check {told}, /health {health}"
    )


def heavy_bundles(folder: Path) -> Finding:
    """Four heavy checks, then three ordinary ones of other people."""
    kinds = heavy_check(200, 128, 300), heavy_check(2000, 64, 30)  # over the bound of work, and under it
    bundles = [forging.forged_check(kinds[number % 2], probe=f"h{number}") for number in range(4)]
    with running_observatory(folder) as far:
        for number, data in enumerate(bundles):
            put_bundle(far, data, f"127.21.{number}.1")
        mine = [ordinary_check(number) for number in range(3)]
        for number, data in enumerate(mine):
            put_bundle(far, data, f"127.22.{number}.1")
        took_s = judged_in(far, mine, 60.0)
    told = "not judged within 60 s" if took_s is None else f"judged after {took_s:.0f} s"
    return Finding(took_s is not None and took_s < 45.0, f"the ordinary checks were {told}")


def long_texts(folder: Path) -> Finding:
    """Facts with long texts where there is no receipt: how much do they write into the permanent log?"""
    facts = forging.plain_record(forging.measured_facts())
    facts.pop("receipt", None)
    sent = 0
    with running_observatory(folder) as far:
        changes: list[dict[str, Any]] = [
            {"responder_key": "A" * 2_000_000},
            {"responder_class": "home" * 500_000},
            {"plan": {**facts["plan"], "arms": [{**facts["plan"]["arms"][0], "medium": "m" * 20_000}] * 60}},
            {"plan": {**facts["plan"], "arms": [{**facts["plan"]["arms"][0], "variant": "v" * 20_000}] * 60}},
        ]
        for number, change in enumerate(changes):
            data = forging.forged_check({**facts, **change}, probe=f"t{number}")
            sent += len(data)
            put_bundle(far, data, f"127.23.{number}.1")
        time.sleep(6)
        written = sum(file.stat().st_size for file in (folder / "data/log").rglob("*") if file.is_file())
    return Finding(written <= 16_384, f"{sent // 1000} kB sent, {written} B in the log")


def forged_listing(folder: Path) -> Finding:
    """A check without a receipt that names a listed server's key as its test server."""
    key = raw_key_text(forging.named_signer("listed").public)
    listed = folder / "responders.json"
    listed.write_text(json.dumps({"schema": "talkpath.responders/1", "responders": [{"key": key, "operator": "us"}]}))
    facts = forging.plain_record(forging.measured_facts())
    facts.update(responder_key=key)
    facts.pop("receipt", None)
    with running_observatory(folder, "--responders", listed) as far:
        data = forging.forged_check(facts)
        put_bundle(far, data)
        judged_in(far, [data], 30.0)
    found = [record for record in log_records(folder) if isinstance(record, Judged)]
    forged = [record for record in found if record.listed]
    return Finding(not forged, f"{len(forged)} of {len(found)} judged records are called listed")


def made_up_places(folder: Path) -> Finding:
    """Receipts of unlisted servers that name a network and country of the attacker's choice, and an app of his own."""
    with running_observatory(folder) as far:
        sent = []
        for number in range(7):
            facts = forging.measured_facts(f"m{number}", f"own{number}", "AS12345", "NL")
            sent.append(forging.forged_check(facts, probe=f"m{number}"))
            put_bundle(far, sent[-1], f"127.24.{number}.1")
        judged_in(far, sent, 40.0)
    found = [record for record in log_records(folder) if isinstance(record, Judged)]
    placed = [
        record for record in found if record.network == "AS12345" and record.placed == "responder" and not record.listed
    ]
    return Finding(not placed, f"{len(placed)} of {len(found)} placed in AS12345 by their own servers")


def a_past_in_one_evening(folder: Path) -> Finding:
    """Five address blocks send checks without a receipt, dated over 57 days: on which days do they count?"""
    today = datetime.now(UTC).date()
    facts = forging.plain_record(forging.measured_facts())
    facts.pop("receipt", None)
    sent = []
    with running_observatory(folder) as far:
        for number in range(20):
            started = f"{today - timedelta(days=3 * number)}T10:00:00Z"
            sent.append(forging.forged_check({**facts, "started_at": started}, probe=f"d{number}"))
            put_bundle(far, sent[-1], f"127.24.{number % 5}.1")
        judged_in(far, sent, 60.0)
    days = {record.measured for record in log_records(folder) if isinstance(record, Judged)}
    return Finding(days <= {today.isoformat()}, f"{len(sent)} sent; they count on {len(days)} days")


def a_past_that_a_server_vouches_for(folder: Path) -> Finding:
    """A listed test server signs receipts of 57 past days, and a helper sends them: on which days do they count?"""
    today, key = datetime.now(UTC), forging.named_signer("server")
    listed = folder / "responders.json"
    listed.write_text(
        json.dumps(
            {"schema": "talkpath.responders/1", "responders": [{"key": raw_key_text(key.public), "operator": "us"}]}
        )
    )
    dates = [(today - timedelta(days=back)).strftime(HOUR_FORMAT) for back in range(0, 58, 3)]
    sent = [forging.forged_check(forging.dated_facts(at), probe="probe") for at in dates]
    with running_observatory(folder, "--responders", listed) as far:
        for number, data in enumerate(sent):
            put_bundle(far, data, f"127.24.{number % 5}.1")
        judged_in(far, sent, 60.0)
    days = sorted(record.measured for record in log_records(folder) if isinstance(record, Judged))
    oldest = (today.date() - date.fromisoformat(days[0])).days if days else 0
    return Finding(bool(days) and oldest <= VOUCHED_DAYS, f"{len(sent)} sent, {len(days)} count, {oldest} days back")


def one_run_in_many_files(folder: Path) -> Finding:
    """One check with a listed test server, signed again by its own key as ten files that five blocks send."""
    key = raw_key_text(forging.named_signer("server").public)
    listed = folder / "responders.json"
    listed.write_text(json.dumps({"schema": "talkpath.responders/1", "responders": [{"key": key, "operator": "us"}]}))
    facts = forging.measured_facts(rules=("media.drop,app=whatsapp,p=0.5,direction=up",))
    sent = [forging.forged_check(facts, written_by=f"talkpath/9.{number}") for number in range(10)]
    with running_observatory(folder, "--responders", listed) as far:
        taken = [put_bundle(far, data, f"127.24.{number % 5}.1") in (200, 201) for number, data in enumerate(sent)]
        judged_in(far, sent[:1], 30.0)
    found = [record for record in log_records(folder) if isinstance(record, Judged)]
    told = {one.state for record in found for one in record.said}
    return Finding(sum(taken) == 1 and len(found) == 1, f"{sum(taken)} of {len(sent)} taken ({', '.join(told)})")


def feeds_that_are_none(folder: Path) -> Finding:
    """Feeds of names that are no country's: too long for a file, with slashes, with a byte that no name has."""
    mine, names = ordinary_check(1), ("x" * 300, "..%2f..%2fkey.pem", "%00", "%E2%80%AE", "nothing")
    with running_observatory(folder) as far:
        put_bundle(far, mine)
        judged_in(far, [mine], 30.0)
        found = [fetch(f"{far.said['url']}feeds/{name}.atom")[0] for name in names]
    return Finding(set(found) == {404}, f"answered {', '.join(map(str, found))}")


def hostile_names(folder: Path) -> Finding:
    """Names that begin a formula or steer a screen, in tables; a page asked for under a host of the asker's choice."""
    cells = [str(csv_cell(name)) for name in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\x1b[31m", "\u202eline")]
    bad = [cell for cell in cells if cell[:1] in "=+-@\t\r" or set(cell) & set("\x1b\u202e\t\r")]
    with running_observatory(folder) as far:
        where = urlsplit(far.said["url"])
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        cached = []
        for path in ("/en/now", "/en/events.json", "/open/dataset.jsonld"):
            connection.request("GET", path, headers={"Host": "evil.example"})
            answer = connection.getresponse()
            varies = "host" in (answer.getheader("Vary") or "").lower()
            cached += [path] if b"evil.example" in answer.read() and not varies else []
        connection.close()
    return Finding(
        not bad and not cached, f"{len(bad)} of {len(cells)} cells; cached under it: {', '.join(cached) or 'none'}"
    )


def poisoned_ooni(folder: Path) -> Finding:
    """Lines of OONI with days that are none, one right line among them: is the index filled with the right one?"""
    keys = {"whatsapp_endpoints_status": "ok", "registration_server_status": "ok"}
    days = ("2026-99-99", "2026-02-30", "٢٠٢٦-٠٨-١٤", "1000-01-01", "9999-12-31", "2026-08-14")
    lines = [
        {"test_name": "whatsapp", "test_keys": keys, "measurement_start_time": f"{day} 10:00:00",
         "probe_asn": "AS64500", "probe_cc": "XY", "report_id": day} for day in days
    ]  # fmt: skip
    (folder / "ooni.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run_talkpath("observe", "import", "--data", folder / "data", "--ooni", folder / "ooni.jsonl")
    done = run_talkpath("observe", "rebuild", "--data", folder / "data")
    found = log_records(folder)
    return Finding(done.exit_code == 0 and len(found) == 1, f"{len(found)} of {len(days)} taken, the index is made")


def own_app(folder: Path) -> Finding:
    """A check of an app that does not exist."""
    facts = forging.plain_record(forging.measured_facts())
    facts.pop("receipt", None)
    facts["plan"]["arms"][0]["app"] = "made.up-app"
    for epoch in facts["epochs"]:
        epoch["app"] = "made.up-app"
    with running_observatory(folder) as far:
        data = forging.forged_check(facts)
        put_bundle(far, data)
        judged_in(far, [data], 20.0)
        now = bundle_state(far, data)
    said = [one.app for record in log_records(folder) if isinstance(record, Judged) for one in record.said]
    return Finding("made.up-app" not in said, f"the report is {now}; apps on record: {', '.join(said) or 'none'}")


def _opened_connections(far: Server, count: int, source: str, first: bytes) -> Iterator[socket.socket]:
    where = urlsplit(far.said["url"])
    for _ in range(count):
        with suppress(OSError):
            end = socket.create_connection((where.hostname or "", where.port or 80), 5, (source, 0))
            end.sendall(first)
            yield end


def slow_bodies(folder: Path) -> Finding:
    """64 bodies from one address that never end, then somebody else's check."""
    fields = f"Host: x\r\nContent-Type: {BUNDLE_MEDIA_TYPE}\r\nContent-Length: 90000"
    head = f"PUT /v1/reports/{'0' * 64} HTTP/1.1\r\n{fields}\r\n\r\n"
    with running_observatory(folder) as far:
        held = list(_opened_connections(far, 64, "127.25.0.1", head.encode() + b"x"))
        time.sleep(1.0)
        status = put_bundle(far, ordinary_check(1), "127.26.0.1")
        for end in held:
            end.close()
    return Finding(status in (200, 201), f"{len(held)} held; the check got {status}")


def idle_connections(folder: Path) -> Finding:
    """1 010 connections from one address that say nothing, then others' requests."""
    with running_observatory(folder) as far:
        held = list(_opened_connections(far, 1010, "127.27.0.1", b""))
        time.sleep(0.5)
        health = fetch(far.said["url"] + "health")[0]
        status = put_bundle(far, ordinary_check(1), "127.28.0.1")
        for end in held:
            end.close()
    return Finding(health == 200 and status in (200, 201), f"{len(held)} held; /health {health}, a check {status}")


def log_lines(folder: Path) -> Finding:
    """3 000 malformed requests: lines on standard error."""
    with running_observatory(folder) as far:
        for _ in range(3000):
            for end in _opened_connections(far, 1, "127.29.0.1", b"\x00\xff GET nonsense\r\n\r\n"):
                end.close()
        time.sleep(1.0)
        lines = len(far.error_text.splitlines())
    return Finding(lines <= 200, f"{lines} lines")


def file_modes(folder: Path) -> Finding:
    """Under umask 022: which of the observatory's files may others read?"""
    with running_observatory(folder, umask=0o022) as far:
        put_bundle(far, ordinary_check(1))
        time.sleep(3.0)
    readable = [
        path.relative_to(folder / "data").as_posix()
        for path in (folder / "data").rglob("*")
        if path.is_file()
        and "open" not in path.relative_to(folder / "data").parts
        and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    ]
    reachable = (folder / "data").stat().st_mode & (stat.S_IXGRP | stat.S_IXOTH)
    exposed = readable if reachable else []
    return Finding(not exposed, f"{len(exposed)} readable ({len(readable)} by their own mode)")


def full_disk(folder: Path) -> Finding:
    """The folder on a small disk that is filled: what does /health say?"""
    disk = folder / "data"
    disk.mkdir()
    unshare = shutil.which("unshare")
    if unshare is None:
        return Finding(False, "not played: no unshare")
    script = f'mount -t tmpfs -o size=400m none "{disk}" && exec "$@"'
    wrap = (unshare, "-Urm" if os.geteuid() else "-m", "sh", "-c", script, "sh")
    with running_observatory(folder, wrap=wrap) as far:
        root = Path(f"/proc/{far.process.pid}/root{disk}")  # `exec` kept the process
        before = fetch(far.said["url"] + "health")[0]
        with suppress(OSError), (root / "fill").open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        put_bundle(far, ordinary_check(1))
        after, body = fetch(far.said["url"] + "health")
    wrong = json.loads(body).get("wrong", []) if body else []
    return Finding(after == 503, f"before {before}, full {after} ({'; '.join(wrong)[:80]})")


def doubled_record(folder: Path) -> Finding:
    """`ids.db` has no room left once the log was synchronised; the same reports are sent again, before and after a
    restart."""
    bundles = [str(number).encode() * 100 for number in range(300)]
    entries = [LogEntry(Received(hashlib.sha256(data).hexdigest(), "", len(data)), data) for data in bundles]
    log = Log(LogFolder(folder / "data"), lambda: "2026-11-24")
    full = log.register._db.db.execute("PRAGMA page_count").fetchone()[0]
    log.register._db.db.execute(f"PRAGMA max_page_count = {full}")
    taken = sum(log.commit(entries))
    with suppress(LogError):
        taken += sum(log.commit(entries))
    log.close()
    log = Log(LogFolder(folder / "data"), lambda: "2026-11-24")
    taken += sum(log.commit(entries))
    written = [record.id for _, record in log.read()]
    log.close()
    doubled = len(written) - len(set(written))
    return Finding(not doubled and taken == len(set(written)) == 300, f"{doubled} of {len(written)} doubled")


ATTACKS = (
    Attack("impossible recordings, then a check: the judge", "judged within 40 s, /health 200", poison_recordings),
    Attack("four heavy checks, then three ordinary ones", "judged within 45 s", heavy_bundles),
    Attack("long texts without a receipt: the log", "≤ 16 kB", long_texts),
    Attack("a listed key without its receipt", "not called listed", forged_listing),
    Attack("receipts of made-up servers choose network and country", "counted nowhere", made_up_places),
    Attack("checks of 57 past days, sent by five blocks in one evening", "one day", a_past_in_one_evening),
    Attack(
        "receipts of 57 past days by a listed server", f"≤ {VOUCHED_DAYS} days back", a_past_that_a_server_vouches_for
    ),
    Attack("one run of a listed server, in ten files from five blocks", "counts once", one_run_in_many_files),
    Attack("feeds of names that are none", "404", feeds_that_are_none),
    Attack("OONI's lines of days that are none: import, rebuild", "the right one is taken", poisoned_ooni),
    Attack("names that are formulas or steer a screen; a page under another Host", "no cell, no cache", hostile_names),
    Attack("an app that does not exist", "on no record", own_app),
    Attack("64 slow bodies of one address", "others are served", slow_bodies),
    Attack("1 010 idle connections of one address", "others are served", idle_connections),
    Attack("3 000 malformed requests: lines logged", "≤ 200", log_lines),
    Attack("files under umask 022", "none readable by others", file_modes),
    Attack("a full disk: /health", "503", full_disk),
    Attack("ids.db fails after the log's sync, then a restart", "no record doubled, none lost", doubled_record),
)
