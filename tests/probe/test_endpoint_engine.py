"""The engine of `endpoints` against made-up networks: whom it asks, how often, beside whom; it keeps no address."""

from __future__ import annotations

import itertools
import struct
from collections import Counter
from collections.abc import Callable
from datetime import date
from random import Random

import msgspec
import pytest

from talkpath.measure.facts import Exchange
from talkpath.probe.endpoint_catalogue import ChosenEndpoints, EndpointRow
from talkpath.probe.endpoint_engine import (
    GAP_S,
    HELLO_ROUNDS,
    HELLOS,
    OTHER,
    PADDED_HELLO,
    ROUNDS,
    SYSTEM,
    EndpointEngine,
    Request,
)
from talkpath.probe.name_contrast import HELLOS_A_ROUND, NAME_KIND, NAME_ROUNDS, plan_names
from talkpath.verdict.bases.endpoints import judge_endpoints
from talkpath.verdict.model import Category, Reason
from talkpath.wire.ip.address import Address
from talkpath.wire.rtc import stun

TODAY = date(2026, 11, 24)
THERE = Address.of("203.0.113.99")
TIMEOUT = "generic_timeout_error"


def row(id: str, app: str, kind: str, host: str, confidence: str = "high") -> EndpointRow:
    return EndpointRow(id, app, kind, host, 443, 1, "made up", TODAY, confidence)  # type: ignore[arg-type]


MINE = (row("relay1", "telegram", "stun", "203.0.113.1"), row("relay2", "telegram", "stun", "203.0.113.2"),
        row("web", "telegram", "tls", "web.example"), row("api", "telegram", "tcp", "api.example"),
        row("api2", "telegram", "tls", "api.example"))  # fmt: skip
NEUTRAL = (row("n-stun", "", "stun", "203.0.113.7"), row("n-tls", "", "tls", "n.example"),
           row("n-tcp", "", "tcp", "203.0.113.8"), row("n-tls2", "", "tls", "n2.example"))  # fmt: skip
RESOLVER = row("r", "", "resolver", "203.0.113.53")


def inquiry(*, names_only: bool = False, hellos: bool = False, seed: int = 1) -> EndpointEngine:
    return EndpointEngine(ChosenEndpoints(MINE, NEUTRAL, RESOLVER, names_only, hellos), TODAY, Random(seed))


def reply(request: Request) -> bytes:
    """What a server says that works."""
    if request.kind == "stun":
        mapped = stun.encode_xor_address(THERE, request.data[8:20])
        return stun.encode_message(stun.StunMessage(0x0101, request.data[8:20], ((0x0020, mapped),)))
    if request.kind.startswith("tls."):
        return b"\x15\x03\x03\0\x02\x02"  # an alert
    question = request.data[12:]
    header = struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    return request.data[:2] + header + question + b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + THERE.packed


def play(asking: EndpointEngine, fails: Callable[[Request], str] = lambda request: "") -> list[tuple[float, Request]]:
    """Until its end; every answer takes 50 ms, every silence 3 s."""
    now_s, asked = 100.0, []
    open_: list[tuple[float, Request, str]] = []
    while not asking.done or open_:
        for request in asking.poll(now_s):
            failure = fails(request)
            asked.append((now_s, request))
            open_.append((now_s + (3.0 if failure == TIMEOUT else 0.05), request, failure))
        due = min([at_s for at_s, _, _ in open_] + [asking.wake_s])
        now_s = max(now_s, due) if due != float("inf") else now_s
        for each in [each for each in open_ if each[0] <= now_s]:
            open_.remove(each)
            _, request, failure = each
            data = b"" if failure or request.kind in ("tcp", "tls", SYSTEM) else reply(request)
            found = (THERE,) if request.kind == SYSTEM and not failure else ()
            asking.answered(now_s, request.number, failure, data, found)
    return asked


def times(asking: EndpointEngine) -> Counter[tuple[str, str]]:
    return Counter((each.host, each.kind) for each in asking.exchanges if not each.neutral)


