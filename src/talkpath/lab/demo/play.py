"""Plays the script: each scene on real sockets where possible, else in virtual time, and says which.

A scene whose run was void (packets late, or lost by the lab itself), or did not start at all, is played in virtual time
with the same seed.

The demo's fourth and last scene: an order that is bound to an app's own addresses, in virtual time.

A check against a test server calls it ok. The questions towards the app's own addresses find it; what both say together
is what `check --own` would print.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.errors import PeerError, TalkpathError, UsageError
from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import probe_signer
from talkpath.experiment.plan import make_plan
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.demo.comparison import ClaimOutcome, ResultTally, compare_claim, scene_tally, total_tally
from talkpath.lab.demo.script import DemoScript, OwnScene, Scene
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers import run as drive
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth import RuleHit, rule_hits
from talkpath.lab.own_addresses import OwnAddressCase, WaySettings, WayTo, ask_own_addresses
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts, Plan
from talkpath.report import joined_report
from talkpath.report.check_json import judge_check
from talkpath.report.words.joined_sentences import joined_sentences
from talkpath.report.words.language import ENGLISH, say, speaking
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.bases.joined_means import JoinedMedium, join_means
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.judge import judge_facts
from talkpath.verdict.model import Verdict
from talkpath.verdict.validity import why_voided

DemoDriver = Literal["netns", "loopback", "sim"]
RunDriver = Callable[..., Facts]

DRIVERS: Mapping[DemoDriver, RunDriver] = {
    "netns": drive.run_netns,
    "loopback": drive.run_loopback,
    "sim": drive.run_sim,
}


class PlayedScene(Struct, frozen=True):
    """One scene after its check. `seconds` is the wall time of the run that counts; `notes` are about the others."""

    scene: Scene
    driver: DemoDriver
    seconds: float
    notes: tuple[str, ...]
    facts: Facts
    verdicts: tuple[Verdict, ...]
    written: dict[str, Any]
    hits: tuple[RuleHit, ...]

    @property
    def tally(self) -> ResultTally:
        """Its verdicts compared with the ground truth."""
        return scene_tally(self.verdicts, self.hits)

    def bundle(self) -> bytes:
        """The evidence, as `check -o` writes it."""
        return write_check(self.facts, self.written, probe_signer())


class DemoResult(Struct, frozen=True):
    """The result of the whole demo."""

    script: DemoScript
    seed: int
    driver: DemoDriver
    seconds: float
    played: tuple[PlayedScene, ...]
    own: PlayedOwnScene

    @property
    def claims(self) -> list[ClaimOutcome]:
        """The order's words compared with the verdicts."""
        scenes = {played.scene.id: played for played in self.played}
        return [compare_claim(claim, scenes[claim.scene].verdicts) for claim in self.script.order.claims]

    def because(self, held: ClaimOutcome) -> str:
        """Why, and in which scene."""
        title = next(scene.told_title for scene in self.script.scenes if scene.id == held.scene)
        return say("demo", "{scene}: {because}", scene=title, because=held.because)

    @property
    def tally(self) -> ResultTally:
        """All verdicts compared with the ground truth."""
        return total_tally(played.tally for played in self.played)


def driver_words(driver: DemoDriver) -> str:
    """What moves the packets, in words."""
    return {
        "netns": say("demo", "real sockets in network namespaces"),
        "loopback": say("demo", "real sockets on this machine's loopback"),
        "sim": say("demo", "virtual time"),
    }[driver]


def choose_driver(wanted: str) -> DemoDriver:
    """The best driver that this machine has, or the one that was asked for; `PeerError` where that cannot run."""
    why = namespace.why_unavailable() if wanted in ("auto", "netns") else ""
    if wanted == "auto":
        return "loopback" if why else "netns"
    if why:
        raise PeerError(why)
    for driver in DRIVERS:
        if driver == wanted:
            return driver
    raise UsageError(f"There is no driver {wanted!r}; there are: auto, {', '.join(DRIVERS)}.")


class DemoListener:
    """Callbacks for progress. This class ignores all of them."""

    def begins(self, scene: Scene, driver: DemoDriver) -> None:
        """A scene begins."""

    def progress(self, scene: Scene, message: str) -> None:
        """Called some times a second with the progress of a scene's check."""

    def notes(self, sentence: str) -> None:
        """A run did not count."""

    def ends(self, played: PlayedScene) -> None:
        """A scene is over."""


def play_scenes(
    script: DemoScript,
    driver: DemoDriver,
    seed: int,
    listener: DemoListener,
    drivers: Mapping[DemoDriver, RunDriver] = DRIVERS,
) -> DemoResult:
    """Plays all scenes: on real sockets side by side, in virtual time one after the other."""
    start_s = time.monotonic()

    def run_real(scene: Scene) -> SceneRun:
        return _run_scene(drivers[driver], driver, script, scene, seed, listener)

    runs: list[SceneRun | None] = [None] * len(script.scenes)
    if driver != "sim":
        with ThreadPoolExecutor(len(script.scenes)) as pool:  # the packets are moved by processes of their own
            runs = [each.result() for each in [pool.submit(copy_context().run, run_real, s) for s in script.scenes]]
    played = [
        play_scene(script, scene, seed, listener, run, drivers=drivers)
        for scene, run in zip(script.scenes, runs, strict=True)
    ]
    own = play_own_scene(script, seed)
    return DemoResult(
        script=script,
        seed=seed,
        driver=driver,
        seconds=round(time.monotonic() - start_s, 1),
        played=tuple(played),
        own=own,
    )


