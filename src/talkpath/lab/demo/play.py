"""Plays the script: each scene on real sockets where possible, else in virtual time, and says which.

A scene whose run was void (packets late, or lost by the lab itself), or did not start at all, is repeated once if there
is time, then played in virtual time with the same seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from talkpath.errors import PeerError, TalkpathError, UsageError
from talkpath.evidence.bundle import write_check
from talkpath.evidence.simulation_keys import probe_signer
from talkpath.lab.demo.comparison import ClaimOutcome, ResultTally, compare_claim, scene_tally, total_tally
from talkpath.lab.demo.own_scene import PlayedOwnScene, play_own_scene
from talkpath.lab.demo.script import DemoScript, Scene
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers import run as drive
from talkpath.lab.drivers.sim import SIM_PORTS
from talkpath.lab.ground_truth.hits import RuleHit, rule_hits
from talkpath.measure.facts import Facts
from talkpath.report.check_json import judge_check
from talkpath.report.words.language import ENGLISH, say, speaking
from talkpath.report.words.reasons import reason_clause
from talkpath.verdict.model import Verdict
from talkpath.verdict.validity import why_voided

DemoDriver = Literal["netns", "loopback", "sim"]
RunDriver = Callable[..., Facts]

DRIVERS: Mapping[DemoDriver, RunDriver] = {
    "netns": drive.run_netns,
    "loopback": drive.run_loopback,
    "sim": drive.run_sim,
}
MAX_DEMO_S = 128.0  # for all scenes: `make demo` ends within 130 s
OWN_S = 6.0  # the last scene, in virtual time
SCENE_OVERHEAD_S = 5.0  # what a scene takes beside its questions: programs that start, the end
MAX_SCENE_TRIES = 2


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

    def progress(self, message: str) -> None:
        """Called some times a second with the check's progress."""

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
    """Plays all scenes."""
    start_s = time.monotonic()
    played = []
    for number, scene in enumerate(script.scenes):
        later_s = sum(SCENE_OVERHEAD_S + each.budget_s for each in script.scenes[number + 1 :])
        until_s = start_s + MAX_DEMO_S - OWN_S - later_s
        played.append(play_scene(script, scene, driver, seed, listener, until_s=until_s, drivers=drivers))
        listener.ends(played[-1])
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
    driver: DemoDriver,
    seed: int,
    listener: DemoListener,
    *,
    until_s: float = float("inf"),
    drivers: Mapping[DemoDriver, RunDriver] = DRIVERS,
) -> PlayedScene:
    """Plays one scene. No repeat on real sockets may end after `until_s` (monotonic clock)."""
    notes: list[str] = []
    for using in _affordable_tries(driver, scene, until_s):
        begun_s = time.monotonic()
        listener.begins(scene, using)
        facts, wrong = _run_scene(drivers[using], script, scene, seed, listener)
        if facts is not None and (not wrong or using == "sim"):
            hits = rule_hits(scene.scenario(seed).rules, script.arms, SIM_PORTS)
            verdicts, written = judge_check(facts, [hit.record() for hit in hits])
            seconds = round(time.monotonic() - begun_s, 1)
            return PlayedScene(scene, using, seconds, tuple(notes), facts, tuple(verdicts), written, tuple(hits))
        notes.append(
            say(
                "demo",
                "{scene}: a run did not count ({driver}): {why}.",
                scene=scene.told_title,
                driver=driver_words(using),
                why=wrong,
            )
        )
        listener.notes(notes[-1])
    raise PeerError("The scene could not be played, not even in virtual time; please report this.")


def _affordable_tries(driver: DemoDriver, scene: Scene, until_s: float) -> Iterator[DemoDriver]:
    if driver != "sim":
        yield driver
        for _ in range(MAX_SCENE_TRIES - 1):
            if time.monotonic() + SCENE_OVERHEAD_S + scene.budget_s <= until_s:
                yield driver
    yield "sim"


def _run_scene(
    run: RunDriver, script: DemoScript, scene: Scene, seed: int, listener: DemoListener
) -> tuple[Facts | None, str]:
    """(facts, why they do not count or "")."""
    try:
        facts = run(script.plan(scene), scene.scenario(seed), script.apps, listener.progress)
    except TalkpathError as error:
        return None, say("demo", "it did not come about ({error})", error=str(error).rstrip("."))
    except OSError as error:
        return None, say("demo", "this system refused ({error})", error=error.strerror or type(error).__name__)
    void = why_voided(facts)
    return facts, reason_clause(void) if void else ""


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
