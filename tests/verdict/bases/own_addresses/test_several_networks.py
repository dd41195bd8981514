"""What an app's addresses show on several networks together: a rule that no bad route explains, and never less."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import log
from random import Random

import pytest
from msgspec.structs import replace

from talkpath.api.verification import read_bundle
from talkpath.errors import UsageError
from talkpath.evidence.bundle import write_endpoints
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.own_addresses import OwnAddressCase, WaySettings, ask_own_addresses
from talkpath.lab.restrictor import parse_rule
from talkpath.measure.endpoint_facts import EndpointFacts
from talkpath.measure.facts import Exchange
from talkpath.report.endpoint_report import endpoint_sentence, endpoints_json
from talkpath.report.rejudge import judge_several
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.verdict.bases.own_addresses.several_networks import judge_networks, networks_log_e
from talkpath.wire.control.keys import Signer

RULE = "udp.freeze,app=telegram,after_packets=12,to=app"


@cache
def network(seed: int, rule: str = RULE) -> EndpointFacts:
    """A run on one network of the lab, with that rule or none."""
    rules = (parse_rule(rule),) if rule else ()
    return ask_own_addresses(OwnAddressCase(seed, parse_background("clean"), WaySettings(), rules))[0]


def states(runs: Sequence[EndpointFacts]) -> list[tuple[str, str | None]]:
    return [(verdict.state, verdict.rule) for verdict in judge_networks(runs)]


def test_one_network_is_consistent_with_a_rule_and_many_prove_it() -> None:
    hit = [network(seed) for seed in range(4, 16)]
    assert [verdict.state for verdict in judge_own_addresses(hit[0]) if verdict.medium == "voice"] == ["insufficient"]
    assert states(hit[:2]) == [("insufficient", None)]
    (verdict,) = judge_networks(hit)
    assert (verdict.state, verdict.rule, verdict.direction) == ("restricted", "udp.freeze", "up")
    assert (verdict.trouble, verdict.alternatives, verdict.reason) == ("addresses", (), None)
    assert f"pass: {len(hit)} of {len(hit)}. Bad stretches" in endpoint_sentence(verdict)


def test_the_same_run_counts_once_however_often_it_is_named() -> None:
    assert states([network(4)] * 20) == [("insufficient", None)]


def test_networks_without_the_rule_count_against_it() -> None:
    mixed = [network(4), *(network(seed, "") for seed in range(20, 23))]
    (verdict,) = judge_networks(mixed)
    assert verdict.state == "insufficient"
    assert (verdict.figures["networks"], verdict.figures["networks_hit"]) == (4.0, 1.0)
    assert (verdict.log10_e or 0.0) < (judge_networks(mixed[:1])[0].log10_e or 0.0)
    assert judge_networks(mixed[1:]) == []


def asked(seed: bytes, hour: str, ok: bool) -> EndpointFacts:
    """A TLS host of the app and a neutral one, asked three times from one network."""
    hosts = (("telegram", "web", ok, ""), ("", "n", True, ""))
    rounds = tuple(
        Exchange(app, host, not app, float(turn), fine, "" if fine else "generic_timeout_error", 1.0, 0.0, "tls", turn,
                 named=True)
        for turn in range(1, 4) for app, host, fine, _ in hosts
    )  # fmt: skip
    return EndpointFacts(
        apps=("telegram",), tier=1, exchanges=rounds, seed=seed, started_at=f"2026-11-30T{hour}:00:00Z"
    )


def test_a_server_that_answers_from_another_network_in_the_same_hour_is_not_down() -> None:
    dead = asked(b"1", "10", ok=False)
    (alone,) = judge_own_addresses(dead)
    assert (alone.state, alone.reason and alone.reason.code) == ("insufficient", "outage")
    (verdict,) = judge_networks([dead, asked(b"2", "10", ok=True)])
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", "other_destination")
    assert verdict.alternatives == alone.alternatives
    assert "do: 1 of 2. From another they all answered in the same hour" in endpoint_sentence(verdict)
    assert judge_networks([dead, asked(b"2", "11", ok=True)]) == []
    assert judge_networks([dead, asked(b"2", "10", ok=False)]) == []


def test_bad_routes_alone_seldom_reach_the_threshold() -> None:
    """10 000 countries of 12 networks, in each of which one of four destinations lies behind a bad route."""
    rng, limit = Random(39), log(10_000)
    runs = [networks_log_e([4.0 if rng.random() < 0.25 else 0.0 for _ in range(12)]) for _ in range(10_000)]
    assert sum(each >= limit for each in runs) <= 1
    assert networks_log_e([4.0] * 8) >= limit > networks_log_e([4.0] * 5)


def test_bundles_of_another_kind_are_not_judged_together() -> None:
    facts = network(4)
    signed = write_endpoints(facts, endpoints_json(facts, judge_own_addresses(facts)), Signer.of_seed(bytes(32)))
    bundle = read_bundle(signed)
    assert judge_several([bundle, bundle]).record["runs"] == 2
    with pytest.raises(UsageError, match="Only bundles of"):
        judge_several([bundle, replace(bundle, endpoints=None)])
