"""Inputs of an observatory's doors that were changed, and right ones to come between (scripts/fuzz_doors.py)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Protocol

import msgspec

from factories.checks.mutated_bundles import mutated_record, signed_bundle
from factories.networks.server_lists import DIRECTORY, NOW, listed_server, signed_server_list
from factories.observatories.memory_index import Memory
from factories.observatories.sent_bundles import DAY, measured_bundle, resealed_bundle
from factories.observatories.stages import Row, WholeObservatory, http_status
from talkpath.directory.choice import servers_to_try
from talkpath.directory.fetch import ListReader, SeenLists
from talkpath.directory.offer import OFFER_SIGNED_PREFIX, Offer, read_offer, sign_offer
from talkpath.directory.server_list import LIST_SIGNED_PREFIX, DirectoryLink, ListRefusedError, list_text, read_list
from talkpath.errors import WireError
from talkpath.evidence.archive import unpack_archive
from talkpath.evidence.bundle import FACTS_PART, MANIFEST_PART, RECEIPT_PART, SIGNATURE_PART, VERDICT_PART
from talkpath.evidence.compression import compress, decompress
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.log.records import Judged
from talkpath.observatory.responders.registrar import Registrar
from talkpath.observatory.responders.server_table import DirectorySummary, ServerTable, by_country, shown_server
from talkpath.observatory.web.routes import page_routes
from talkpath.observatory.web.site import Site
from talkpath.wire.control.keys import Signer, raw_key_text
from talkpath.wire.control.receipt import RECEIPT_PREFIX

MOST_UNPACKED_BYTES = 16 << 20
LYING = Signer.of_seed(b"a directory that lies".ljust(32))


class OpenDoor(Protocol):
    """A door of a fresh observatory in a folder of its own."""

    def bring_right(self, number: int) -> None:
        """Bring in something right, a different one for each number."""

    def bring_changed(self, rng: Random) -> bool:
        """Bring in something that was changed; whether it was taken. Raises what no door may raise."""

    def lost(self) -> list[str]:
        """Run all stages; what is missing of the right things."""

    def close(self) -> None:
        """Close it."""


def changed_bytes(data: bytes, rng: Random) -> bytes:
    """The bytes with a few of them flipped, put in, left out or doubled."""
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, length = rng.randrange(len(data) + 1), rng.choice((1, 1, 4, 40))
        put = rng.choice((rng.randbytes(length), b"", data[at : at + length] * 2, b"\x00", b"\xff\xfe", b"9" * length))
        data = data[:at] + put + data[at + rng.choice((0, length)) :]
    return data


def changed_text(record: Any, rng: Random) -> bytes:
    """A record as JSON, changed in its structure or its bytes."""
    try:
        made = mutated_record(record, rng, rng.choice((1, 1, 2, 4))) if rng.random() < 0.8 else record
        line = json.dumps(made, default=repr, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    except (IndexError, OverflowError, RecursionError, TypeError, ValueError):
        line = b"{}"
    return changed_bytes(line, rng) if rng.random() < 0.3 else line


# -- reports


@cache
def _right_bundle(number: int) -> bytes:
    return measured_bundle(number % 4, restricted=number % 3 == 0)


@cache
def _recorded_bundles() -> tuple[tuple[str, Any, Any], ...]:
    """(kind, facts, verdict) of recordings and of an app's own servers."""
    from fuzz_records import unchanged_bundles

    return tuple((kind, {**facts, "simulated": False}, told) for kind, facts, told in unchanged_bundles()
                 if kind != "check")  # fmt: skip


def _changed_bundle(rng: Random) -> bytes | None:
    """A bundle whose facts, receipt, verdict, manifest or bytes were changed."""
    times = rng.choice((1, 1, 2, 4))
    if rng.random() < 0.25:
        kind, facts, told = rng.choice(_recorded_bundles())
        return signed_bundle(kind, mutated_record(facts, rng, times), told, Signer.of_seed(rng.randbytes(32)))
    seed = rng.randrange(4)
    data = measured_bundle(seed, restricted=rng.random() < 0.3)
    what = rng.choice((FACTS_PART, FACTS_PART, RECEIPT_PART, VERDICT_PART, "parts", "bytes"))
    if what == "bytes":
        return changed_bytes(data, rng)
    parts = {name: part for name, part in unpack_archive(data).items() if name not in (MANIFEST_PART, SIGNATURE_PART)}
    if what == "parts":
        name = rng.choice([*parts])
        parts[name] = changed_bytes(parts[name], rng)
        return resealed_bundle(parts, rng.choice(("check", "capture", "endpoints", "", "x" * 999)), seed)
    if what == FACTS_PART and rng.random() < 0.6:  # else their digest is another than the receipt's
        parts.pop(RECEIPT_PART)
    changed = _changed_part(what, decompress(parts[what], MOST_UNPACKED_BYTES), rng, times, seed)
    return None if changed is None else resealed_bundle({**parts, what: compress(changed)}, seed=seed)


