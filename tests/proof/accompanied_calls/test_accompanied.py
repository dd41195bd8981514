"""Calls of a made-up messenger beside control traffic, in virtual time: the right words, and no accusation without
cause."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from factories.packets.libtgvoip import LIBTGVOIP
from proof.accompanied_calls import AccompaniedCall, play_accompanied_call
from proof.relayed_calls import placed
from proof.relayed_calls.placed import PLAIN, CallStory, RelayState
from proof.relayed_calls.script import TalkPattern, shape_of
from talkpath.lab.scenario import Scenario
from talkpath.measure.call import Findings
from talkpath.verdict.bases.accompanied_call import attempt_verdicts, call_verdicts, judge_accompanied
from talkpath.verdict.bases.calls_together import verdicts_together
from talkpath.verdict.model import Verdict

SECONDS, FLOWS = 16.0, 8
OF_2020 = "telegram/libtgvoip"


@pytest.fixture(autouse=True)
def _apps_of_2020(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram's calls of 2020, which have no sequence numbers, are played too."""
    monkeypatch.setattr(placed, "shape_of", lambda app, *rest: LIBTGVOIP if app == OF_2020 else shape_of(app, *rest))


def played(
    rule: str = "",
    background: str = "clean",
    story: CallStory = PLAIN,
    seed: int = 1,
    app: str = "whatsapp",
    seconds: float = SECONDS,
) -> AccompaniedCall:
    scenario = Scenario.parse(background, [rule] if rule else [], seed=seed)
    return play_accompanied_call(app, seconds, scenario, story, seed=seed, flows=FLOWS)


def verdict_of(accompanied: AccompaniedCall) -> Verdict:
    (verdict,) = call_verdicts(accompanied.findings)
    return verdict


def code(verdict: Verdict) -> str:
    return verdict.reason.code if verdict.reason else ""


def over(found: list[Findings], network: str) -> list[Findings]:
    """The same recordings, made over another network."""
    return [
        replace(one, controls=tuple(replace(control, network=network) for control in one.controls)) for one in found
    ]


@pytest.mark.long
def test_control_traffic_begins_within_a_second_and_keeps_the_calls_instants():
    accompanied = played()
    (control,) = accompanied.findings.controls
    (call,) = accompanied.findings.calls
    assert accompanied.control_began_s is not None
    assert accompanied.control_began_s - (1.0 + call.start_s) < 1.0
    assert (control.late_ms_p99 or 0.0) < 20.0
    begun = Counter(flow.begin_s for flow in control.flows)
    assert set(begun.values()) == {FLOWS, FLOWS - 2}, "two of eight stay, the others change over together"
    assert len(control.flows) >= 47
    assert all(flow.arrived_up == flow.sent_up and flow.arrived_down == flow.sent_down for flow in control.flows)
    assert len({flow.port for flow in control.flows}) > 1
    whole = [one for one in control.seconds if call.start_s + 2 < one.at_s < call.start_s + SECONDS - 2]
    sent = [moment.sent.packets for moment in call.seconds]
    assert whole
    assert all(0 <= one.sent_up - FLOWS * (sent[one.at_s] - 1) <= 4 * FLOWS for one in whole), "a few are pings"
    assert all(one.arrived_up == one.sent_up and one.arrived_down == one.sent_down > 0 for one in whole)
    assert verdict_of(accompanied).state == "ok"


RULES = {
    "media.freeze,app=whatsapp,to=app,after_s=4": "media.freeze",
    "media.police,app=whatsapp,to=app,kbps=16": "media.police",
}


@pytest.mark.long
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_on_the_apps_addresses_is_told_as_consistent_and_three_calls_prove_it(rule: str):
    calls = [played(rule, seed=seed) for seed in (1, 2, 3)]
    for one in calls:
        verdict = verdict_of(one)
        assert (verdict.state, code(verdict)) == ("insufficient", "one_call")
        assert verdict.alternatives[0] == RULES[rule]
        assert verdict.direction == "down"
    findings = [one.findings for one in calls]
    assert verdicts_together(findings[:2]) == []
    if RULES[rule] == "media.freeze":
        assert verdicts_together(findings) == [], "a relay with a timer falls silent alike"
        return
    (together,) = verdicts_together(findings)
    assert (together.state, together.rule, together.direction) == ("restricted", RULES[rule], "down")
    assert verdicts_together(over(findings, "AS0")) == [], "perhaps three networks"
    assert verdicts_together([*over(findings[:1], "AS64501"), *findings[1:]]) == [], "two networks"
    assert verdicts_together([*findings[:2], findings[0]]) == [], "one call twice"


@pytest.mark.long
def test_three_calls_that_are_held_to_unlike_rates_prove_nothing():
    """A rule polices to one rate."""
    rule = "media.police,app=whatsapp,to=app,kbps="
    found = [played(f"{rule}{kbps}", seed=seed).findings for seed, kbps in ((1, 16), (2, 16), (3, 10))]
    assert [code(verdict) for one in found for verdict in call_verdicts(one)] == ["one_call"] * 3
    assert verdicts_together(found) == []


