"""Plays the script: each scene on real sockets where that works, in virtual time where it does not, and says which.

A scene whose run was void (`voided`: packets late, packets lost by the lab itself), or did not come about at all, is
repeated once while there is time, then played in virtual time with the same seed.
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
from talkpath.lab.demo.comparison import Held, Tally, hold, tally, total
from talkpath.lab.demo.script import Scene, Script
from talkpath.lab.drivers import namespace
from talkpath.lab.drivers import run as drive
from talkpath.lab.drivers.sim import PORTS
from talkpath.lab.ground_truth.hits import Hit, truth
from talkpath.measure.facts import Facts
from talkpath.report.check_json import judge_check
from talkpath.report.words.language import ENGLISH, say, speaking
from talkpath.report.words.reasons import reason
from talkpath.verdict.assessment import voided
from talkpath.verdict.model import Verdict

Driver = Literal["netns", "loopback", "sim"]
Run = Callable[..., Facts]

DRIVERS: Mapping[Driver, Run] = {"netns": drive.run_netns, "loopback": drive.run_loopback, "sim": drive.run_sim}
LIMIT_S = 88.0  # for all scenes: `make demo` ends within 90 s
AROUND_S = 5.0  # what a scene takes beside its questions: programs that start, the end
TRIES = 2


class Played(Struct, frozen=True):
    """One scene after its check. `seconds` of the run that counts, on the wall's clock; `notes` tell of the others."""

    scene: Scene
    driver: Driver
    seconds: float
    notes: tuple[str, ...]
    facts: Facts
    verdicts: tuple[Verdict, ...]
    written: dict[str, Any]
    hits: tuple[Hit, ...]

    @property
    def tally(self) -> Tally:
        """Against the box's truth."""
        return tally(self.verdicts, self.hits)

    def bundle(self) -> bytes:
        """The evidence, as `check -o` writes it."""
        return write_check(self.facts, self.written, probe_signer())


class Performance(Struct, frozen=True):
    """The whole evening at the theatre."""

    script: Script
    seed: int
    driver: Driver
    seconds: float
    played: tuple[Played, ...]

    @property
    def claims(self) -> list[Held]:
        """The order's words against the verdicts."""
        scenes = {played.scene.id: played for played in self.played}
        return [hold(claim, scenes[claim.scene].verdicts) for claim in self.script.order.claims]

    def because(self, held: Held) -> str:
        """Why, and in which scene."""
        title = next(scene.told_title for scene in self.script.scenes if scene.id == held.scene)
        return say("demo", "{scene}: {because}", scene=title, because=held.because)

    @property
    def tally(self) -> Tally:
        """All verdicts against the box's truth."""
        return total(played.tally for played in self.played)


def moves(driver: Driver) -> str:
    """What moves the packets."""
    return {
        "netns": say("demo", "real sockets in network namespaces"),
        "loopback": say("demo", "real sockets on this machine's loopback"),
        "sim": say("demo", "virtual time"),
    }[driver]


def choose_driver(wanted: str) -> Driver:
    """The best driver that this machine has, or the one that is wanted; `PeerError` where that cannot be."""
    why = namespace.available() if wanted in ("auto", "netns") else ""
    if wanted == "auto":
        return "loopback" if why else "netns"
    if why:
        raise PeerError(why)
    for driver in DRIVERS:
        if driver == wanted:
            return driver
    raise UsageError(f"There is no driver {wanted!r}; there are: auto, {', '.join(DRIVERS)}.")


class Ears:
    """Who is told what happens meanwhile. Does nothing by itself."""

    def begins(self, scene: Scene, driver: Driver) -> None:
        """A scene begins."""

    def hears(self, said: str) -> None:
        """Some times a second: what the check says."""

    def notes(self, sentence: str) -> None:
        """Something went otherwise than planned."""

    def ends(self, played: Played) -> None:
        """A scene is over."""


def perform(
    script: Script, driver: Driver, seed: int, ears: Ears, drivers: Mapping[Driver, Run] = DRIVERS
) -> Performance:
    """All scenes."""
    start_s = time.monotonic()
    played = []
    for number, scene in enumerate(script.scenes):
        later_s = sum(AROUND_S + each.budget_s for each in script.scenes[number + 1 :])
        until_s = start_s + LIMIT_S - later_s
        played.append(play(script, scene, driver, seed, ears, until_s=until_s, drivers=drivers))
        ears.ends(played[-1])
    return Performance(script, seed, driver, round(time.monotonic() - start_s, 1), tuple(played))


def play(
    script: Script,
    scene: Scene,
    driver: Driver,
    seed: int,
    ears: Ears,
    *,
    until_s: float = float("inf"),
    drivers: Mapping[Driver, Run] = DRIVERS,
) -> Played:
    """One scene. `until_s`: after that time of the monotonic clock no repeat on real sockets may end."""
    notes: list[str] = []
    for using in _tries(driver, scene, until_s):
        begun_s = time.monotonic()
        ears.begins(scene, using)
        facts, wrong = _run(drivers[using], script, scene, seed, ears)
        if facts is not None and (not wrong or using == "sim"):
            hits = truth(scene.scenario(seed).rules, script.arms, PORTS)
            verdicts, written = judge_check(facts, [hit.record() for hit in hits])
            seconds = round(time.monotonic() - begun_s, 1)
            return Played(scene, using, seconds, tuple(notes), facts, tuple(verdicts), written, tuple(hits))
        notes.append(
            say("demo", "{scene}: a run did not count ({driver}): {why}.",
                scene=scene.told_title, driver=moves(using), why=wrong)
        )  # fmt: skip
        ears.notes(notes[-1])
    raise PeerError("The scene could not be played, not even in virtual time; please report this.")


def _tries(driver: Driver, scene: Scene, until_s: float) -> Iterator[Driver]:
    if driver != "sim":
        yield driver
        for _ in range(TRIES - 1):
            if time.monotonic() + AROUND_S + scene.budget_s <= until_s:
                yield driver
    yield "sim"


def _run(run: Run, script: Script, scene: Scene, seed: int, ears: Ears) -> tuple[Facts | None, str]:
    """(facts, why they do not count or "")."""
    try:
        facts = run(script.plan(scene), scene.scenario(seed), script.apps, ears.hears)
    except TalkpathError as error:
        return None, say("demo", "it did not come about ({error})", error=str(error).rstrip("."))
    except OSError as error:
        return None, say("demo", "this system refused ({error})", error=error.strerror or type(error).__name__)
    void = voided(facts)
    return facts, reason(void) if void else ""


def as_json(performance: Performance) -> dict[str, Any]:
    """demo.json. In English, whatever people read."""
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
        "claims": claims,
        "truth": msgspec.to_builtins(performance.tally),
    }


def _scene_json(played: Played) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(played.scene),
        "driver": played.driver,
        "seconds": played.seconds,
        "notes": list(played.notes),
        "bundle": f"{played.scene.id}.talkpath",
        "truth": msgspec.to_builtins(played.tally),
        "check": played.written,
    }
