"""Whoever signs a bundle may write anything into it: facts that would make a reader fail are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from played import played

from talkpath.errors import BundleError
from talkpath.evidence.bounds import check_facts
from talkpath.evidence.bundle import read_bundle, write_capture, write_check
from talkpath.measure.call import Attempt, Findings
from talkpath.measure.facts import Epoch, Exchange, Facts, Health, Observation, Reach, Track
from talkpath.wire.control.sign import Signer

FACTS = played()
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
    "a time that is none": replace(FACTS, started_at="203.0.113.7"),
    "a key": replace(FACTS, responder_key="\x1b[2J"),
    "an exchange": replace(FACTS, exchanges=(Exchange("webrtc", "x", False, NAN, True),)),
    "an app with a line end": replace(FACTS, exchanges=(Exchange("web\nrtc", "x", False, 0.0, True),)),
}
EPOCH = {
    "medium": epoch(medium="text"),
    "app": epoch(app="<script>"),
    "time": epoch(cut_s=INF),
    "k": epoch(k=0),
    "value": epoch(value=NAN),
    "one direction": epoch(flows=FIRST.flows[:1]),
    "no flows": epoch(flows=()),
    "two ups": epoch(flows=(UP, UP, *FIRST.flows[2:])),
    "another flow's other direction": epoch(flows=(UP, FIRST.flows[3], *FIRST.flows[2:])),
    "a call's other direction is a twin's": flow(role="call" if UP.role == "twin" else "twin"),
    "a short bitmap": flow(arrived=UP.arrived[:-1]),
    "no bitmap": flow(sent=b""),
    "a long bitmap": flow(late=b"\0" * 99),
    "a bit beyond the end": flow(sent=b"\xff" * len(UP.sent)),
    "two quantiles": flow(delay_dms=(1, 2)),
    "a delay": flow(delay_dms=(1 << 40,) * 5),
    "set-up time": flow(setup_ms=NAN),
    "a slot without a size": track(lambda found: replace(found, size=found.size[:-1])),
    "a size": track(lambda found: replace(found, size=(1 << 40, *found.size[1:]))),
    "a slot's time": track(lambda found: replace(found, at_ms=(NAN, *found.at_ms[1:]))),
    "a stage": track(lambda found: replace(found, stage=("\x1b[2J", *found.stage[1:]))),
}


@pytest.mark.parametrize("facts", WHOLE.values(), ids=WHOLE)
def test_facts_that_no_check_writes(facts: Facts) -> None:
    with pytest.raises(BundleError, match="facts that no check writes"):
        check_facts(facts)


@pytest.mark.parametrize("facts", EPOCH.values(), ids=EPOCH)
def test_epochs_that_no_check_writes(facts: Facts) -> None:
    with pytest.raises(BundleError, match="an epoch that no check writes, number 0"):
        check_facts(facts)


@pytest.mark.parametrize("words", [{"a\x1b[2J": 1}, {"verdicts": [{"state": "ok\r"}]}, {"a": [[["\n"]]]}])
def test_words_that_a_terminal_would_act_on(words: dict[str, object]) -> None:
    with pytest.raises(BundleError, match="words that no check writes"):
        read_bundle(write_check(FACTS, words, Signer.fresh()))


FINDINGS = Findings(0, 0.0, {"not IP: ethertype 0x0806": 3}, (), (Attempt("webrtc", 0.9, 0.0, 1.0, False, 3, 0, 0),))
ATTEMPT = FINDINGS.attempts[0]


@pytest.mark.parametrize("findings", [
    replace(FINDINGS, unread={"\x1b[2J": 1}), replace(FINDINGS, attempts=(replace(ATTEMPT, app="web\nrtc"),)),
])  # fmt: skip
def test_findings_that_no_recording_gives(findings: Findings) -> None:
    assert read_bundle(write_capture(FINDINGS, {}, Signer.fresh())).findings == FINDINGS
    with pytest.raises(BundleError, match="findings that no recording gives"):
        read_bundle(write_capture(findings, {}, Signer.fresh()))


def unheard(found: Epoch) -> Epoch:
    """As it is where the responder was lost."""

    def without(one: Observation) -> Observation:
        return replace(one, arrived=b"") if one.direction == "up" else replace(one, sent=b"")

    return replace(found, missing="responder_lost", flows=tuple(map(without, found.flows)))


def test_epochs_without_the_far_end_s_half_are_facts_too() -> None:
    check_facts(replace(FACTS, epochs=(unheard(FIRST), *FACTS.epochs[1:])))
    check_facts(replace(FACTS, epochs=()))


def test_a_bundle_of_them_is_refused() -> None:
    with pytest.raises(BundleError, match="an epoch that no check writes"):
        read_bundle(write_check(EPOCH["no bitmap"], {}, Signer.fresh()))