def test_set_up_that_nobody_answers_is_compared_and_never_called_restricted():
    accompanied = played("flow.block,app=whatsapp,to=app,p=1")
    (verdict,) = attempt_verdicts(accompanied.findings)
    assert (verdict.state, code(verdict)) == ("insufficient", "one_call")
    assert verdict.alternatives == ("stun.drop", "address.block"), "UDP as such passed"
    assert verdict.figures["control_lost_up_pct"] == 0.0


@pytest.mark.parametrize(("app", "first"), [("telegram/reflector", "reflector.drop"), ("signal", "stun.drop")])
def test_blocked_set_up_is_accompanied_whether_its_app_has_a_name_or_not(app: str, first: str):
    """Signal's set-up cannot be told from any other WebRTC until somebody answers."""
    accompanied = played(f"flow.block,app={app.partition('/')[0]},to=app,p=1", app=app)
    (verdict,) = attempt_verdicts(accompanied.findings)
    assert accompanied.findings.controls
    assert (verdict.alternatives, code(verdict)) == ((first, "address.block"), "one_call")


@pytest.mark.long
def test_an_outage_at_set_up_is_never_called_restricted():
    story = CallStory(relays=RelayState(down_from_s=0.0))
    found = [played(story=story, seed=seed, app=OF_2020).findings for seed in (1, 2, 3)]
    assert verdicts_together(found) == []


@pytest.mark.long
@pytest.mark.parametrize("background", ["ge,loss=0.1", "transit_loss", "bufferbloat"])
def test_a_poor_line_is_told_as_the_line(background: str):
    verdict = verdict_of(played(background=background))
    assert verdict.alternatives == ()
    assert code(verdict) in ("", "line")


@pytest.mark.parametrize("app", ["whatsapp", OF_2020])
def test_a_pause_on_a_poor_line_is_not_taken_for_losses_of_the_call_alone(app: str):
    """Where the call's losses are counted by its packet interval, its muted seconds look lost."""
    muted = CallStory(callee=TalkPattern(muted=((3.0, 9.0),)))
    verdict = verdict_of(played(background="ge,loss=0.1", story=muted, app=app))
    assert (verdict.alternatives, code(verdict)) == ((), "line")


PAUSES = {
    "dtx": CallStory(caller=TalkPattern(dtx=True), callee=TalkPattern(dtx=True)),
    "muted": CallStory(callee=TalkPattern(muted=((3.0, 9.0),))),
}


