"""Draws accompanied calls: innocent ones, and ones under a rule that is bound to the app's own addresses.

Innocent stories are speech with DTX, a muted end, a relay that moves, Wi-Fi to mobile, an app's congested relay, an
app's outage, a path that only the app's addresses suffer from. Half of the apps have relays that a call loses when a
translator moves it to another port. Three calls of an app have one story: they are judged together too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from proof.accompanied_calls import play_accompanied_call
from proof.relayed_calls.placed import PLAIN, CallStory, RelayState
from proof.relayed_calls.script import TalkPattern
from talkpath.lab.backgrounds import background_kinds
from talkpath.lab.scenario import Scenario
from talkpath.measure.call import Findings

ACCOMPANIED_APPS = ("whatsapp", "telegram", "signal", "webrtc", "max", "meet")
POWER_APPS = ("whatsapp", "telegram", "signal", "webrtc", "meet")
SECONDS, FLOWS, TOGETHER = 15.0, 8, 3
BOUND_SHARE = 0.5
OWN_TROUBLE = ("congested relay", "lossy relay", "outage")
"""Stories in which the app's own servers are not well: there "consistent with" names that as well, and is no error."""
MISMEASURED = ("user_vpn",)
"""A tunnel of the user's own: what is measured is not this network."""


@dataclass(frozen=True, slots=True)
class DrawnCalls:
    """Calls of one app. `rule` "" where there is none; `fits`: the rules of which one is named first, rightly."""

    number: int
    app: str
    background: str
    story: str = "plain"
    rule: str = ""
    fits: tuple[str, ...] = ()

    def play(self, turn: int) -> Findings:
        """Play one of the calls."""
        seed = TOGETHER * self.number + turn
        rules = [f"{self.rule},app={self.app},to=app"] if self.rule else []
        scenario = Scenario.parse(self.background, rules, seed=seed)
        seconds = SECONDS + (2.0 if self.rule else 0.0)
        story = drawn_stories(Random(f"story {seed}"), Random(f"relays {self.number}"))[self.story]
        bound = Random(f"bound {self.number}").random() < BOUND_SHARE
        story = replace(story, relays=replace(story.relays, is_bound=bound))
        return play_accompanied_call(self.app, seconds, scenario, story, seed=seed, flows=FLOWS).findings


def drawn_stories(rng: Random, relays: Random) -> dict[str, CallStory]:
    """One of each kind. `relays` draws what ails the app's relays: three calls suffer from it alike."""
    at_s = rng.uniform(2.0, SECONDS - 3.0)
    return {
        "plain": PLAIN,
        "dtx": CallStory(caller=TalkPattern(dtx=True), callee=TalkPattern(dtx=True)),
        "muted": CallStory(callee=TalkPattern(muted=((at_s, at_s + rng.uniform(2.0, 8.0)),))),
        "relay moves": CallStory(moves_s=(at_s,)),
        "wi-fi to mobile": CallStory(roams_s=(at_s,)),
        "congested relay": CallStory(
            relays=RelayState(
                loss=relays.uniform(0.02, 0.2), added_ms=relays.uniform(30, 150), jitter_ms=relays.uniform(40, 120)
            )
        ),
        "lossy relay": CallStory(relays=RelayState(loss=relays.uniform(0.05, 0.3))),
        "outage": CallStory(relays=RelayState(down_from_s=rng.choice((0.0, at_s)))),
    }


def drawn_rules() -> dict[str, tuple[str, ...]]:
    """Rules of the lab, and the first rule that a call under one may be told as consistent with."""
    drops = {f"media.drop,direction=down,p={share / 100}": ("media.drop",) for share in range(20, 80, 10)}
    polices = {f"media.police,kbps={kbps}": ("media.police", "media.drop") for kbps in (8, 16, 24)}
    return {
        **drops,
        **polices,
        "media.freeze,after_s=4": ("media.freeze",),
        "flow.block,p=1": ("stun.drop", "reflector.drop", "address.block"),
    }


def draw_innocent(number: int) -> DrawnCalls:
    """Draw calls that nothing restricts: every background in turn, any story."""
    kinds = [name for name in sorted(background_kinds()) if name not in MISMEASURED]
    rng = Random(f"innocent {number}")
    background, app = kinds[number % len(kinds)], rng.choice(ACCOMPANIED_APPS)
    return DrawnCalls(number, app, background, rng.choice(sorted(drawn_stories(rng, rng))))


def draw_ruled(number: int) -> DrawnCalls:
    """Draw calls under a rule, on a clean line."""
    rng = Random(f"ruled {number}")
    rule = rng.choice(sorted(drawn_rules()))
    return DrawnCalls(number, rng.choice(POWER_APPS), "clean", rule=rule, fits=drawn_rules()[rule])