def _changed_part(name: str, data: bytes, rng: Random, times: int, seed: int) -> bytes | None:
    try:
        if name == VERDICT_PART:
            return msgspec.json.encode(mutated_record(msgspec.json.decode(data), rng, times))
        record = msgspec.msgpack.decode(data, strict=False)
        if name == RECEIPT_PART:  # signed again, as a test server that lies may
            body = msgspec.msgpack.encode(mutated_record(msgspec.msgpack.decode(record["body"]), rng, times))
            signer = Signer.of_seed(hashlib.sha256(f"far {seed}".encode()).digest())
            record = {"body": body, "signature": signer.sign(RECEIPT_PREFIX + body)}
            return msgspec.msgpack.encode(record)
        return msgspec.msgpack.encode(mutated_record(record, rng, times))
    except (OverflowError, TypeError, ValueError):
        return None


class _ReportDoor:
    """What all doors of reports have: the right reports must be in the index afterwards."""

    def __init__(self, root: Path, dsn: str = "") -> None:
        self.behind, self.right = WholeObservatory(root, dsn), set[Row]()

    def lost(self) -> list[str]:
        return [f"lost {row}" for row in sorted(self.right - self.behind.shown_rows())]

    def close(self) -> None:
        self.behind.close()

    def _logged(self, until: int) -> None:
        """Expect all that came into the log after that record."""
        for _, record in self.behind.log.read(until):
            said = getattr(record, "said", None)
            told = (
                [(one.app, one.medium, one.state) for one in said] if said else [(record.app, record.medium, "failed")]
            )
            self.right |= {(record.id, *one, record.measured) for one in told}


class BundleDoor(_ReportDoor):
    """Bundles that people send."""

    def bring_right(self, number: int) -> None:
        record = self.behind.take_bundle(_right_bundle(number), f"198.51.100.{number % 250}")
        if record is not None:
            assert isinstance(record, Judged)
            self.right |= {(record.id, said.app, said.medium, said.state, DAY) for said in record.said}

    def bring_changed(self, rng: Random) -> bool:
        data = _changed_bundle(rng)
        host = f"203.0.113.{rng.randrange(250)}"
        return data is not None and isinstance(self.behind.take_bundle(data, host), Judged)


OONI_LINE = {
    "data_format_version": "0.2.0", "measurement_start_time": "2026-11-20 10:02:41", "probe_asn": "AS64500",
    "probe_cc": "XY", "report_id": "20261120T100241Z_x", "test_version": "0.9.0", "input": None,
}  # fmt: skip
OONI_KEYS: Mapping[str, dict[str, Any]] = {
    "whatsapp": {"whatsapp_endpoints_status": "ok", "registration_server_status": "blocked",
                 "registration_server_failure": "dns_nxdomain_error"},
    "telegram": {"telegram_tcp_blocking": True, "telegram_http_blocking": False},
    "signal": {"signal_backend_status": "ok", "signal_backend_failure": None},
    "facebook_messenger": {"facebook_dns_blocking": False, "facebook_tcp_blocking": True},
    "stunreachability": {"endpoint": "stun://stun.voip.signal.org:3478", "failure": "generic_timeout_error"},
}  # fmt: skip


class OoniDoor(_ReportDoor):
    """Lines of OONI's measurements."""

    def bring_right(self, number: int) -> None:
        name = list(OONI_KEYS)[number % len(OONI_KEYS)]
        line = {**OONI_LINE, "test_name": name, "test_keys": OONI_KEYS[name], "report_id": f"right {number}"}
        last = self.behind.log.last
        count = self.behind.import_lines("week.jsonl", b"{\n\xff\n" + json.dumps(line).encode() + b"\n[]")
        assert count.measurements == 1
        self._logged(last)

    def bring_changed(self, rng: Random) -> bool:
        name = rng.choice(list(OONI_KEYS))
        line = {**OONI_LINE, "test_name": name, "test_keys": OONI_KEYS[name], "report_id": str(rng.random())}
        return self.behind.import_lines("week.jsonl", changed_text(line, rng)).measurements > 0


TAP_LINE = {"day": DAY, "network": "AS64500", "country": "XY", "app": "signal", "medium": "voice", "simulated": False}


class TapDoor(_ReportDoor):
    """Taps: lines of a file, and bodies over HTTP."""

    def bring_right(self, number: int) -> None:
        last = self.behind.log.last
        line = json.dumps({**TAP_LINE, "network": f"AS{64500 + number}"}).encode()
        assert self.behind.import_lines("taps.jsonl", b"{\n\xff\n" + line + b"\n[]").taps == 1
        if number == 1:
            assert self.behind.tap(b'{"app":"signal","medium":"voice"}') == 201
        self._logged(last)

    def bring_changed(self, rng: Random) -> bool:
        if rng.random() < 0.5:
            return self.behind.import_lines("taps.jsonl", changed_text(TAP_LINE, rng)).taps > 0
        status = self.behind.tap(changed_text({"app": "whatsapp", "medium": rng.choice(("text", "video"))}, rng))
        assert status in (200, 201, 400, 404, 411, 413, 422), status
        return status < 300


