"""The demo's fourth and last scene: an order that is bound to an app's own addresses, in virtual time.

A check against a test server calls it ok. The questions towards the app's own addresses find it; what both say together
is what `check --own` would print.
"""

from __future__ import annotations

import time
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import make_plan
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.demo.script import DemoScript, OwnScene
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.own_addresses.play import OwnAddressCase, ask_own_addresses
from talkpath.lab.own_addresses.ways import WaySettings, WayTo
from talkpath.lab.restrictor import parse_rule
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Plan
from talkpath.report import joined_report
from talkpath.report.words.joined_sentences import joined_sentences
from talkpath.verdict.bases.joined_means import JoinedMedium, join_means
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.judge import judge_facts

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
