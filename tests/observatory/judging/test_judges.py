"""Whatever a bundle does to the process that judges it, every report ends judged or unfit, and the others too."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins
from msgspec.structs import replace

from factories.observatories.poisoned_judges import hungry_judge, killed_judge, poisoned_again
from factories.observatories.sent_bundles import (
    DAY,
    NETWORK,
    Bench,
    measured_bundle,
    resealed_bundle,
    responder_key,
    sent_facts,
    sent_results,
)
from proof.accompanied_calls import play_accompanied_call
from talkpath.errors import PeerError
from talkpath.evidence.bundle import FACTS_PART, VERDICT_PART, write_capture, write_check, write_endpoints
from talkpath.lab.scenario import Scenario
from talkpath.measure.call import Attempt, Findings
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import ControlAttempt, Exchange, Facts, Health, Reach
from talkpath.observatory.judging import judges
from talkpath.observatory.judging.judges import AGAIN_AT_ONCE, JudgeLimits, JudgeProcess, Judges, take_turns
from talkpath.observatory.log.log import LogEntry
from talkpath.observatory.log.packs import remove_bundle
from talkpath.observatory.log.records import Judged, LoggedVerdict, Received, Record, Unfit
from talkpath.observatory.log.register import Known
from talkpath.report import endpoint_report
from talkpath.report.check_json import judge_check
from talkpath.report.recordings import capture_json
from talkpath.verdict.bases.calls_together import judge_recording
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.judge import RULES_VERSION
from talkpath.wire.control.keys import Signer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def take(bench: Bench, *bundles: bytes, contributor: int = 1) -> list[str]:
    """Put bundles straight into the log: what the intake of this version refuses an older one may have taken."""
    records = [Received(hashlib.sha256(data).hexdigest(), "", len(data), contributor=contributor) for data in bundles]
    for record, data in zip(records, bundles, strict=True):
        bench.log.commit([LogEntry(record, data)])
    return [record.id for record in records]


def judge(
    bench: Bench, limits: JudgeLimits | None = None, rounds: int = 99, listed: Mapping[str, str] | None = None
) -> dict[str, Judged | Unfit]:
    async def commit(record: Record) -> bool:
        return await asyncio.wrap_future(bench.committer.submit(record))

    async def work() -> None:
        judges = Judges(bench.log, commit, listed or {}, simulated=False, limits=limits)
        for _ in range(rounds):
            if not await judges.judge_waiting() and not await judges.judge_older():
                break
        judges.close()

    asyncio.run(work())
    return {record.id: record for _, record in bench.log.read() if isinstance(record, Judged | Unfit)}


def odd(remainder: int) -> bytes:
    """A bundle of a size with that remainder by 4."""
    return of_size(remainder, 4)


def of_size(remainder: int, divisor: int) -> bytes:
    """A bundle of a size with that remainder."""
    data = (resealed_bundle({FACTS_PART: b"x" * size, VERDICT_PART: b"y"}, seed=size) for size in range(4 * divisor))
    return next(one for one in data if len(one) % divisor == remainder)


def test_real_bundles_are_judged_in_another_process(bench: Bench):
    names = take(bench, measured_bundle(1), measured_bundle(2, restricted=True))
    found = judge(bench, listed=dict.fromkeys(map(responder_key, (1, 2)), "a friend"))
    states = {said.state for name in names for said in found[name].said}  # type: ignore[union-attr]
    assert states == {"ok", "restricted"}
    places = {(record.network, record.placed) for record in found.values() if isinstance(record, Judged)}
    assert places == {(NETWORK, "responder")}
    assert bench.log.register.waiting() == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("control", "state"), [("timeout", "unreachable"), ("silent", "insufficient"), ("other_key", "insufficient")]
)
def test_a_check_without_a_control_channel_is_taken_and_accuses_nobody(bench: Bench, control: str, state: str):
    attempts = (ControlAttempt(4433, control, "" if control == "timeout" else "bare", took_s=5.0),)
    plan = sent_facts().plan
    reach = Reach(control=control, tcp_tries=1, attempts=attempts)
    lost = Health(ended="responder_lost", vpn=False)
    nothing = Facts(plan=plan, health=lost, reach=reach, started_at=f"{DAY}T10:00:00Z")
    bundle = write_check(nothing, judge_check(nothing)[1], Signer.fresh())
    taken = asyncio.run(bench.take(bundle, "192.0.2.7"))
    found = judge(bench)[taken.id]
    assert isinstance(found, Judged)
    assert {said.state for said in found.said} == {state}


def by_older_rules(bench: Bench, *names: str, state: str = "restricted") -> None:
    """As if rules before these had said so."""
    said = (LoggedVerdict("signal", "voice", state, "shape"), LoggedVerdict("max", "voice", state, "shape"))
    records = [Judged(name, bench.day, bench.day, "1", "probe", said) for name in names]
    bench.log.commit([LogEntry(record) for record in records])


@pytest.mark.long
def test_what_older_rules_judged_is_judged_again_after_all_that_is_new_and_goes_on_where_it_was(bench: Bench):
    old = take(bench, *(measured_bundle(seed) for seed in range(AGAIN_AT_ONCE + 1)))
    by_older_rules(bench, *old)
    (new,) = take(bench, measured_bundle(99))
    judge(bench, rounds=2)
    assert bench.log.register.waiting() == []
    assert len(bench.log.register.older(RULES_VERSION, 99)) == 1
    found = judge(bench)
    assert bench.log.register.older(RULES_VERSION, 99) == []
    assert {name: (record.again, record.rules_version) for name, record in found.items()} == {
        **dict.fromkeys(old, (True, str(RULES_VERSION))), new: (False, str(RULES_VERSION))
    }  # fmt: skip
    assert {said.state for name in old for said in found[name].said} == {"ok"}  # type: ignore[union-attr]
    assert [record.rules_version for _, record in bench.log.read()
            if isinstance(record, Judged) and record.id == old[0]] == ["1", str(RULES_VERSION)]  # fmt: skip


def test_a_verdict_stays_where_its_bundle_is_no_longer_kept_or_kills_the_judge(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(judges, "judge_again", poisoned_again)
    removed, deadly = take(bench, odd(2), odd(1))
    by_older_rules(bench, removed, deadly)
    known = bench.log.register.find(removed)
    assert known is not None
    remove_bundle(bench.log.folder.bundles, known.received)
    found = judge(bench)
    assert [found[name].rules_version for name in (removed, deadly)] == ["1", "1"]
    assert bench.log.register.older(RULES_VERSION, 9) == []


def test_what_these_rules_find_to_be_no_evidence_counts_no_longer(bench: Bench):
    (name,) = take(bench, odd(2))
    by_older_rules(bench, name)
    record = judge(bench)[name]
    assert isinstance(record, Unfit)
    assert (record.again, record.measured) == (True, bench.day)
    assert bench.collector.look_up(name).state == "unfit"


def test_a_process_that_dies_or_hangs_costs_its_own_bundle_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judges, "judge_received", killed_judge)
    deadly, endless, fine = take(bench, odd(1), odd(0), odd(2))
    found = judge(bench, JudgeLimits(cpu_s=4.0))
    assert [type(found[name]).__name__ for name in (deadly, endless, fine)] == ["Unfit"] * 3
    whys = [found[name].why for name in (deadly, endless, fine)]  # type: ignore[union-attr]
    assert whys[:2] == ["The process that judged it ended.", "It takes longer to judge than any check's bundle."]
    assert whys[2].startswith("A part of the bundle")


def test_a_judge_that_runs_out_of_memory_or_fails_costs_its_own_bundle_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(judges, "judge_received", hungry_judge)
    large, unpicklable, leaving, fine = take(bench, odd(1), of_size(4, 8), of_size(0, 8), odd(2))
    found = judge(bench)
    assert [found_why(found, name) for name in (large, unpicklable, leaving)] == [
        "It needs more memory than judging may take.",
        "The judge failed on it (UnpicklableError).",
        "The judge failed on it (SystemExit).",
    ]
    assert found_why(found, fine).startswith("A part of the bundle")


def test_a_process_that_cannot_start_is_no_bundles_fault_and_is_told_in_a_sentence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    async def cannot(self: JudgeProcess, work: object) -> Judged:
        raise PeerError("It cannot be started.")

    (name,) = take(bench, measured_bundle(8))
    monkeypatch.setattr(JudgeProcess, "run", cannot)
    with pytest.raises(PeerError, match=r"^It cannot be started\.$"):
        judge(bench)
    assert [known.received.id for known in bench.log.register.waiting()] == [name]


def test_any_mistake_of_the_judge_makes_its_bundle_unfit(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    (name,) = take(bench, measured_bundle(7))
    (known,) = bench.log.register.waiting()

    def fails(*_: object) -> Judged:
        raise ZeroDivisionError

    monkeypatch.setattr(judges, "judge_bundle", fails)
    packs = bench.log.folder.bundles
    record = judges.judge_received(packs, known.received, {}, simulated=False)
    assert isinstance(record, Unfit)
    assert (record.id, record.why) == (name, "The judge failed on it (ZeroDivisionError).")
    assert judges.judge_again(packs, known, {}, simulated=False) is None, "it says nothing of the bundle"


@pytest.mark.long
def test_a_bundle_is_given_up_when_its_own_time_is_over_and_contributors_take_turns(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """Three that never end came first, from one network; one that is fine, from another, is the second to be judged."""
    monkeypatch.setattr(judges, "judge_received", killed_judge)
    endless = [resealed_bundle({FACTS_PART: b"x" * size, VERDICT_PART: b"y"}, seed=size) for size in range(40)]
    endless = [data for data in endless if len(data) % 4 == 0][:3]

    take(bench, *endless)
    (fine,) = take(bench, odd(2), contributor=2)
    judge(bench, JudgeLimits(cpu_s=2.0))
    judged = [record.id for _, record in bench.log.read() if isinstance(record, Unfit)]
    assert (len(judged), judged.index(fine)) == (4, 1)


@given(st.lists(st.integers(0, 4), max_size=30))
def test_in_any_prefix_nobody_is_more_than_one_ahead_of_whoever_waits(senders: list[int]):
    reports = [Known(Received(f"{number:064x}", "", 1, contributor=who), "received", "", "", 0)
               for number, who in enumerate(senders)]  # fmt: skip
    ordered = take_turns(reports)
    assert sorted(ordered, key=lambda known: known.received.id) == reports
    for end in range(len(ordered)):
        done = Counter(known.received.contributor for known in ordered[:end])
        waiting = {known.received.contributor for known in ordered[end:]}
        assert all(most <= done[who] + 1 for who in waiting for most in done.values())


def test_what_a_stranger_made_of_the_labs_facts_is_unfit(bench: Bench):
    (name,) = take(bench, write_check(sent_facts(), sent_results(False), Signer.of_seed(bytes(32))))
    assert found_why(judge(bench), name) == "It was made by the lab."


def recording(*attempts: Attempt) -> bytes:
    found = Findings(packets=9000, duration_s=60.0, unread={}, calls=(), attempts=attempts)
    record = to_builtins(capture_json.capture_result("-", judge_recording(found)))
    return write_capture(found, record, Signer.of_seed(bytes(32)))


def unanswered(app: str, confidence: float = 0.9, other_packets: int = 1000) -> Attempt:
    return Attempt(app, confidence, 0.0, 10.0, False, 5, 0, other_packets)


def test_a_recording_counts_once_for_an_app_and_for_the_day_it_came_in(bench: Bench):
    (name,) = take(bench, recording(unanswered("telegram"), unanswered("telegram"), unanswered("whatsapp", 0.9, 0)))
    record = judge(bench)[name]
    assert isinstance(record, Judged)
    assert (record.source, record.measured) == ("capture", bench.day)
    said = {one.app: (one.state, one.basis, one.rule) for one in record.said}
    assert said == {"telegram": ("insufficient", "call", "stun.drop"), "whatsapp": ("insufficient", "call", None)}


def accompanied(seed: int, shift_s: int = 0, *, far_end_answers: bool = True) -> Findings:
    """A call that goes silent after 4 s beside control traffic that does not, so much later in its recording. Its far
    end had reported what it received until then; where it answers, checks of the path are replied to in the silence."""
    rule = "media.freeze,app=whatsapp,to=app,after_s=4"
    found = play_accompanied_call("whatsapp", 16.0, Scenario.parse("clean", [rule], seed), seed=seed).findings
    (call,), (control,) = found.calls, found.controls
    silent_s, end_s = (call.start_s + shift_s + lasts_s for lasts_s in (4.0, call.duration_s))
    moved = replace(
        call,
        start_s=call.start_s + shift_s,
        flows=tuple(
            replace(one, start_s=one.start_s + shift_s, end_s=one.end_s + shift_s, feedback=20,
                    last_feedback_s=silent_s, last_received_s=end_s if far_end_answers else silent_s)
            for one in call.flows
        ),
        streams=tuple(replace(one, start_s=one.start_s + shift_s) for one in call.streams),
        seconds=tuple(replace(one, at_s=one.at_s + shift_s) for one in call.seconds),
    )  # fmt: skip
    seconds = tuple(replace(one, at_s=one.at_s + shift_s) for one in control.seconds)
    return replace(found, calls=(moved,), controls=(replace(control, seconds=seconds),))


def in_one_recording(every: list[Findings]) -> Findings:
    """Calls that were recorded one after the other."""
    calls, controls = tuple(one.calls[0] for one in every), tuple(one.controls[0] for one in every)
    return replace(every[0], calls=calls, controls=controls)


@pytest.mark.long
def test_calls_beside_control_traffic_are_a_source_of_their_own_and_three_of_them_proof(bench: Bench):
    """Where the far end still answered each time: relays have timers too."""
    answered, alone = (
        [accompanied(seed, 100 * seed, far_end_answers=answers) for seed in (1, 2, 3)] for answers in (True, False)
    )
    for found, state in (
        (answered[0], "insufficient"),
        (in_one_recording(answered), "restricted"),
        (in_one_recording(alone), "insufficient"),
    ):
        record = to_builtins(capture_json.capture_result("-", judge_recording(found)))
        data = write_capture(found, record, Signer.of_seed(bytes(32)))
        (name,) = take(bench, data)
        record = judge(bench)[name]
        assert isinstance(record, Judged)
        assert record.source == "accompanied"
        assert [(said.state, said.rule) for said in record.said] == [(state, "media.freeze")]


def test_between_equals_a_recording_accuses_nobody(bench: Bench):
    (name,) = take(bench, recording(unanswered("telegram"), unanswered("telegram", other_packets=0)))
    record = judge(bench)[name]
    assert isinstance(record, Judged)
    assert [one.rule for one in record.said] == [None]


def test_a_recording_of_who_knows_which_app_is_unfit(bench: Bench):
    (name,) = take(bench, recording(unanswered("telegram", 0.5)))
    assert "known for sure" in found_why(judge(bench), name)


def test_a_day_that_is_still_to_come_is_unfit(bench: Bench):
    later = replace(sent_facts(), simulated=False, started_at="2031-01-01T10:00:00Z")
    (name,) = take(bench, write_check(later, sent_results(False), Signer.of_seed(bytes(32))))
    assert found_why(judge(bench), name) == "It tells a day that is still to come."


def test_a_day_that_no_calendar_has_is_unfit(bench: Bench):
    """In the log it would end the sealing of days and the search for events, for good."""
    never = replace(sent_facts(), simulated=False, receipt=None, started_at="2026-02-31T10:00:00Z")
    (name,) = take(bench, write_check(never, sent_results(False), Signer.of_seed(bytes(32))))
    assert found_why(judge(bench), name) == "The bundle holds facts that no check writes."


def found_why(found: dict[str, Judged | Unfit], name: str) -> str:
    record = found[name]
    assert isinstance(record, Unfit)
    return record.why


def test_the_answers_of_an_app_s_own_servers_are_a_source_of_their_own(bench: Bench):
    asked = EndpointFacts(
        apps=("telegram",), tier=2, started_at=f"{bench.day}T10:00:00Z", vpn=False, exchanges=tuple(exchanges())
    )
    told = endpoint_report.endpoints_json(asked, judge_own_addresses(asked))
    (name,) = take(bench, write_endpoints(asked, told, Signer.of_seed(bytes(32))))
    record = judge(bench)[name]
    assert isinstance(record, Judged)
    assert (record.source, record.measured, record.responder) == ("endpoints", bench.day, "")
    assert {(one.app, one.medium): (one.state, one.rule, one.reason) for one in record.said} == {
        ("telegram", "voice"): ("insufficient", "address.block", "outage"),  # what it is consistent with
        ("telegram", "text"): ("ok", None, ""),
    }


def test_a_name_that_no_neutral_server_gets_is_a_restriction_in_the_log(bench: Bench):
    asked = EndpointFacts(
        apps=("telegram",), tier=1, started_at=f"{bench.day}T10:00:00Z", vpn=False, exchanges=tuple(names())
    )
    told = endpoint_report.endpoints_json(asked, judge_own_addresses(asked))
    (name,) = take(bench, write_endpoints(asked, told, Signer.of_seed(bytes(32))))
    record = judge(bench)[name]
    assert isinstance(record, Judged)
    (said,) = record.said
    assert (said.state, said.rule, said.basis, said.reason) == ("restricted", "signalling.block", "signalling", "")
    assert said.parameters == {"bound_to": "name", "ends": "reset"}


def names() -> Iterator[Exchange]:
    """A web site that is reset, and whose name neutral servers never get, while they get each other's."""
    reset = "connection_reset"
    for number in (1, 2, 3, 4):
        yield Exchange("telegram", "web", False, number, False, reset, None, 0.1, "tls", number, named=True)
        yield Exchange("", "m", True, number, True, "", 9.0, 0.1, "tls", number, named=True)
        for host, other in (("m", "n"), ("n", "m")):
            own = Exchange("", host, True, number, False, reset, None, 0.1, "tls.name", number, named=True, name="web")
            yield from (own, replace(own, ok=True, failure="", name=other))


def exchanges() -> Iterator[Exchange]:
    """A call server that is silent and a web site that answers, each beside a neutral host."""
    for number in (1, 2, 3):
        silent = "generic_timeout_error"
        yield Exchange("telegram", "relay", False, number, False, silent, None, 3.0, "stun", number)
        yield Exchange("", "n", True, number, True, "", 9.0, 0.1, "stun", number)
        yield Exchange("telegram", "web", False, number, True, "", 9.0, 0.1, "tls", number, named=True)
        yield Exchange("", "m", True, number, True, "", 9.0, 0.1, "tls", number, named=True)
