"""Carries out `talkpath endpoints` on this machine's network: single requests, then greetings in series and packets
that expire on the way, as far as the tier and the system allow."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random, SystemRandom

from msgspec.structs import replace

from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.probe.endpoint_catalogue import ChosenEndpoints
from talkpath.probe.endpoint_driver import EndpointDriver, OnRequest
from talkpath.probe.endpoint_engine import GAP_S, EndpointEngine
from talkpath.probe.local_network import local_address, through_tunnel
from talkpath.probe.own_addresses.driver import OnStage, OwnAddressDriver
from talkpath.probe.own_addresses.engine import Choose, OwnAddressEngine
from talkpath.probe.own_addresses.plan import SERIES_GREETINGS, server_targets
from talkpath.probe.own_addresses.series import EVERY_S
from talkpath.verdict.bases.own_addresses.questions import imitated_arm, next_question
from talkpath.wire.ip import error_queue
from talkpath.wire.ip.address import Address

CHOICE_SEED_BYTES = 16


def ask_endpoints(
    chosen: ChosenEndpoints,
    tier: int,
    *,
    family: int = 0,
    gap_s: float = GAP_S,
    every_s: float = EVERY_S,
    on_request: OnRequest = lambda request: None,
    on_stage: OnStage = lambda engine: None,
) -> EndpointFacts:
    """Ask everything of that tier, and return the facts. `family` 4 or 6 is that of series and of packets that expire;
    0 is either. `every_s` is between two greetings of a series."""
    now, rng = datetime.now(UTC), SystemRandom()
    single = EndpointEngine(chosen, now.date(), rng, gap_s)
    local = local_address(Address.of(chosen.resolver.host))  # sends nothing
    EndpointDriver(single, on_request=on_request).ask()
    facts = EndpointFacts(
        apps=tuple(dict.fromkeys(row.app for row in chosen.rows)),
        tier=tier,
        exchanges=tuple(single.exchanges),
        seed=rng.randbytes(CHOICE_SEED_BYTES),
        started_at=f"{now:%Y-%m-%dT%H}:00:00Z",
        vpn=through_tunnel(local) if local is not None else None,
    )
    return facts if tier < 2 else _ask_own_addresses(facts, chosen, single, family, every_s, on_stage)


def _ask_own_addresses(
    facts: EndpointFacts,
    chosen: ChosenEndpoints,
    single: EndpointEngine,
    family: int,
    every_s: float,
    on_stage: OnStage,
) -> EndpointFacts:
    used, found = server_targets(chosen, single.addresses, family)
    facts = replace(facts, family=used, limited=why_not_asked(facts, bool(found)))
    if not found:
        return facts
    choose: Choose | None = next_question if facts.tier >= 3 and not facts.limited else None
    greeted = Counter(each.host for each in facts.exchanges if each.kind == "stun")
    engine = OwnAddressEngine(
        facts,
        found,
        Random(facts.seed),
        greetings=SERIES_GREETINGS,
        choose=choose,
        greeted=dict(greeted),
        every_s=every_s,
    )
    OwnAddressDriver(engine, on_stage).run()
    return engine.facts


def why_not_asked(facts: EndpointFacts, has_servers: bool) -> str:
    """Why no packets that expire are sent, "" where they are; also where the tier asks for none."""
    if facts.tier < 3:
        return ""
    if error_queue.error_queue_missing():
        return "system"
    if not has_servers:
        return "no_server"
    return "" if any(imitated_arm(app) for app in facts.apps) else "no_call"
