"""Plays a check through a network that the lab makes, where what is restricted is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from talkpath.errors import PeerError

if TYPE_CHECKING:
    from talkpath.api.check_result import Result

Driver = Literal["sim", "netns", "loopback"]


def simulate(
    restrict: str | Sequence[str] = (),
    *,
    background: str = "clean",
    apps: Sequence[str] = (),
    media: Sequence[str] = ("voice",),
    seed: int = 0,
    family: Literal[4, 6] = 4,
    driver: Driver = "sim",
    flows: int | None = None,
    deep: bool = False,
    transports: bool = False,
) -> Result:
    """Play one check through one made-up network. Nothing leaves this machine, and the result says SIMULATED.

    `restrict` is a rule as "media.drop,app=telegram,p=0.3", or several; `background` is the line's quality, as
    "ge,loss=0.05"; the same `seed` plays the same network. `flows` sets the call flows of an epoch. What was really
    restricted is in `Result.record["truth"]`.

    `driver` "sim" plays in virtual time and takes about a second; "loopback" uses sockets of 127.0.0.1; "netns" uses
    network namespaces (Linux) and moves this process into one, so it is for programs that do nothing else.
    """
    from talkpath.api.check_result import Result
    from talkpath.evidence.known_responders import probe_signer
    from talkpath.experiment.plan import DEEP_S, choose_arms, make_plan
    from talkpath.lab.drivers import namespace, run
    from talkpath.lab.drivers.sim import SIM_PORTS
    from talkpath.lab.ground_truth import rule_hits
    from talkpath.lab.scenario import Scenario

    rules = (restrict,) if isinstance(restrict, str) else tuple(restrict)
    scenario = Scenario.parse(background, rules, seed, family)
    arms = choose_arms(apps, media, every=deep)
    plan = make_plan(arms, k=flows, watch_s=DEEP_S if deep else 0.0, transports=transports)
    if driver == "netns":
        if why := namespace.why_unavailable():
            raise PeerError(why)
        namespace.enter_namespace()
    drivers = {"sim": run.run_sim, "netns": run.run_netns, "loopback": run.run_loopback}
    facts = drivers[driver](plan, scenario)
    hits = [hit.record() for hit in rule_hits(scenario.rules, arms, SIM_PORTS)]
    return Result.of(facts, probe_signer(), hits)
