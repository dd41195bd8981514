"""Real bundles of checks in virtual time: one restricted, one not, passed off as those of other days."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from msgspec.structs import replace

from talkpath.evidence.bundle import write_check
from talkpath.evidence.known_responders import probe_signer
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.lab.drivers.run import run_sim
from talkpath.lab.scenario import Scenario
from talkpath.measure.facts import Facts
from talkpath.report.check_json import judge_check
from talkpath.responder.geoip import NetworkOrigin

RULE = "media.drop,app=whatsapp,p=0.5,direction=up"


@cache
def whatsapp_check(restricted: bool, network: str, seed: int) -> Facts:
    """A check of WhatsApp's voice calls on that network of country XX."""
    plan = make_plan(choose_arms(["whatsapp/relay60"]))
    scenario = Scenario.parse("clean", [RULE] if restricted else [], seed)
    return run_sim(plan, scenario, where=NetworkOrigin(network, "XX"))


def dated_bundle(restricted: bool, on: str, network: str = "AS64496", seed: int = 0) -> bytes:
    facts = replace(whatsapp_check(restricted, network, seed), started_at=f"{on}T10:00:00Z" if on else "")
    return write_check(facts, judge_check(facts)[1], probe_signer())


def write_dated_bundles(folder: Path) -> Path:
    """One network, August 2025: fine on the 11th, restricted on the 13th, by two checks."""
    rows = [(False, "2025-08-11", 0), (True, "2025-08-13", 1), (True, "2025-08-13", 2)]
    for number, (restricted, on, seed) in enumerate(rows):
        below = folder / on
        below.mkdir(exist_ok=True)
        (below / f"{number}.talkpath").write_bytes(dated_bundle(restricted, on, seed=seed))
    return folder
