"""tp-004: the object fits its schema, whatever the check was, and says what the facts say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from print_sentences import every_verdict, verdict_of_state
from talkpath.apps.contract.shape import Arm
from talkpath.experiment.plan import choose_arms, make_plan
from talkpath.measure.facts import Facts, Health, Reach
from talkpath.measure.transport_quality import DirectionQuality, TransportQuality
from talkpath.report.check_json import INVALIDATING_REASONS, check_json, judge_check, transport_rows
from talkpath.verdict.judge import RULES_VERSION, judge_facts

SCHEMA = json.loads((Path(__file__).parents[2] / "spec" / "tp-004.schema.json").read_text(encoding="utf-8"))
PLAN = make_plan(choose_arms(["webrtc"]))
FACTS = Facts(
    PLAN,
    started_at="2026-11-27T15:00:00Z",
    duration_s=12.34567,
    bytes_sent=1000,
    bytes_received=2000,
    responder_class="home",
    responder_key="A" * 43,
)
CLEAR = DirectionQuality(sent=100, arrived=100, runs=0, delay_ms=2.0)
LOSSY = DirectionQuality(sent=100, arrived=40, runs=30, delay_ms=2.0)


def valid(record: dict[str, Any]) -> dict[str, Any]:
    """As a program reads it."""
    read: dict[str, Any] = json.loads(json.dumps(record))
    jsonschema.Draft202012Validator(SCHEMA).validate(read)
    return read


def carry(
    transport: str,
    up: DirectionQuality = CLEAR,
    down: DirectionQuality = CLEAR,
    *,
    app: str = "webrtc",
    variant: str = "dtls",
    setup_ms: float | None = 90.0,
) -> TransportQuality:
    return TransportQuality(Arm(app, variant, "voice"), transport, up, down, setup_ms)


def test_every_kind_of_verdict_fits_the_schema() -> None:
    verdicts = list(every_verdict())
    record = valid(check_json(FACTS, verdicts))
    assert [found["state"] for found in record["verdicts"]] == [about.state for about in verdicts]


def test_what_the_check_cost_and_who_answered_stands_there() -> None:
    record = valid(check_json(FACTS, []))
    assert record["duration_s"] == 12.346
    assert (record["bytes_sent"], record["bytes_received"]) == (1000, 2000)
    assert record["responder"] == {"class": "home", "key": "A" * 43}
    assert record["rules_version"] == str(RULES_VERSION)
    assert (record["valid"], record["simulated"]) == (True, False)
    assert "truth" not in record


@pytest.mark.parametrize(
    ("health", "valid_check"),
    [
        (Health(), True),
        (Health(late_ms_p99=500.0), False),
        (Health(clock_jump_s=30.0), False),
        (Health(network_changed=True), False),
        (Health(hidden=True), False),
        (Health(ended="responder_lost"), True),
    ],
)
def test_a_run_that_was_off_is_not_valid(health: Health, valid_check: bool) -> None:
    record = valid(check_json(replace(FACTS, health=health), []))
    assert record["valid"] is valid_check
    assert set(INVALIDATING_REASONS) == {"late", "clock", "network_changed", "hidden"}


def test_only_a_lab_tells_a_truth() -> None:
    hit = {
        "app": "webrtc",
        "variant": "dtls",
        "medium": "voice",
        "rule": "media.drop",
        "direction": "both",
        "parameters": {"p": 0.3},
    }
    lab = replace(FACTS, simulated=True)
    assert valid(check_json(lab, [], truth=[hit]))["truth"] == {"hit": [hit]}
    assert valid(check_json(lab, [], truth=[]))["truth"] == {"hit": []}


def test_judging_gives_the_verdicts_and_their_object() -> None:
    facts = replace(FACTS, reach=Reach(control="timeout"), health=Health(ended="responder_lost"))
    verdicts, record = judge_check(facts)
    assert verdicts == judge_facts(facts)
    assert [about["state"] for about in valid(record)["verdicts"]] == ["unreachable"]


def test_a_transport_carries_a_call_where_both_directions_do() -> None:
    rows = transport_rows([carry("udp/443"), carry("tcp/443", up=LOSSY), carry("tls/443", down=LOSSY)])
    assert [(row.transport, row.carries) for row in rows] == [("udp/443", True), ("tcp/443", False), ("tls/443", False)]
    assert [row.loss_pct for row in rows] == [0.0, 60.0, 60.0]
    assert rows[1].mos == rows[1].up.mos < rows[1].down.mos
    assert rows[2].mos == rows[2].down.mos


def test_of_several_variants_the_worst_stands() -> None:
    good, bad = carry("udp/443", variant="a"), carry("udp/443", up=LOSSY, variant="b")
    for order in ([good, bad], [bad, good]):
        (row,) = transport_rows(order)
        assert not row.carries


def test_a_variant_that_no_hello_helps_stands_for_its_app() -> None:
    nothing = DirectionQuality(90, 0, 1)
    silent = replace(carry("tls/443", nothing, nothing, setup_ms=None, variant="a"), hello="openssl")
    helped, dead = replace(carry("tls/443", variant="a"), hello="browser"), replace(silent, hello="browser")
    other = replace(carry("tls/443", variant="b"), hello="openssl")
    (row,) = transport_rows([silent, other, helped], hellos=True)
    assert (row.carries, row.hello, row.unanswered) == (True, "browser", ("openssl",))
    (row,) = transport_rows([silent, other, dead], hellos=True)
    assert (row.carries, row.hello, row.unanswered) == (False, UNSET, ("openssl", "browser"))
    valid(check_json(FACTS, [verdict_of_state()], [silent, other, dead]))
    assert transport_rows([other]) == transport_rows([replace(other, hello="")])


def test_a_call_that_is_not_set_up_is_not_carried() -> None:
    (row,) = transport_rows([carry("udp/443", setup_ms=None)])
    assert (row.carries, row.mos, row.setup_ms) == (False, 1.0, None)
    valid(check_json(FACTS, [verdict_of_state()], [carry("udp/443", setup_ms=None)]))
