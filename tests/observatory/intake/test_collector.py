"""What the collector takes and refuses, by which code, and that a refusal costs little and harms nothing."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import tracemalloc
from collections.abc import Awaitable, Iterator
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from factories.observatories.sent_bundles import (
    COUNTRY,
    DAY,
    Bench,
    measured_bundle,
    resealed_bundle,
    seeded_signer,
    sent_facts,
    sent_results,
    simulated_bundle,
)
from talkpath.evidence.archive import pack_archive, unpack_archive
from talkpath.evidence.bundle import (
    FACTS_PART,
    MANIFEST_PART,
    RECEIPT_PART,
    SIGNATURE_PART,
    VERDICT_PART,
    read_bundle,
    write_check,
)
from talkpath.measure.decode import MOST_FACTS_BYTES
from talkpath.observatory.intake.collector import IntakeSettings
from talkpath.observatory.intake.contributors import Contributors, HourlyLimit
from talkpath.observatory.intake.requests import ReportRefusedError
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.records import Received, Tap
from talkpath.wire.control.keys import Signer

HOME, NEIGHBOUR, AWAY = "192.0.2.7", "192.0.2.200", "198.51.100.1"
Value = TypeVar("Value")


def run(work: Awaitable[Value]) -> Value:
    async def wait() -> Value:
        return await work

    return asyncio.run(wait())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def refused(work: Awaitable[object]) -> str:
    with pytest.raises(ReportRefusedError) as told:
        run(work)
    assert str(told.value).count(". ") == 0, "one sentence"
    return told.value.code


def body(data: bytes) -> dict[str, bytes]:
    return {name: part for name, part in unpack_archive(data).items() if name not in (MANIFEST_PART, SIGNATURE_PART)}


def test_a_bundle_is_taken_once(bench: Bench):
    data = measured_bundle()
    first, second = run(bench.take(data, HOME)), run(bench.take(data, AWAY))
    assert (first.new, first.state) == (True, "received")
    assert (second.new, second.id) == (False, hashlib.sha256(data).hexdigest())
    (record,) = [record for _, record in bench.log.read()]
    assert isinstance(record, Received)
    assert bench.log.bundle(record) == data


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "changed"),
        (b"PK\x03\x04" + bytes(1000), "changed"),
        (measured_bundle()[:-1], "changed"),
        (measured_bundle() + b"\0", "changed"),
        (bytes(3 << 20), "too_large"),
        (pack_archive({**unpack_archive(measured_bundle()), SIGNATURE_PART: bytes(64)}), "changed"),
        (simulated_bundle(), "simulated"),
        (resealed_bundle({FACTS_PART: b"x", VERDICT_PART: b"y"}, "nonsense"), "changed"),
        (resealed_bundle({FACTS_PART: b"x", "more": b"y"}), "changed"),
    ],
)
def test_what_is_refused(bench: Bench, data: bytes, code: str):
    assert refused(bench.take(data, HOME)) == code
    assert list(bench.log.read()) == []
    assert run(bench.take(measured_bundle(), HOME)).new, "the next one is taken as if nothing had been"


@given(st.randoms(use_true_random=False))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bundle_with_a_changed_bit_is_never_taken(bench: Bench, draws: Random):
    data = bytearray(measured_bundle())
    for _ in range(draws.choice([1, 1, 1, 5])):
        data[draws.randrange(len(data))] ^= 1 << draws.randrange(8)
    if bytes(data) != measured_bundle():
        assert refused(bench.take(bytes(data), HOME)) == "changed"


def test_a_bomb_does_not_go_off_here(bench: Bench):
    """Half a gigabyte of zeros, twice, signed by a stranger: no more than an outline may have is unpacked."""
    bomb = gzip.compress(bytes(512 << 20), 1)
    nested = resealed_bundle({FACTS_PART: bomb[: 1 << 19], VERDICT_PART: bomb[: 1 << 19]})
    tracemalloc.start()
    assert refused(bench.take(nested, HOME)) == "changed"
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 3 * MOST_FACTS_BYTES


def test_facts_that_would_cause_more_work_than_any_checks_are_refused(bench: Bench):
    """A few kilobytes that tell of very many flows and packets, signed by a stranger."""
    epoch = sent_facts().epochs[0]
    heavy = replace(sent_facts(), simulated=False, receipt=None, epochs=(epoch,) * 1000)
    signer = Signer.of_seed(bytes(32))
    assert refused(bench.take(write_check(heavy, sent_results(False), signer), HOME)) == "changed"
    light, second = replace(heavy, epochs=(epoch,)), write_check(heavy, sent_results(False), Signer.of_seed(b"2" * 32))
    assert refused(bench.take(write_check(light, sent_results(False), signer, second), HOME)) == "changed"
    assert list(bench.log.read()) == []


def test_a_bomb_in_the_receipt_is_refused(bench: Bench):
    parts, zeros = body(measured_bundle()), gzip.compress(bytes(64 << 20), 1)
    bomb = resealed_bundle(
        {FACTS_PART: parts[FACTS_PART], "receipt.msgpack.gz": zeros, VERDICT_PART: parts[VERDICT_PART]}
    )
    assert refused(bench.take(bomb, HOME)) == "changed"


def test_a_run_counts_once_in_however_many_files(bench: Bench):
    parts, secret = body(measured_bundle()), "ab" * 32
    again = write_check(read_bundle(measured_bundle()).facts, {"note": "another file"}, seeded_signer("probe", 0))
    assert body(again)[RECEIPT_PART] == parts[RECEIPT_PART]
    name = run(bench.take(measured_bundle(), HOME, hashlib.sha256(bytes.fromhex(secret)).hexdigest())).id
    assert refused(bench.take(again, AWAY)) == "known_run"
    together = [LogEntry(replace(one, id=number * 64, run="cd" * 32), b"x") for number in "12"
                for _, one in bench.log.read() if isinstance(one, Received)]  # fmt: skip
    assert bench.log.commit(together) == [True, False]
    assert run(bench.take(measured_bundle(1), HOME)).new, "another run of the same place"
    assert run(bench.collector.withdraw(name, secret)) == "removed"
    assert run(bench.take(again, AWAY)).new, "what was taken back counts no more"


def test_the_id_has_to_be_that_of_the_bytes(bench: Bench):
    assert refused(bench.take(measured_bundle(), HOME, name="0" * 64)) == "wrong_id"
    assert run(bench.take(measured_bundle(), HOME, name=hashlib.sha256(measured_bundle()).hexdigest())).new


def test_only_the_secret_takes_it_back(bench: Bench):
    secret = "ab" * 32
    lock = hashlib.sha256(bytes.fromhex(secret)).hexdigest()
    name = run(bench.take(measured_bundle(), HOME, withdraw=lock)).id
    for wrong in ("", "cd" * 32, lock, "ü"):
        assert refused(bench.collector.withdraw(name, wrong)) == "not_found"
    assert run(bench.collector.withdraw(name, secret)) == "removed"
    assert refused(bench.collector.withdraw(name, secret)) == "not_found"


def test_what_nobody_has_a_secret_of_stays(bench: Bench):
    name = run(bench.take(measured_bundle(), HOME)).id
    assert refused(bench.collector.withdraw(name, hashlib.sha256(b"").hexdigest())) == "not_found"


def test_after_sealing_it_is_a_tombstone(bench: Bench):
    secret = "ab" * 32
    name = run(bench.take(measured_bundle(), HOME, withdraw=hashlib.sha256(bytes.fromhex(secret)).hexdigest())).id
    bench.day = "2026-11-28"
    bench.log.seal_until(DAY)
    assert run(bench.collector.withdraw(name, secret)) == run(bench.collector.withdraw(name, secret)) == "tombstone"


def test_one_tap_a_day_app_and_medium(bench: Bench):
    drawn = [("voice", HOME), ("voice", NEIGHBOUR), ("video", HOME), ("voice", AWAY)]
    taps = [run(bench.collector.tap("signal", medium, host)).new for medium, host in drawn]
    assert taps == [True, False, True, True], "a neighbour of the same /24 is the same contributor"
    assert refused(bench.collector.tap("nosuch", "voice", HOME)) == "unknown_app"
    assert all(isinstance(record, Tap) for _, record in bench.log.read())


def test_too_much_from_one_network_waits_and_others_do_not(tmp_path: Path):
    bench = Bench(tmp_path, IntakeSettings(bundles_an_hour=3, apps=frozenset()))
    for _ in range(3):
        bench.collector.admit(HOME)
    with pytest.raises(ReportRefusedError) as told:
        bench.collector.admit(NEIGHBOUR)
    assert (told.value.status, told.value.retry_after_s) == (429, 1201)
    bench.collector.admit(AWAY)
    bench.time.s += 1201.0
    bench.collector.admit(HOME)
    bench.close()


def test_a_country_that_is_stopped(tmp_path: Path):
    bench = Bench(tmp_path, IntakeSettings(stopped=frozenset((COUNTRY, "ZZ")), apps=frozenset(("signal",))))
    assert refused(bench.take(measured_bundle(), HOME)) == "stopped", "by the receipt"
    assert refused(bench.collector.tap("signal", "voice", HOME)) == "stopped", "by our own finding"
    bench.close()


def test_pseudonyms_live_one_day_and_hold_nothing_of_the_address():
    day = [DAY]
    people = Contributors(lambda: day[0])
    one = people.of(HOME)
    assert people.of(NEIGHBOUR) == people.of(f"::ffff:{HOME}") == one
    assert people.of("2001:db8:1::1") == people.of("2001:db8:1:ffff::2") != people.of("2001:db8:2::1")
    assert people.of(None) == people.of("unix") == (0, 0)
    assert Contributors(lambda: DAY).of(HOME) != one
    day[0] = "2026-11-25"
    assert people.of(HOME).key != one.key
    assert people.of(HOME).pseudonym != one.pseudonym
    assert HOME not in repr(people)


def test_limits_forget_who_was_quiet_longest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("talkpath.observatory.intake.contributors.MOST_PEOPLE", 2)
    limit = HourlyLimit(1, lambda: 0.0)
    people = Contributors(lambda: DAY)
    first, second, third = (people.of(host) for host in ("192.0.2.1", "198.51.100.1", "203.0.113.1"))
    assert [limit.wait_s(who) > 0 for who in (first, first, second, third, first)] == [False, True, False, False, False]