@pytest.mark.long
@pytest.mark.parametrize("app", [OF_2020, "telegram/tgcalls"])
@pytest.mark.parametrize("story", PAUSES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pauses_of_an_app_without_sequence_numbers_fit_no_rule(app: str, story: str, seed: int):
    found = played(story=PAUSES[story], app=app, seed=seed)
    verdict = verdict_of(found)
    assert (verdict.state, verdict.alternatives) == ("insufficient", ())
    assert code(verdict) in ("pauses", "short_capture", "no_control")


def test_losses_of_an_app_without_sequence_numbers_still_fit_a_rule():
    verdict = verdict_of(played("media.drop,app=telegram,to=app,direction=down,p=0.3", app=OF_2020))
    assert (verdict.alternatives, code(verdict)) == (("media.drop",), "one_call")


def test_a_talk_too_short_to_tell_fits_no_rule():
    scenario = Scenario.parse("clean", ["media.drop,app=whatsapp,to=app,direction=down,p=0.4"], seed=1)
    verdict = verdict_of(play_accompanied_call("whatsapp", 3.0, scenario, seed=1, flows=FLOWS))
    assert (verdict.alternatives, code(verdict)) == ((), "short_capture")


@pytest.mark.long
def test_a_line_that_polices_each_connection_is_told_by_what_this_end_sends():
    """While the call hears nothing, too little comes back to tell by."""
    muted = CallStory(callee=TalkPattern(muted=((8.0, 12.0),)))
    verdict = verdict_of(played(background="police_flow,kbps=24", story=muted, app="webrtc"))
    assert (verdict.alternatives, code(verdict)) == ((), "line")


def test_losses_in_spells_fit_no_rule_that_drops_at_random():
    """A crowded line loses in some seconds, and by chance more of the call than of control traffic."""
    story = CallStory(relays=RelayState(loss=0.12))
    found = played(story=story).findings
    (call,), controls = found.calls, found.controls
    assert judge_accompanied(call, controls[0]).alternatives == ("media.drop",), "all the time"
    lost = sum(moment.received.lost or 0 for moment in call.seconds)
    seconds = [
        replace(moment, received=replace(moment.received, lost=lost // 2 if place in (4, 8) else 0))
        for place, moment in enumerate(call.seconds)
    ]
    verdict = judge_accompanied(replace(call, seconds=tuple(seconds)), controls[0])
    assert (verdict.alternatives, code(verdict)) == ((), "no_control")


@pytest.mark.parametrize("rule", ["media.drop,direction=down,p=0.7", "media.police,kbps=8"])
def test_losses_of_most_packets_are_named_for_an_app_without_sequence_numbers(rule: str):
    """Control traffic is as sparse as what is left of the call, and changes over more slowly."""
    verdict = verdict_of(played(f"{rule},app=telegram,to=app", app=OF_2020, seconds=20.0))
    assert code(verdict) == "one_call"
    assert verdict.alternatives[-1] == "media.drop"
    assert verdict.figures["loss_down_pct"] == pytest.approx(70, abs=6)


NEGLECTED = {"nat_evict,share=0.12": (12, 29), "hash,share=0.12,loss=0.3": (9, 23)}


@pytest.mark.long
@pytest.mark.parametrize("background", NEGLECTED)
def test_a_call_whose_connection_alone_was_neglected_fits_no_rule(background: str):
    """Seeds in which the router takes the call's connection for one of those."""
    verdicts = [verdict_of(played(background=background, seed=seed)) for seed in NEGLECTED[background]]
    assert all(verdict.state == "insufficient" for verdict in verdicts), "these calls did suffer"
    assert [(verdict.alternatives, code(verdict)) for verdict in verdicts] == [((), "unlike")] * len(verdicts)


@pytest.mark.long
def test_a_short_call_is_beside_too_few_connections_and_counts_with_others_alone():
    rule = "media.police,app=whatsapp,to=app,kbps=16"
    scenario = Scenario.parse("clean", [rule], seed=1)
    found = [play_accompanied_call("whatsapp", SECONDS, scenario, seed=seed, flows=3).findings for seed in (1, 2, 3)]
    assert all(
        (code(one), one.alternatives) == ("few_connections", ()) for each in found for one in call_verdicts(each)
    )
    assert [one.state for one in verdicts_together(found)] == ["restricted"]


BOUND = CallStory(relays=RelayState(is_bound=True))


@pytest.mark.long
@pytest.mark.parametrize("app", ["whatsapp", "meet"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_call_whose_relay_does_not_follow_it_to_another_port_fits_no_rule(app: str, seed: int):
    """TURN binds a call to one address and port; the test server answers whatever source it heard last."""
    verdict = verdict_of(played(background="nat_rebind,every_s=6", story=BOUND, app=app, seed=seed))
    assert (verdict.alternatives, code(verdict)) == ((), "rebinding")


@pytest.mark.long
def test_a_translator_that_moves_connections_explains_silence_and_no_losses():
    told = []
    for rule in ("media.freeze,after_s=4", "media.drop,p=0.4,direction=down"):
        found = played(f"{rule},app=whatsapp,to=app").findings
        (call,), (control,) = found.calls, found.controls
        first, *others = control.flows
        verdict = judge_accompanied(call, replace(control, flows=(replace(first, moved=1), *others)))
        told.append((code(verdict), verdict.alternatives))
    assert told == [("rebinding", ()), ("one_call", ("media.drop",))]


STORIES = {
    "hung up": PLAIN,
    "dtx": CallStory(caller=TalkPattern(dtx=True), callee=TalkPattern(dtx=True)),
    "muted": CallStory(callee=TalkPattern(muted=((4.0, 11.0),))),
    "relay moves": CallStory(moves_s=(6.0,)),
    "wi-fi to mobile": CallStory(roams_s=(6.0,)),
    "congested relay": CallStory(relays=RelayState(loss=0.1, added_ms=80, jitter_ms=60)),
}


@pytest.mark.long
@pytest.mark.parametrize("story", STORIES)
def test_what_is_no_restriction_is_not_told_as_one(story: str):
    found = played(story=STORIES[story]).findings
    assert found.controls
    verdicts = call_verdicts(found)
    assert verdicts
    assert all(verdict.alternatives == () and verdict.state in ("ok", "insufficient") for verdict in verdicts)


@pytest.mark.long
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_losses_at_random_are_not_called_a_restriction_however_often(share: float):
    """A rule that drops packets, and a relay, a link of several on the way there or another end that loses as many,
    look the same: each call fits a rule, no more."""
    rule = f"media.drop,app=whatsapp,to=app,p={share},direction=down"
    dropped = [played(rule, seed=seed) for seed in (1, 2, 3)]
    lossy = [played(story=CallStory(relays=RelayState(loss=share)), seed=seed) for seed in (1, 2, 3)]
    for calls in (dropped, lossy):
        assert all(
            (code(verdict_of(one)), verdict_of(one).alternatives[0]) == ("one_call", "media.drop") for one in calls
        )
        assert verdicts_together([one.findings for one in calls]) == []


@pytest.mark.long
def test_an_outage_of_the_app_is_not_called_a_restriction_even_three_times():
    stories = [CallStory(relays=RelayState(down_from_s=down_s)) for down_s in (4.0, 4.8, 5.5)]
    found = [played(story=story, seed=seed) for seed, story in enumerate(stories)]
    assert all(code(verdict_of(one)) == "one_call" for one in found)
    assert verdicts_together([one.findings for one in found]) == []
