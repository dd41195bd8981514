"""What the demo plays, read from scenes.toml."""

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


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """Some words of the order, and what a scene's verdicts say if they are true: of every app named, that medium is
    restricted, or open."""

    words: str
    scene: str
    apps: tuple[str, ...]
    medium: str
    expects: Literal["restricted", "open"]


class Order(Struct, frozen=True, forbid_unknown_fields=True):
    """What the made-up regulator says."""

    words: str
    claims: tuple[Claim, ...]


class Scene(Struct, frozen=True, forbid_unknown_fields=True):
    """One network, and how long a check of it may ask questions before it asks what still gets through."""

    id: str
    title: str
    story: str
    background: str
    rules: tuple[str, ...]
    budget_s: float

    @property
    def told_title(self) -> str:
        """The title in the language of the moment."""
        return say("scene", self.title)

    def scenario(self, seed: int) -> Scenario:
        """The network."""
        return Scenario.parse(self.background, self.rules, seed)


class CheckOf(Struct, frozen=True, forbid_unknown_fields=True):
    """The check that is played in every scene. `arms` as app/variant/medium."""

    arms: tuple[str, ...]
    k: int
    packets: int
    path_s: float
    budget_bytes: int


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    check: CheckOf
    order: Order
    scenes: tuple[Scene, ...]

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms of every check."""
        return tuple(map(Arm.parse, self.check.arms))

    @property
    def apps(self) -> tuple[str, ...]:
        """Whose messages are tried."""
        return tuple(dict.fromkeys(arm.app for arm in self.arms))

    def plan(self, scene: Scene) -> Plan:
        """The plan of that scene's check."""
        own = self.check
        plan = make_plan(self.arms, k=own.k, budget_s=scene.budget_s, budget_bytes=own.budget_bytes)
        return msgspec.structs.replace(plan, packets=own.packets, path_s=own.path_s)


def read_script() -> Script:
    """The script that comes with talkpath."""
    text = files("talkpath.lab.demo").joinpath("scenes.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Script)
