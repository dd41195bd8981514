"""The demo: the script says what the issue asks for, what is told is what was measured, bad runs are not counted."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from talkpath.apps import shapes
from talkpath.apps.contract.shape import Arm
from talkpath.errors import PeerError, UsageError
from talkpath.evidence.bundle import read_bundle
from talkpath.lab.demo import play
from talkpath.lab.demo.comparison import ResultTally, compare_claim, scene_tally, total_tally
from talkpath.lab.demo.page import demo_page
from talkpath.lab.demo.play import DemoListener, DemoResult, PlayedScene
from talkpath.lab.demo.script import DemoClaim, Scene, read_script
from talkpath.lab.demo.text import demo_summary, truth_sentence
from talkpath.lab.drivers import namespace
from talkpath.lab.ground_truth import RuleHit
from talkpath.lab.restrictor import parse_rule
from talkpath.measure.facts import Facts, Health, Plan
from talkpath.report.check_json import judge_check
from talkpath.report.rejudge import verdict_changes
from talkpath.report.words.language import language, speaking
from talkpath.report.words.sentences import verdict_label
from talkpath.verdict.model import Verdict

SCRIPT = read_script()
TITLES = [scene.title for scene in SCRIPT.scenes]


@pytest.fixture(scope="module")
def performance() -> DemoResult:
    """The whole demo in virtual time."""
    return play.play_scenes(SCRIPT, "sim", 1, DemoListener())


def text_of(performance: DemoResult, program: str = "talkpath") -> str:
    console = Console(width=100, no_color=True)
    with console.capture() as captured:
        console.print(demo_summary(performance, "demo", program), highlight=False)
    return captured.get()


# -- the script --------------------------------------------------------------------------------------------------


def test_three_scenes_that_leave_20_s_of_a_minute_to_all_else() -> None:
    assert TITLES == ["The day before", "The day", "A bad evening"]
    assert max(scene.budget_s for scene in SCRIPT.scenes) <= 40


def test_six_apps_with_voice_and_video_one_variant_each() -> None:
    assert len(SCRIPT.apps) == 6
    assert {(arm.app, arm.medium) for arm in SCRIPT.arms} == {(a, m) for a in SCRIPT.apps for m in ("voice", "video")}
    assert set(SCRIPT.arms) <= set(shapes())


@pytest.mark.long
def test_only_the_day_restricts_and_it_hits_video_of_both_apps_by_two_mechanisms() -> None:
    hits = {scene.id: play.rule_hits(scene.scenario(1).rules, SCRIPT.arms) for scene in SCRIPT.scenes}
    assert [bool(found) for found in hits.values()] == [False, True, False]
    day = hits["the-day"]
    assert {(hit.arm.app, hit.arm.medium) for hit in day} == {
        (app, medium) for app in ("whatsapp", "telegram") for medium in ("voice", "video")
    }
    assert len({hit.rule for hit in day}) == 2


def test_every_claim_is_in_the_order_and_names_a_scene() -> None:
    said = SCRIPT.order.words.lower()
    for claim in SCRIPT.order.claims:
        assert claim.scene in [scene.id for scene in SCRIPT.scenes]
        first = claim.words.lower().split()[0]
        assert first in said


# -- what is told is what was measured ---------------------------------------------------------------------------


@pytest.mark.long
def test_every_scene_has_a_verdict_for_each_app_and_medium(performance: DemoResult) -> None:
    for played in performance.played:
        assert {(v.app, v.medium) for v in played.verdicts} == {
            (app, medium) for app in SCRIPT.apps for medium in ("text", "voice", "video")
        }


@pytest.mark.long
def test_verdicts_are_those_of_the_stored_facts(performance: DemoResult) -> None:
    for played in performance.played:
        stored = read_bundle(played.bundle())
        verdicts, written = judge_check(stored.facts, stored.verdict["truth"]["hit"])
        assert tuple(verdicts) == played.verdicts
        assert verdict_changes(stored.verdict["verdicts"], written["verdicts"]) == []
        assert stored.facts.simulated


def test_nobody_is_accused_without_a_rule(performance: DemoResult) -> None:
    before, day, evening = performance.played
    for played in (before, evening):
        assert not [v for v in played.verdicts if v.state in ("restricted", "closed")]
    accused = {v.app for v in day.verdicts if v.state == "restricted"}
    assert accused <= {"whatsapp", "telegram"}


def test_the_summary_holds_what_was_measured(performance: DemoResult) -> None:
    told = " ".join(text_of(performance).split())
    assert told.startswith("SIMULATED")
    for played in performance.played:
        assert played.scene.title in told
    for verdict in performance.played[1].verdicts:
        assert verdict_label(verdict) in told
    for command in ("check LINK", "capture call.pcap", "respond --invite HOST", "judge demo/a-bad-evening.talkpath"):
        assert f" talkpath {command} " in told
        assert f" .venv/bin/talkpath {command} " in " ".join(text_of(performance, ".venv/bin/talkpath").split())
    assert truth_sentence(performance.tally) in told


def test_the_page_holds_what_was_measured(performance: DemoResult) -> None:
    page = demo_page(performance)
    assert "SIMULATED" in page
    assert page.count('class="chart"') == sum(
        len({epoch.arm for epoch in played.facts.epochs if epoch.question.kind in ("baseline", "watch")})
        for played in performance.played
    )
    for held in performance.claims:
        assert held.words in page
    assert "<script" not in page


def test_an_order_bound_to_addresses_is_ok_to_the_check_alone_and_consistent_with_a_rule_by_both_means(
    performance: DemoResult,
) -> None:
    assert play.rule_hits([parse_rule(SCRIPT.own.rule)], SCRIPT.arms) == []
    for joined in performance.own.joined:
        assert {each.means: each.verdict.state for each in joined.findings} == {
            "server": "ok",
            "addresses": "insufficient",
        }
        assert {each.means: each.finding for each in joined.findings} == {"server": "well", "addresses": "likely"}
        assert (joined.conclusion, joined.disagree) == ("addresses", True)
    (line,) = performance.own.sentences
    assert line in " ".join(text_of(performance).split())
    assert line in demo_page(performance)


def test_json_is_plain_and_whole(performance: DemoResult) -> None:
    written = msgspec.json.decode(msgspec.json.encode(play.as_json(performance)))
    assert written["schema"] == "talkpath.demo/1"
    assert written["simulated"] is True
    assert [scene["check"]["schema"] for scene in written["scenes"]] == ["talkpath.check/1"] * 3
    assert [len(scene["check"]["verdicts"]) for scene in written["scenes"]] == [18] * 3
    assert [claim["words"] for claim in written["claims"]] == [claim.words for claim in SCRIPT.order.claims]


@pytest.mark.long
def test_the_same_seed_gives_the_same_facts(performance: DemoResult) -> None:
    again = play.play_scene(SCRIPT, SCRIPT.scenes[1], 1, DemoListener())
    assert again.facts.epochs == performance.played[1].facts.epochs
    other = play.play_scene(SCRIPT, SCRIPT.scenes[1], 2, DemoListener())
    assert other.facts.epochs != again.facts.epochs


def test_no_address_is_in_anything_written(performance: DemoResult) -> None:
    everything = [demo_page(performance), text_of(performance), str(play.as_json(performance)), repr(performance)]
    for host in ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8", "127.0.0.1"):
        assert not [text for text in everything if host in text]


# -- claims ------------------------------------------------------------------------------------------------------

CLAIM = DemoClaim("voice", "the-day", ("a", "b"), "voice", "restricted")


def verdicts(**states: str) -> list[Verdict]:
    return [Verdict(app, "v", "voice", state) for app, state in states.items()]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expects", "states", "outcome"),
    [
        ("restricted", {"a": "restricted", "b": "restricted"}, "supported"),
        ("restricted", {"a": "restricted", "b": "closed"}, "supported"),
        ("restricted", {"a": "restricted", "b": "ok"}, "contradicted"),
        ("restricted", {"a": "restricted", "b": "insufficient"}, "could not tell"),
        ("restricted", {"a": "impaired", "b": "impaired"}, "could not tell"),
        ("restricted", {"a": "restricted"}, "could not tell"),
        ("open", {"a": "ok", "b": "ok"}, "supported"),
        ("open", {"a": "ok", "b": "restricted"}, "contradicted"),
        ("open", {"a": "insufficient", "b": "restricted"}, "contradicted"),
        ("open", {"a": "ok", "b": "impaired"}, "could not tell"),
        ("open", {"c": "ok"}, "could not tell"),
    ],
)
def test_a_claim_is_held_against_every_app_it_names(expects: Any, states: dict[str, str], outcome: str) -> None:
    assert compare_claim(replace(CLAIM, expects=expects), verdicts(**states)).outcome == outcome


def test_another_medium_says_nothing_about_a_claim() -> None:
    video = [replace(verdict, medium="video") for verdict in verdicts(a="restricted", b="restricted")]
    assert compare_claim(CLAIM, video).outcome == "could not tell"


# -- the truth ---------------------------------------------------------------------------------------------------

HIT = RuleHit(Arm("telegram", "tgcalls", "voice"), "media.drop", "up", {"p": 0.4})


def said(state: str, rule: str | None = None, direction: str | None = None, medium: str = "voice") -> Verdict:
    return Verdict("telegram", "tgcalls", medium, state, rule, direction)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdict", "hits", "named", "false"),
    [
        (said("restricted", "media.drop", "up"), [HIT], 1, 0),
        (said("restricted", "media.drop", "down"), [HIT], 0, 1),
        (said("restricted", "media.freeze", "up"), [HIT], 0, 1),
        (said("restricted", "media.unknown", "up"), [HIT], 0, 0),
        (said("restricted", "media.drop", "up"), [], 0, 1),
        (said("closed", "udp.block", "up"), [], 0, 1),
        (said("ok"), [HIT], 0, 1),
        (said("ok"), [], 0, 0),
        (said("impaired"), [], 0, 0),
        (said("insufficient"), [HIT], 0, 0),
        (said("restricted", medium="text"), [], 0, 1),
        (said("ok", medium="text"), [], 0, 0),
    ],
)
def test_right_and_false_verdicts_are_counted(verdict: Verdict, hits: list[RuleHit], named: int, false: int) -> None:
    counted = scene_tally([verdict], hits)
    assert (counted.named, counted.false, counted.restrictions) == (named, false, len(hits))


def test_tallies_add_up() -> None:
    assert total_tally([ResultTally(1, 1, 0, 3, 1, 0), ResultTally(2, 1, 1, 4, 0, 2)]) == ResultTally(3, 2, 1, 7, 1, 2)


# -- runs that do not count --------------------------------------------------------------------------------------

Runs = list[Callable[..., Facts]]


def late(plan: Plan, *rest: object) -> Facts:
    return Facts(plan, health=Health(lab_late_ms_p99=60.0), simulated=True)


def drops(plan: Plan, *rest: object) -> Facts:
    return Facts(plan, health=Health(router_drops=1), simulated=True)


def fine(plan: Plan, *rest: object) -> Facts:
    return Facts(plan, simulated=True)


def refuses(*rest: object) -> Facts:
    raise PeerError("The check in the lab wrote no evidence: it said nothing")


def no_sockets(*rest: object) -> Facts:
    raise PermissionError(1, "Operation not permitted")


class Notes(DemoListener):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.said: list[str] = []

    def begins(self, scene: Scene, driver: play.DemoDriver) -> None:
        self.begun.append(driver)

    def notes(self, sentence: str) -> None:
        self.said.append(sentence)


def one_scene(run: Callable[..., Facts]) -> tuple[PlayedScene, Notes]:
    """The first scene of a demo in which each scene's real sockets are this run, and virtual time runs finely."""
    ears = Notes()
    drivers: dict[play.DemoDriver, play.RunDriver] = {"loopback": run, "sim": fine}
    performance = play.play_scenes(SCRIPT, "loopback", 1, ears, drivers)
    return performance.played[0], ears