def test_where_all_answer_each_host_is_asked_once() -> None:
    asking = inquiry()
    asked = play(asking)
    assert times(asking) == {("relay1", "stun"): 1, ("relay2", "stun"): 1, ("web", "tls"): 1, ("api", "tcp"): 1,
                             ("api2", "tls"): 1, ("web", SYSTEM): 1, ("web", OTHER): 1, ("api", SYSTEM): 1,
                             ("api", OTHER): 1}  # fmt: skip
    assert all(each.ok and each.rtt_ms is not None for each in asking.exchanges)
    assert {v.state for v in judge_endpoints(asking.exchanges)} == {"ok"}
    assert next(request.data for _, request in asked if request.kind == "stun")[:8] == bytes.fromhex("000100002112a442")
    assert all(len(request.data) == 20 for _, request in asked if request.kind == "stun")


@pytest.mark.parametrize("kind", ["stun", "tcp", "tls", SYSTEM, OTHER])
def test_every_kind_is_asked_beside_a_neutral_host_in_the_same_seconds(kind: str) -> None:
    asked = [(at_s, request) for at_s, request in play(inquiry()) if request.kind == kind]
    neutral = [at_s for at_s, request in asked if not request.row.app]
    assert neutral
    assert all(min(abs(at_s - other) for other in neutral) < 2.0 for at_s, _ in asked)


def test_what_is_silent_is_asked_again_twice_beside_fresh_controls_and_nothing_else_is() -> None:
    asking = inquiry()
    asked = play(asking, lambda request: TIMEOUT if request.row.id == "relay1" else "")
    assert times(asking)["relay1", "stun"] == ROUNDS
    assert {count for place, count in times(asking).items() if place != ("relay1", "stun")} == {1}
    rounds = {each.round for each in asking.exchanges if each.neutral and each.kind == "stun"}
    assert rounds == {1, 2, 3}
    starts = [at_s for at_s, request in asked if request.row.id == "relay1"]
    assert all(GAP_S * 0.5 <= b - a <= GAP_S * 1.5 + 20 for a, b in itertools.pairwise(starts))
    (voice,) = [v for v in judge_endpoints(asking.exchanges) if v.medium == "voice"]
    assert (voice.reason, voice.alternatives) == (Reason("outage"), ("address.block",))


def test_what_answers_the_second_time_is_not_asked_a_third() -> None:
    asking = inquiry()
    play(asking, lambda r: TIMEOUT if (r.row.id, r.kind, r.round) == ("web", "tls", 1) else "")
    assert times(asking)["web", "tls"] == 2
    assert {v.state for v in judge_endpoints(asking.exchanges)} == {"ok"}


def test_a_host_whose_name_is_found_only_the_second_time_is_greeted_then() -> None:
    asking = inquiry()
    play(asking, lambda r: TIMEOUT if r.kind in (SYSTEM, OTHER) and r.row.id == "web" and r.round == 1 else "")
    assert (times(asking)["web", SYSTEM], times(asking)["web", "tls"]) == (2, 1)
    assert {v.state for v in judge_endpoints(asking.exchanges)} == {"ok"}


def test_a_network_that_is_down_accuses_nobody_and_ends() -> None:
    asking = inquiry()
    play(asking, lambda request: TIMEOUT)
    assert max(times(asking).values()) == ROUNDS
    assert {v.state for v in judge_endpoints(asking.exchanges)} == {"insufficient"}


def test_a_name_that_this_network_does_not_know_is_asked_of_the_other_and_the_handshake_goes_on() -> None:
    asking = inquiry()
    play(asking, lambda r: "dns_nxdomain_error" if r.kind == SYSTEM and r.row.host == "web.example" else "")
    found = {v.basis: v for v in judge_endpoints(asking.exchanges)}
    assert (found["signalling"].reason, found["signalling"].alternatives) == (Reason("outage"), ("dns.remove",))
    assert times(asking)["web", SYSTEM] == times(asking)["web", OTHER] == ROUNDS
    assert times(asking)["web", "tls"] == 1
    assert [each.ok for each in asking.exchanges if (each.host, each.kind) == ("web", "tls")] == [True]


def test_a_host_that_nobody_knows_is_not_greeted() -> None:
    asking = inquiry()
    play(asking, lambda r: "dns_nxdomain_error" if r.kind in (SYSTEM, OTHER) and r.row.host == "web.example" else "")
    assert ("web", "tls") not in times(asking)
    assert judge_endpoints(asking.exchanges)[0].state == "insufficient"


def test_the_lowest_tier_greets_nobody() -> None:
    asking = inquiry(names_only=True)
    asked = play(asking)
    assert {request.kind for _, request in asked} == {SYSTEM, OTHER}


