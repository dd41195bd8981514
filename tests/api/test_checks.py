"""`check` and `simulate` give the same kind of result; `verify` and `judge` read its bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import talkpath
from talkpath.apps.contract.shape import Arm
from talkpath.conduct import run_check
from talkpath.conduct.request import CheckRequest, Observer
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Health, Reach
from talkpath.probe.invite_link import InviteLink
from talkpath.verdict.model import PlannedEpoch

LINK = f"127.0.0.1:1#{'A' * 43}"


@pytest.fixture(scope="module")
def restricted() -> talkpath.Result:
    return talkpath.simulate("media.drop,app=webrtc,direction=up,p=0.5", apps=["webrtc"], seed=3)


@pytest.mark.long
def test_a_simulated_restriction_is_found_and_the_truth_is_told(restricted: talkpath.Result) -> None:
    (verdict,) = restricted.verdicts
    assert (verdict.app, verdict.state, verdict.rule, verdict.direction) == ("webrtc", "restricted", "media.drop", "up")
    assert [hit["rule"] for hit in restricted.record["truth"]["hit"]] == ["media.drop"]
    assert restricted.measured
    assert restricted.ended == ""
    assert json.loads(json.dumps(restricted.record))["simulated"] is True


@pytest.mark.long
def test_the_same_seed_gives_the_same_result(restricted: talkpath.Result) -> None:
    again = talkpath.simulate("media.drop,app=webrtc,direction=up,p=0.5", apps=["webrtc"], seed=3)
    other = talkpath.simulate("media.drop,app=webrtc,direction=up,p=0.5", apps=["webrtc"], seed=4)
    assert again.record == restricted.record
    assert other.facts != restricted.facts


def test_without_a_rule_nothing_is_restricted() -> None:
    result = talkpath.simulate(apps=["webrtc"])
    assert [verdict.state for verdict in result.verdicts] == ["ok"]
    assert result.record["truth"] == {"hit": []}


def test_text_and_page_say_the_verdict_and_that_it_was_simulated(restricted: talkpath.Result) -> None:
    assert "Signs of restriction" in restricted.text()
    assert "SIMULATED" in restricted.text()
    assert "\x1b" not in restricted.text(), "no colours"
    assert restricted.html().startswith("<!DOCTYPE html>")
    assert "SIMULATED" in restricted.html()


def test_the_saved_bundle_is_verified_and_judged_alike(restricted: talkpath.Result, tmp_path: Path) -> None:
    path = tmp_path / "run.talkpath"
    restricted.save(path)
    for source in (path, str(path), path.read_bytes(), talkpath.read_bundle(path)):
        judged, verified = talkpath.judge(source), talkpath.verify(source)
        assert judged.verdicts == restricted.verdicts
        assert judged.changes == ()
        assert (verified.kind, verified.simulated, verified.operator) == ("check", True, "")
    assert verified.signed_by_server is restricted.has_receipt is True
    assert verified.record["receipt"]["responder"]
    assert judged.record["verdicts"] == restricted.record["verdicts"]


def test_a_changed_bundle_is_refused(restricted: talkpath.Result) -> None:
    data = bytearray(restricted.bundle())
    data[len(data) // 2] ^= 1
    for read in (talkpath.read_bundle, talkpath.verify, talkpath.judge):
        with pytest.raises(talkpath.BundleError):
            read(bytes(data))  # type: ignore[operator]
    with pytest.raises(talkpath.FileError):
        talkpath.read_bundle("there/is/no/such/file")


def test_a_check_runs_its_plan_tells_progress_and_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is that of the lab; everything else is what a real check does."""

    def run(request: CheckRequest, link: InviteLink, key: bytes, observer: Observer) -> Facts:
        assert (link.port, request.family, request.relays) == (1, 4, None)
        facts = run_sim(request.plan, Scenario.parse("clean", ["udp.block"], 3))
        observer.epoch_ended(facts)
        observer.question_asked(facts, PlannedEpoch(Arm("webrtc", "dtls", "voice")))
        return facts

    monkeypatch.setattr(run_check, "run_check", run)
    seen: list[talkpath.CheckProgress] = []
    result = talkpath.check(LINK, apps=["webrtc"], family=4, progress=seen.append)
    assert [verdict.state for verdict in result.verdicts] == ["closed"]
    (progress,) = seen
    assert (progress.app, progress.question) == ("webrtc", "baseline")
    assert progress.bytes_used == result.facts.bytes_sent + result.facts.bytes_received
    assert progress.bytes_planned == result.facts.plan.budget_bytes


def test_a_server_that_does_not_answer_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(request: CheckRequest, *_: object) -> Facts:
        return Facts(request.plan, reach=Reach(control="timeout"), health=Health(ended="responder_lost"))

    monkeypatch.setattr(run_check, "run_check", run)
    result = talkpath.check(LINK, apps=["webrtc"])
    assert not result.measured
    assert "does not answer" in result.ended
    assert {verdict.state for verdict in result.verdicts} == {"unreachable"}


@pytest.mark.parametrize(("link", "apps"), [("nowhere", ["webrtc"]), (LINK, ["carrier-pigeon"])])
def test_a_link_or_an_app_that_does_not_exist_is_a_usage_error(link: str, apps: list[str]) -> None:
    with pytest.raises(talkpath.UsageError):
        talkpath.check(link, apps=apps)


def test_video_and_transports_add_to_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []

    def run(request: CheckRequest, *_: object) -> Facts:
        plans.append(request.plan)
        return Facts(request.plan)

    monkeypatch.setattr(run_check, "run_check", run)
    talkpath.check(LINK, apps=["webrtc"])
    talkpath.check(LINK, apps=["webrtc"], video=True, deep=True, transports=True)
    plain, more = plans
    assert {arm.medium for arm in plain.arms} == {"voice"}
    assert {arm.medium for arm in more.arms} == {"voice", "video"}
    assert (plain.transports, more.transports) == (False, True)
    assert more.watch_s > plain.watch_s == 0