@pytest.mark.long
@pytest.mark.parametrize("bad", [late, drops, refuses, no_sockets])
def test_a_bad_run_is_played_in_virtual_time(bad: Callable[..., Facts]) -> None:
    played, ears = one_scene(bad)
    assert sorted(ears.begun) == ["loopback"] * 3 + ["sim"] * 3
    assert (played.driver, len(played.notes)) == ("sim", 1)
    assert played.notes[0] == ears.said[0]
    assert "did not count" in played.notes[0]
    assert played.written["valid"]


def test_all_scenes_run_side_by_side() -> None:
    all_there = Barrier(3)

    def meets_the_others(plan: Plan, *rest: object) -> Facts:
        all_there.wait(60.0)
        return fine(plan)

    played, ears = one_scene(meets_the_others)
    assert ears.begun == ["loopback"] * 3
    assert (played.driver, played.notes) == ("loopback", ())


def test_the_language_of_the_demo_is_that_of_its_scenes() -> None:
    with speaking(language("ru")):
        played, _ = one_scene(refuses)
    assert "один прогон не засчитан" in played.notes[0]
    assert "it did not come about" not in played.notes[0]


def test_notes_are_on_the_page(performance: DemoResult) -> None:
    played, _ = one_scene(late)
    with_notes = replace(performance, played=(played, *performance.played[1:]))
    assert played.notes[0] in demo_page(with_notes)


def test_the_summary_is_25_lines(performance: DemoResult) -> None:
    lines = text_of(performance, ".venv/bin/talkpath").splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) <= 100


def test_the_driver_is_the_best_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "why_unavailable", lambda: "")
    assert play.choose_driver("auto") == "netns"
    monkeypatch.setattr(namespace, "why_unavailable", lambda: "The netns driver needs Linux: use another.")
    assert play.choose_driver("auto") == "loopback"
    assert play.choose_driver("sim") == "sim"
    with pytest.raises(PeerError, match="needs Linux"):
        play.choose_driver("netns")
    with pytest.raises(UsageError, match="auto, netns, loopback, sim"):
        play.choose_driver("teleport")
