"""Whoever signs a bundle may write anything into it: what would make a reader fail, or work for long, is refused."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from factories.checks import random_facts
from talkpath.errors import BundleError
from talkpath.measure import decode
from talkpath.measure.call import Attempt, Call, Findings
from talkpath.measure.decode import Work, decode_facts, decode_findings, facts_work, require_bounded_work
from talkpath.measure.facts import Epoch, Exchange, Facts, Health, Observation, Reach, Track
from talkpath.wire.control.question import RateContrast, TransportPaths

FACTS = random_facts.plain_facts(random_facts.plain_epoch(0), random_facts.plain_epoch(1))
FIRST = FACTS.epochs[0]
UP, DOWN = FIRST.flows[:2]
NAN, INF = float("nan"), float("inf")


def epoch(**changes: object) -> Facts:
    return replace(FACTS, epochs=(replace(FIRST, **changes), *FACTS.epochs[1:]))


def flow(**changes: object) -> Facts:
    return epoch(flows=(replace(UP, **changes), *FIRST.flows[1:]))


def track(change: Callable[[Track], Track]) -> Facts:
    return epoch(up=change(FIRST.up))


WHOLE = {
    "no arms": replace(FACTS, plan=replace(FACTS.plan, arms=())),
    "alpha": replace(FACTS, plan=replace(FACTS.plan, alpha=0.0)),
    "budget": replace(FACTS, plan=replace(FACTS.plan, budget_s=INF)),
    "packets": replace(FACTS, plan=replace(FACTS.plan, packets=1 << 30)),
    "twice the same epoch": replace(FACTS, epochs=(FIRST, FIRST)),
    "too many epochs": replace(FACTS, epochs=tuple(replace(FIRST, number=n) for n in range(3000))),
    "duration": replace(FACTS, duration_s=NAN),
    "bytes": replace(FACTS, bytes_sent=-1),
    "lateness": replace(FACTS, health=Health(late_ms_p99=NAN)),
    "tries": replace(FACTS, reach=Reach(tcp_tries=-1)),
    "a time with minutes": replace(FACTS, started_at="2026-11-24T20:17:00Z"),
    "a day that no month has": replace(FACTS, started_at="2026-02-31T20:00:00Z"),
    "a month that no year has": replace(FACTS, started_at="2026-13-01T20:00:00Z"),
    "an hour that no day has": replace(FACTS, started_at="2026-11-24T24:00:00Z"),
    "the first day of the calendar": replace(FACTS, started_at="0001-01-01T00:00:00Z"),
    "a time in other digits": replace(FACTS, started_at="٢٠٢٦-11-24T20:00:00Z"),
    "a time that is none": replace(FACTS, started_at="203.0.113.7"),
    "a key": replace(FACTS, responder_key="\x1b[2J"),
    "a long key": replace(FACTS, responder_key="A" * 60_000),
    "a class": replace(FACTS, responder_class="our own"),
    "a path": replace(FACTS, paths=("tcp/443\n",)),
    "why it ended": replace(FACTS, health=Health(ended="\x1b[2J")),
    "an arm's app": replace(FACTS, plan=replace(FACTS.plan, arms=(replace(FACTS.plan.arms[0], app="nobody"),))),
    "an arm's medium": replace(FACTS, plan=replace(FACTS.plan, arms=(replace(FACTS.plan.arms[0], medium="x" * 999),))),
    "k": replace(FACTS, plan=replace(FACTS.plan, k=1 << 20)),
    "address family": replace(FACTS, family=5),
    "an exchange's kind": replace(FACTS, exchanges=(Exchange("webrtc", "x", False, 0.0, True, kind="ping"),)),
    "an exchange without its name": replace(
        FACTS, exchanges=(Exchange("webrtc", "x", False, 0.0, True, kind="tls.name"),)
    ),
    "a name in another exchange": replace(FACTS, exchanges=(Exchange("webrtc", "x", False, 0.0, True, name="y"),)),
    "an exchange": replace(FACTS, exchanges=(Exchange("webrtc", "x", False, NAN, True),)),
    "an app with a line end": replace(FACTS, exchanges=(Exchange("web\nrtc", "x", False, 0.0, True),)),
}
EPOCH = {
    "medium": epoch(medium="text"),
    "app": epoch(app="<script>"),
    "time": epoch(cut_s=INF),
    "k": epoch(k=0),
    "a number": epoch(question=RateContrast(NAN)),
    "one direction": epoch(flows=FIRST.flows[:1]),
    "no flows": epoch(flows=()),
    "two ups": epoch(flows=(UP, UP, *FIRST.flows[2:])),
    "another flow's other direction": epoch(flows=(UP, FIRST.flows[3], *FIRST.flows[2:])),
    "a call's other direction is a twin's": flow(role="call" if UP.role == "twin" else "twin"),
    "a short bitmap": flow(arrived=UP.arrived[:-1]),
    "no bitmap": flow(sent=b""),
    "a long bitmap": flow(late=b"\0" * 99),
    "a bit beyond the end": flow(sent=b"\xff" * len(UP.sent)),
    "more calls than k": epoch(k=1),
    "a question": epoch(question="why"),
    "a flow twice": epoch(flows=(*FIRST.flows, *FIRST.flows[:2])),
    "a value that a terminal acts on": epoch(question=TransportPaths(("\x1b[2J/1",))),
    "hops": flow(hops=65),
    "a transport": flow(transport="sctp"),
    "a router": flow(router="neighbour"),
    "more routers' messages than packets": flow(exceeded=11),
    "a stage without an answer": flow(answered={"\n": True}),
    "two quantiles": flow(delay_dms=(1, 2)),
    "a delay": flow(delay_dms=(1 << 40,) * 5),
    "set-up time": flow(setup_ms=NAN),
    "a slot without a size": track(lambda found: replace(found, size=found.size[:-1])),
    "a size": track(lambda found: replace(found, size=(1 << 40, *found.size[1:]))),
    "a slot's time": track(lambda found: replace(found, at_ms=(NAN, *found.at_ms[1:]))),
    "a stage": track(lambda found: replace(found, stage=("\x1b[2J", *found.stage[1:]))),
}


def read(facts: Facts) -> Facts:
    return decode_facts(msgspec.msgpack.encode(facts))


def test_facts_are_read_as_they_were_written() -> None:
    assert read(FACTS) == FACTS


@pytest.mark.parametrize("facts", [*WHOLE.values(), *EPOCH.values()], ids=[*WHOLE, *EPOCH])
def test_facts_that_no_check_writes(facts: Facts) -> None:
    with pytest.raises(BundleError, match=r"holds (facts|an epoch|more epochs, flows and packets)"):
        read(facts)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80", b"\x91" * 5000, b"\xdf\xff\xff\xff\xff", b"\x93\x01\x02\x03"])
def test_bytes_that_are_no_facts(data: bytes) -> None:
    for decode_as in (decode_facts, decode_findings):
        with pytest.raises(BundleError):
            decode_as(data)


@pytest.mark.long
@given(random_facts.any_facts())
def test_whatever_is_within_bounds_is_read(facts: Facts) -> None:
    assert read(facts) == facts


def unheard(found: Epoch) -> Epoch:
    """As it is where the responder was lost."""

    def without(one: Observation) -> Observation:
        return replace(one, arrived=b"") if one.direction == "up" else replace(one, sent=b"")

    return replace(found, missing="responder_lost", flows=tuple(map(without, found.flows)))


def test_epochs_without_the_far_end_s_half_are_facts_too() -> None:
    read(replace(FACTS, epochs=(unheard(FIRST), *FACTS.epochs[1:])))
    read(replace(FACTS, epochs=()))


# -- recordings --------------------------------------------------------------------------------------------------

ATTEMPT = Attempt("webrtc", 0.9, 0.0, 1.0, False, 3, 0, 0)
CALL = Call(
    app="unknown",
    app_confidence=0.0,
    media=("voice",),
    start_s=0.0,
    duration_s=9.0,
    setup_s=0.0,
    transport="relay",
    protocol="udp",
    encrypted=None,
    flows=(),
    streams=(),
    seconds=(),
    control_end_s=9.0,
    file_end_s=10.0,
)
FINDINGS = Findings(0, 0.0, {"not IP: ethertype 0x0806": 3}, (CALL,), (ATTEMPT,))
NO_FINDINGS = {
    "a reason that a terminal acts on": replace(FINDINGS, unread={"\x1b[2J": 1}),
    "an app with a line end": replace(FINDINGS, attempts=(replace(ATTEMPT, app="web\nrtc"),)),
    "an app that nobody knows": replace(FINDINGS, calls=(replace(CALL, app="nobody"),)),
    "a medium": replace(FINDINGS, calls=(replace(CALL, media=("smell",)),)),
    "a confidence": replace(FINDINGS, calls=(replace(CALL, app_confidence=NAN),)),
    "a length": replace(FINDINGS, calls=(replace(CALL, duration_s=-1.0),)),
    "an endless call": replace(FINDINGS, calls=(replace(CALL, file_end_s=INF),)),
    "packets": replace(FINDINGS, packets=-1),
    "too many": replace(FINDINGS, attempts=(ATTEMPT,) * 1001),
}


def read_findings(findings: Findings) -> Findings:
    return decode_findings(msgspec.msgpack.encode(findings))


@pytest.mark.parametrize("findings", NO_FINDINGS.values(), ids=NO_FINDINGS)
def test_findings_that_no_recording_gives(findings: Findings) -> None:
    assert read_findings(FINDINGS) == FINDINGS
    with pytest.raises(BundleError, match="findings that no recording gives"):
        read_findings(findings)


@given(random_facts.any_findings())
def test_whatever_findings_are_within_bounds_are_read(findings: Findings) -> None:
    assert read_findings(findings) == findings


# -- work ----------------------------------------------------------------------------------------------------------


def test_work_is_told_from_the_lists_lengths_alone() -> None:
    one, two = random_facts.plain_epoch(0, k=2, slots=10), random_facts.plain_epoch(1, k=4, slots=30)
    other = random_facts.plain_epoch(2, app="telegram", variant="tgcalls")
    work = facts_work(msgspec.msgpack.encode(random_facts.plain_facts(one, two, other)))
    assert work[:3] == (10 * (20 + 64) + 20 * (60 + 64) + 10 * (20 + 64), 20 + 60 + 20, 2)
    assert work.seconds == pytest.approx(0.0005 * 100 + 0.004 * (4 + 1))
    assert facts_work(msgspec.msgpack.encode(random_facts.plain_facts())) == Work(0, 0, 0, 0.0)


def test_work_is_told_without_unpacking_anything() -> None:
    """A schedule whose sizes no decoder would take is counted all the same."""
    huge = {"at_ms": ["x"] * 70_000, "size": [], "stage": []}
    plain = {"app": "a", "variant": "b", "medium": "c", "up": huge, "down": huge, "flows": [None] * 3}
    assert facts_work(msgspec.msgpack.encode({"epochs": [plain]}))[:3] == (3 * (140_000 + 64), 140_000, 1)


@pytest.mark.parametrize(
    "limit", ["MOST_CELLS", "MOST_SLOTS_IN_ALL", "MOST_EPOCHS_OF_AN_ARM", "MOST_FACTS_BYTES", "MOST_JUDGING_S"]
)
def test_more_work_than_any_check_is_refused_before_it_is_unpacked(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = msgspec.msgpack.encode(FACTS)
    assert require_bounded_work(data).epochs == 2
    monkeypatch.setattr(decode, limit, 0)
    monkeypatch.setattr(decode, "_facts", None)
    with pytest.raises(BundleError, match="holds more"):
        decode_facts(data)


def test_recordings_larger_than_any_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MOST_FACTS_BYTES", 10)
    with pytest.raises(BundleError, match="more findings than any recording"):
        read_findings(FINDINGS)