def play_scene(
    script: DemoScript,
    scene: Scene,
    seed: int,
    listener: DemoListener,
    run: SceneRun | None = None,
    drivers: Mapping[DemoDriver, RunDriver] = DRIVERS,
) -> PlayedScene:
    """The scene by its run on real sockets, or in virtual time where that does not count or there was none."""
    notes: list[str] = []
    if run is not None and run.wrong:
        notes.append(
            say(
                "demo",
                "{scene}: a run did not count ({driver}): {why}.",
                scene=scene.told_title,
                driver=driver_words(run.driver),
                why=run.wrong,
            )
        )
        listener.notes(notes[-1])
    if run is None or run.wrong:
        run = _run_scene(drivers["sim"], "sim", script, scene, seed, listener)
    if run.facts is None:
        raise PeerError("The scene could not be played, not even in virtual time; please report this.")
    hits = rule_hits(scene.scenario(seed).rules, script.arms, SIM_PORTS)
    verdicts, written = judge_check(run.facts, [hit.record() for hit in hits])
    played = PlayedScene(
        scene=scene,
        driver=run.driver,
        seconds=run.seconds,
        notes=tuple(notes),
        facts=run.facts,
        verdicts=tuple(verdicts),
        written=written,
        hits=tuple(hits),
    )
    listener.ends(played)
    return played


class SceneRun(NamedTuple):
    """One run of a scene: `wrong` says why it does not count, "" where it does."""

    driver: DemoDriver
    facts: Facts | None
    wrong: str
    seconds: float


def _run_scene(
    run: RunDriver, driver: DemoDriver, script: DemoScript, scene: Scene, seed: int, listener: DemoListener
) -> SceneRun:
    facts, wrong, begun_s = None, "", time.monotonic()
    listener.begins(scene, driver)
    try:
        with namespace.own_namespace() if driver == "netns" else nullcontext():
            facts = run(script.plan(scene), scene.scenario(seed), script.apps, partial(listener.progress, scene))
        void = why_voided(facts)
        wrong = reason_clause(void) if void else ""
    except TalkpathError as error:
        wrong = say("demo", "it did not come about ({error})", error=str(error).rstrip("."))
    except OSError as error:
        wrong = say("demo", "this system refused ({error})", error=error.strerror or type(error).__name__)
    return SceneRun(driver, facts, wrong, round(time.monotonic() - begun_s, 1))


def as_json(performance: DemoResult) -> dict[str, Any]:
    """demo.json, in English for readers of every language."""
    with speaking(ENGLISH):
        claims = msgspec.to_builtins(performance.claims)
    return {
        "schema": "talkpath.demo/1",
        "simulated": True,
        "seed": performance.seed,
        "driver": performance.driver,
        "seconds": performance.seconds,
        "order": performance.script.order.words,
        "scenes": [_scene_json(played) for played in performance.played],
        "another_order": performance.own.record(),
        "claims": claims,
        "truth": msgspec.to_builtins(performance.tally),
    }


def _scene_json(played: PlayedScene) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(played.scene),
        "driver": played.driver,
        "seconds": played.seconds,
        "notes": list(played.notes),
        "bundle": f"{played.scene.id}.talkpath",
        "truth": msgspec.to_builtins(played.tally),
        "check": played.written,
    }


ROUTERS_BEHIND_TRUNK = 3  # routers of each way behind the shared ones


class PlayedOwnScene(Struct, frozen=True):
    """The scene after both means. `seconds` is the wall time that it took."""

    scene: OwnScene
    seconds: float
    joined: tuple[JoinedMedium, ...]

    @property
    def sentences(self) -> list[str]:
        """What both means say together."""
        return joined_sentences(self.joined)

    def record(self) -> dict[str, Any]:
        """The entry of demo.json."""
        return {"id": self.scene.id, "rule": self.scene.rule, "joined": joined_report.joined_entries(self.joined)}


def play_own_scene(script: DemoScript, seed: int) -> PlayedOwnScene:
    """Plays the scene: a check with a test server, then the questions to the app's own addresses."""
    begun_s, scene = time.monotonic(), script.own
    arms = [arm for arm in script.arms if arm.app == scene.app]
    server = judge_facts(run_sim(_own_scene_plan(script, arms), Scenario.parse("clean", [scene.rule], seed)))
    facts, _ = ask_own_addresses(_own_scene_case(scene, seed))
    joined = join_means([*server, *judge_own_addresses(facts)])
    return PlayedOwnScene(scene, round(time.monotonic() - begun_s, 1), tuple(joined))


def _own_scene_plan(script: DemoScript, arms: list[Arm]) -> Plan:
    own = script.check
    plan = make_plan(arms, k=own.k, budget_bytes=own.budget_bytes)
    return replace(plan, packets=own.packets)


def _own_scene_case(scene: OwnScene, seed: int) -> OwnAddressCase:
    case = OwnAddressCase(seed, parse_background("clean"), rules=(parse_rule(scene.rule),), app=scene.app)
    ways = WaySettings(at=scene.at, to={name: WayTo(routers=ROUTERS_BEHIND_TRUNK) for name in case.hosts})
    return OwnAddressCase(case.seed, case.background, ways, case.rules, case.app)