# -- test servers


class OfferDoor:
    """Offers of test servers; whatever is offered passes its test. The list must name each right server."""

    def __init__(self, root: Path, dsn: str = "") -> None:
        self.table = ServerTable(root)
        self.registrar, self.right = Registrar(self.table, DIRECTORY, is_open=True), set[bytes]()
        self.now = int(NOW.timestamp())

    def bring_right(self, number: int) -> None:
        signer = Signer.of_seed(number.to_bytes(32, "big"))
        self.right.add(signer.public)
        server = listed_server(number, key=signer.public)
        self._take(sign_offer(signer, DIRECTORY.public, NOW, server))
        self._pass_tests()

    def bring_changed(self, rng: Random) -> bool:
        signer = Signer.of_seed(rng.randbytes(32))
        data = sign_offer(signer, DIRECTORY.public, NOW, listed_server(rng.randrange(99), key=signer.public))
        if rng.random() < 0.3:
            data = changed_bytes(data, rng)
        else:
            data = _signed_again(data, OFFER_SIGNED_PREFIX, signer, rng)
        try:
            self._take(data)
        except (WireError, ReportRefusedError):
            return False
        return True

    def lost(self) -> list[str]:
        self._pass_tests()
        self.registrar.forget(self.now)
        found = read_list(self.registrar.publish(self.now), DIRECTORY.public, NOW)
        shown = tuple(shown_server(known) for known in self.table.all() if self.registrar.is_listed(known, self.now))
        summary = DirectorySummary(raw_key_text(DIRECTORY.public), 1, "", shown, by_country(shown))
        site = Site(today=lambda: DAY, servers=lambda: summary)
        routes = page_routes(Memory([]), site)
        assert [http_status(routes, "GET", f"/en/servers{form}") for form in ("", ".json")] == [200, 200]
        listed = {server.key for server in found.servers}
        return [f"lost the server {key.hex()}" for key in sorted(self.right - listed)]

    def close(self) -> None:
        self.table.close()

    def _take(self, data: bytes) -> None:
        offer: Offer = read_offer(data, DIRECTORY.public)
        self.registrar.is_new(offer)
        self.registrar.take(offer, self.now)

    def _pass_tests(self) -> None:
        for known in self.registrar.due(self.now):
            self.registrar.tested(known, self.now, ())


def _signed_again(data: bytes, prefix: bytes, signer: Signer, rng: Random) -> bytes:
    """A signed record whose body was changed in its structure and signed again."""
    body = msgspec.msgpack.decode(data)[0]
    for _ in range(20):
        try:
            body = msgspec.msgpack.encode(mutated_record(msgspec.msgpack.decode(body), rng, rng.choice((1, 1, 2, 4))))
            break
        except (OverflowError, TypeError, ValueError):
            continue
    return msgspec.msgpack.encode([body, signer.sign(prefix + body)])


class ListDoor:
    """Signed lists as a check reads them: changed ones of one's own directory, and anything of a directory that lies.
    Each right list must be read, and the newest kept."""

    def __init__(self, root: Path, dsn: str = "") -> None:
        self.file, self.serial = root / "servers.list", 0
        self.reader = ListReader(SeenLists(root / "seen"), lambda: NOW)

    def bring_right(self, number: int) -> None:
        self.serial = number
        data = signed_server_list(serial=number)
        self.file.write_bytes(data if number % 2 else list_text(data).encode())
        assert len(self.reader.read(DirectoryLink(str(self.file), DIRECTORY.public)).servers.servers) == 3

    def bring_changed(self, rng: Random) -> bool:
        signer = rng.choice((DIRECTORY, LYING))
        data = signed_server_list(serial=rng.randint(1, max(self.serial, 1)), signer=signer)
        if signer is LYING:
            data = _signed_again(data, LIST_SIGNED_PREFIX, LYING, rng)
        if signer is DIRECTORY or rng.random() < 0.3:
            data = changed_bytes(data if rng.random() < 0.7 else list_text(data).encode(), rng)
        self.file.write_bytes(data)
        try:
            found = self.reader.read(DirectoryLink(str(self.file), rng.choice((signer.public, b""))))
        except ListRefusedError:
            return False
        assert len(servers_to_try(found.servers.servers, rng, NOW, country="XX")) <= 5
        for server in found.servers.servers:
            str(server.link)
        return True

    def lost(self) -> list[str]:
        seen = self.reader.seen.newest(DIRECTORY.public)
        return [] if seen is not None and seen[0].serial == self.serial else ["lost the newest list"]

    def close(self) -> None:
        """Nothing is open."""


DOORS: Mapping[str, Callable[..., OpenDoor]] = {
    "bundles": BundleDoor,
    "ooni": OoniDoor,
    "taps": TapDoor,
    "offers": OfferDoor,
    "lists": ListDoor,
}