def test_where_neutral_hosts_fail_too_what_answered_is_asked_again() -> None:
    """Else an allow-list could not be told from a bad moment."""
    asking = inquiry()
    play(asking, lambda r: TIMEOUT if r.kind == "stun" and r.row.id != "relay2" else "")
    assert times(asking)["relay2", "stun"] == ROUNDS


# -- names, said to neutral servers ------------------------------------------------------------------------------


def said(asking: EndpointEngine) -> Counter[tuple[str, str]]:
    """How often which server was sent which name."""
    return Counter((each.host, each.name) for each in asking.exchanges if each.kind == NAME_KIND)


def down(request: Request) -> str:
    """The app's web server is down, whatever it is sent."""
    return TIMEOUT if request.row.id == "web" and request.kind in ("tls", NAME_KIND) else ""


def named(request: Request, ending: str = TIMEOUT) -> str:
    """The app's name goes nowhere, whoever is sent it."""
    own = request.name == "web" or (request.kind == "tls" and request.row.id == "web")
    return ending if own else ""


def test_where_handshakes_complete_no_name_is_said_to_anybody_else() -> None:
    asking = inquiry()
    play(asking)
    assert not said(asking)


def test_an_outage_ends_it_after_one_round_and_accuses_nobody() -> None:
    asking = inquiry()
    play(asking, down)
    neutral = [("n-tls", "web"), ("n-tls", "n-tls2"), ("n-tls2", "web"), ("n-tls2", "n-tls")]
    assert said(asking) == dict.fromkeys([("web", "web"), ("web", "n-tls2"), *neutral], 1)
    (found,) = [v for v in judge_endpoints(asking.exchanges) if v.basis == "signalling"]
    assert (found.reason, found.alternatives) == (Reason("outage"), ("address.block",))
    assert found.figures["names_passed"] == 1.0


@pytest.mark.parametrize(("ending", "ends"), [(TIMEOUT, "silence"), ("connection_reset", "reset")])
def test_a_name_that_no_neutral_server_gets_is_held_back(ending: str, ends: str) -> None:
    asking = inquiry()
    asked = play(asking, lambda request: named(request, ending))
    assert set(said(asking).values()) == {NAME_ROUNDS}
    assert len(said(asking)) == HELLOS_A_ROUND
    (found,) = [v for v in judge_endpoints(asking.exchanges) if v.basis == "signalling"]
    assert (found.state, found.rule, found.direction) == ("restricted", "signalling.block", "up")
    assert found.parameters == {"bound_to": Category("name"), "ends": Category(ends)}
    hellos = [request.data for _, request in asked if request.kind == NAME_KIND]
    assert sum(b"web.example" in data for data in hellos) == 3 * NAME_ROUNDS
    assert not [each for each in asking.exchanges if each.kind == NAME_KIND and "." in each.name]  # ids, no names


def test_no_more_is_said_than_the_plan_shows() -> None:
    asking = inquiry()
    mine = ("web", "api2")
    asked = play(asking, lambda r: TIMEOUT if r.name in mine or (r.kind == "tls" and r.row.id in mine) else "")
    plan = plan_names(asking.chosen)
    assert plan is not None
    assert (plan.names, plan.neutral) == (("web.example", "api.example"), ("n.example", "n2.example"))
    hellos = [request.data for _, request in asked if request.kind == NAME_KIND]
    assert len(hellos) == plan.hellos == 2 * HELLOS_A_ROUND * NAME_ROUNDS
    assert sum(map(len, hellos)) < plan.bytes


def test_one_neutral_server_alone_is_asked_for_no_name() -> None:
    chosen = ChosenEndpoints(MINE, NEUTRAL[:3], RESOLVER, names_only=False)
    asking = EndpointEngine(chosen, TODAY, Random(1))
    play(asking, named)
    assert plan_names(chosen) is None
    assert not said(asking)
    assert judge_endpoints(asking.exchanges)[-1].state != "restricted"


def test_a_neutral_server_that_minds_foreign_names_ends_it() -> None:
    asking = inquiry()
    play(asking, lambda r: TIMEOUT if named(r) or (r.row.id, r.name) == ("n-tls", "n-tls2") else "")
    assert set(said(asking).values()) == {1}
    (found,) = [v for v in judge_endpoints(asking.exchanges) if v.basis == "signalling"]
    assert found.reason == Reason("outage")


def test_a_host_that_refuses_is_not_asked_for_by_name() -> None:
    asking = inquiry()
    play(asking, lambda r: "connection_refused" if r.row.id == "web" and r.kind == "tls" else "")
    assert not said(asking)


