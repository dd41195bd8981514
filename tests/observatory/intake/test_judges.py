"""Whatever a bundle does to the process that judges it, every report ends judged or unfit, and the others too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import to_builtins
from msgspec.structs import replace
from poison import poisoned

from evidence import NETWORK, Bench, facts, measured, resealed, told
from talkpath.evidence.bundle import FACTS, VERDICT, write_capture, write_check
from talkpath.measure.call import Attempt, Findings
from talkpath.observatory.intake import judges
from talkpath.observatory.intake.judges import Judges
from talkpath.observatory.log.records import Judged, Record, Unfit
from talkpath.report import capture_json
from talkpath.wire.sign import Signer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def take(bench: Bench, *bundles: bytes) -> list[str]:
    async def all_of() -> list[str]:
        return [(await bench.desk.take(data, "192.0.2.1")).id for data in bundles]

    return asyncio.run(all_of())


def judge(bench: Bench, most_s: float = 60.0) -> dict[str, Judged | Unfit]:
    async def commit(record: Record) -> bool:
        return await asyncio.wrap_future(bench.committer.submit(record))

    async def rounds() -> None:
        found = Judges(bench.log, commit, {}, simulated=False, most_s=most_s)
        while await found.round():
            pass
        found.close()

    asyncio.run(rounds())
    return {record.id: record for _, record in bench.log.read() if isinstance(record, Judged | Unfit)}


def odd(remainder: int) -> bytes:
    """A bundle of a size with that remainder by 4."""
    data = [resealed({FACTS: b"x" * size, VERDICT: b"y"}, seed=size) for size in range(4)]
    return next(one for one in data if len(one) % 4 == remainder)


def test_real_bundles_are_judged_in_another_process(bench: Bench):
    names = take(bench, measured(1), measured(2, restricted=True))
    found = judge(bench)
    states = {said.state for name in names for said in found[name].said}  # type: ignore[union-attr]
    assert states == {"ok", "restricted"}
    places = {(record.network, record.placed) for record in found.values() if isinstance(record, Judged)}
    assert places == {(NETWORK, "responder")}
    assert bench.log.waiting() == []


def test_a_process_that_dies_or_hangs_costs_its_own_bundle_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judges, "judge_received", poisoned)
    deadly, endless, fine = take(bench, odd(1), odd(0), odd(2))
    found = judge(bench, most_s=4.0)
    assert [type(found[name]).__name__ for name in (deadly, endless, fine)] == ["Unfit"] * 3
    whys = [found[name].why for name in (deadly, endless, fine)]  # type: ignore[union-attr]
    assert whys[:2] == [judges.CRASHED, judges.CRASHED]
    assert whys[2].startswith("A part of the bundle")


def test_what_a_stranger_made_of_the_labs_facts_is_unfit(bench: Bench):
    (name,) = take(bench, write_check(facts(), told(False), Signer.of_seed(bytes(32))))
    assert found_why(judge(bench), name) == "It was made by the lab."


def recording(*attempts: Attempt) -> bytes:
    found = Findings(packets=9000, duration_s=60.0, unread={}, calls=(), attempts=attempts)
    return write_capture(found, to_builtins(capture_json.result("-", found)), Signer.of_seed(bytes(32)))


def unanswered(app: str, confidence: float = 0.9, other_packets: int = 1000) -> Attempt:
    return Attempt(app, confidence, 0.0, 10.0, False, 5, 0, other_packets)


def test_a_recording_counts_once_for_an_app_and_for_the_day_it_came_in(bench: Bench):
    (name,) = take(bench, recording(unanswered("telegram"), unanswered("telegram"), unanswered("whatsapp", 0.9, 0)))
    record = judge(bench)[name]
    assert isinstance(record, Judged)
    assert (record.source, record.measured) == ("capture", bench.day)
    said = {one.app: (one.state, one.basis, one.rule) for one in record.said}
    assert said == {"telegram": ("insufficient", "call", "stun.drop"), "whatsapp": ("insufficient", "call", None)}


def test_between_equals_a_recording_accuses_nobody(bench: Bench):
    (name,) = take(bench, recording(unanswered("telegram"), unanswered("telegram", other_packets=0)))
    record = judge(bench)[name]
    assert isinstance(record, Judged)
    assert [one.rule for one in record.said] == [None]


def test_a_recording_of_who_knows_which_app_is_unfit(bench: Bench):
    (name,) = take(bench, recording(unanswered("telegram", 0.5)))
    assert "known for sure" in found_why(judge(bench), name)


def test_a_day_that_is_still_to_come_is_unfit(bench: Bench):
    later = replace(facts(), simulated=False, started_at="2031-01-01T10:00:00Z")
    (name,) = take(bench, write_check(later, told(False), Signer.of_seed(bytes(32))))
    assert found_why(judge(bench), name) == "It tells a day that is still to come."


def found_why(found: dict[str, Judged | Unfit], name: str) -> str:
    record = found[name]
    assert isinstance(record, Unfit)
    return record.why
