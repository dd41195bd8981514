"""The script of the demo, read from scenes.toml."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import make_plan
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Plan
from talkpath.report.words.language import say


class DemoClaim(Struct, frozen=True, forbid_unknown_fields=True):
    """Words of the order, and what they predict for a scene's verdicts: that the medium is restricted, or open, for
    every app named."""

    words: str
    scene: str
    apps: tuple[str, ...]
    medium: str
    expects: Literal["restricted", "open"]


class DemoOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """The order of the simulated regulator."""

    words: str
    claims: tuple[DemoClaim, ...]


class Scene(Struct, frozen=True, forbid_unknown_fields=True):
    """One network, and the time that a check has for its questions before it asks which transports work."""

    id: str
    title: str
    story: str
    background: str
    rules: tuple[str, ...]
    budget_s: float

    @property
    def told_title(self) -> str:
        """The title in the reader's language."""
        return say("scene", self.title)

    def scenario(self, seed: int) -> Scenario:
        """The network of the scene."""
        return Scenario.parse(self.background, self.rules, seed)


class OwnScene(Struct, frozen=True, forbid_unknown_fields=True):
    """A scene about an app's own addresses: the rule, and the router before which it acts."""

    id: str
    title: str
    story: str
    app: str
    rule: str
    at: int

    @property
    def told_title(self) -> str:
        """The title in the reader's language."""
        return say("scene", self.title)


class SceneCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """The check of every scene. `arms` are written as app/variant/medium."""

    arms: tuple[str, ...]
    k: int
    packets: int
    path_s: float
    budget_bytes: int


class DemoScript(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole script."""

    check: SceneCheck
    order: DemoOrder
    scenes: tuple[Scene, ...]
    own: OwnScene

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms of every check."""
        return tuple(map(Arm.parse, self.check.arms))

    @property
    def apps(self) -> tuple[str, ...]:
        """The apps whose messages are tried."""
        return tuple(dict.fromkeys(arm.app for arm in self.arms))

    def plan(self, scene: Scene) -> Plan:
        """The plan of that scene's check. A scene is over before a call could be watched for the seconds that `ok`
        takes in a check of its own: here it takes none, and the result says for how long calls were watched."""
        own = self.check
        plan = make_plan(self.arms, k=own.k, budget_s=scene.budget_s, budget_bytes=own.budget_bytes, light=True)
        return msgspec.structs.replace(plan, packets=own.packets, path_s=own.path_s, ok_s=0.0)


def read_script() -> DemoScript:
    """The script that comes with talkpath."""
    text = files("talkpath.lab.demo").joinpath("scenes.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), DemoScript)