def test_an_answer_to_somebody_elses_question_is_none() -> None:
    asking = inquiry()
    (request, *_) = [r for r in asking.poll(0.0) if r.kind == OTHER] or _until(asking, OTHER)
    asking.answered(1.0, request.number, "", b"\0\0" + reply(request)[2:])
    assert asking.exchanges[-1].failure == "unexpected_answer"


def _until(asking: EndpointEngine, kind: str) -> list[Request]:
    for step in range(200):
        found = [request for request in asking.poll(step / 10) if request.kind == kind]
        if found:
            return found
    raise AssertionError


def test_garbage_is_an_unexpected_answer() -> None:
    asking = inquiry()
    (request, *_) = _until(asking, OTHER)
    asking.answered(30.0, request.number, "", b"garbage")
    assert asking.exchanges[-1].failure == "unexpected_answer"


def test_no_address_is_kept_but_in_memory_while_it_lasts() -> None:
    asking = inquiry()
    play(asking)
    told = msgspec.json.encode(asking.exchanges) + repr(asking.exchanges).encode() + repr(asking).encode()
    mapped = stun.encode_xor_address(THERE, bytes(12))[4:8]
    for form in (b"203.0.113.99", THERE.packed, THERE.packed.hex().encode(), mapped):
        assert form not in told


def test_another_seed_asks_in_another_order() -> None:
    orders = {tuple(request.row.id for _, request in play(inquiry(seed=seed))) for seed in range(5)}
    assert len(orders) > 1


def test_an_old_source_is_said_to_be_unsure() -> None:
    asking = inquiry()
    asking.today = date(2029, 1, 1)
    play(asking, lambda request: TIMEOUT if request.row.id.startswith("relay") else "")
    found: list[Exchange] = [each for each in asking.exchanges if each.host == "relay1"]
    assert {each.confidence for each in found} == {"low"}
    (voice,) = [v for v in judge_endpoints(asking.exchanges) if v.medium == "voice"]
    assert (voice.state, voice.alternatives) == ("insufficient", ("address.block",))


def hellos_of(dies: str) -> tuple[EndpointEngine, Counter[tuple[str, str]]]:
    """A run in which one host answers no ClientHello of that kind; how often each host was sent which."""
    asking = inquiry(hellos=True)
    play(asking, lambda request: TIMEOUT if (request.row.id, request.kind) == ("web", dies) else "")
    every = times(asking)
    return asking, Counter({place: count for place, count in every.items() if place[1].startswith("tls.")})


def test_where_a_browser_s_hello_dies_one_of_its_length_is_asked_beside_neutral_hosts_and_nowhere_else() -> None:
    asking, counts = hellos_of("tls.browser")
    assert counts["web", "tls.browser"] == counts["web", "tls.openssl"] == HELLO_ROUNDS
    assert {place: count for place, count in counts.items() if place[1] == PADDED_HELLO} == {("web", PADDED_HELLO): 5}
    beside = {each.round for each in asking.exchanges if each.neutral and each.kind == PADDED_HELLO}
    assert beside == set(range(2, HELLO_ROUNDS + 1))
    (found,) = [v for v in judge_endpoints(asking.exchanges) if v.basis == "signalling"]
    assert (found.reason, found.alternatives) == (Reason("refused"), ("tls.hello_drop",)), "of one host alone"


@pytest.mark.parametrize("dies", ["", "tls.openssl"])
def test_the_longer_control_is_not_asked_where_no_longer_hello_died(dies: str) -> None:
    _, counts = hellos_of(dies)
    assert counts["web", "tls.openssl"] == (HELLO_ROUNDS if dies else 1)
    assert PADDED_HELLO not in {kind for _, kind in counts}


def test_which_hello_comes_first_changes_and_the_systems_name_server_is_always_asked_before_the_other() -> None:
    asking = inquiry(hellos=True)
    asked = play(asking, lambda request: TIMEOUT if (request.row.id, request.kind) == ("web", "tls.openssl") else "")
    mine = [request for _, request in asked if request.row.id == "web"]
    hellos = [[each.kind for each in mine if each.round == number and each.kind in HELLOS] for number in range(1, 7)]
    assert {each[0] for each in hellos} == {each[1] for each in hellos} == set(HELLOS)
    assert [each.kind for each in mine if each.kind in (SYSTEM, OTHER)] == [SYSTEM, OTHER]
