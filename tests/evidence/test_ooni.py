"""OONI's formats, held against what their specification says (df-000, df-007, df-008)."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from factories.checks.lab_checks import lab_bundle, lab_check
from talkpath.evidence.bundle import read_bundle
from talkpath.evidence.ooni import ooni_measurements
from talkpath.measure.facts import Exchange, Facts, Health, Reach

TIME = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$"
# df-007: what ooni/probe-engine emits. df-008: operations. df-000: types of the top-level keys.
FAILURE = {"enum": [None, "connection_refused", "generic_timeout_error", "eof_error", "network_down", "interrupted"]}
EVENT = {
    "type": "object",
    "required": ["conn_id", "failure", "operation", "t"],
    "additionalProperties": False,
    "properties": {
        "conn_id": {"type": "integer"},
        "transaction_id": {"type": "integer"},
        "failure": FAILURE,
        "num_bytes": {"type": "integer", "minimum": 0},
        "operation": {"enum": ["connect", "read", "write"]},
        "proto": {"enum": ["tcp", "udp"]},
        "t": {"type": "number", "minimum": 0},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
BASE = {
    "type": "object",
    "required": [
        "data_format_version",
        "input",
        "measurement_start_time",
        "probe_asn",
        "probe_cc",
        "software_name",
        "software_version",
        "test_keys",
        "test_name",
        "test_runtime",
        "test_start_time",
        "test_version",
    ],
    "properties": {
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "data_format_version": {"const": "0.2.0"},
        "extensions": {"type": "object", "additionalProperties": {"type": "integer"}},
        "input": {"type": ["string", "null"]},
        "measurement_start_time": {"type": "string", "pattern": TIME},
        "probe_asn": {"type": "string", "pattern": r"^AS\d+$"},
        "probe_cc": {"type": "string", "pattern": r"^[A-Z]{2}$"},
        "probe_ip": {"const": "127.0.0.1"},
        "resolver_ip": {"const": "127.0.0.1"},
        "test_keys": {
            "type": "object",
            "required": ["network_events", "failure"],
            "properties": {"failure": FAILURE, "network_events": {"type": "array", "items": EVENT}},
        },
        "test_name": {"const": "talkpath_call"},
        "test_runtime": {"type": "number"},
        "test_start_time": {"type": "string", "pattern": TIME},
    },
}
FACTS = lab_check()
HIT = lab_check(3, "clean", "media.drop,app=webrtc,p=1,direction=down")


def exported(facts: Facts) -> list[dict[str, Any]]:
    lines = [json.dumps(found) for found in ooni_measurements(read_bundle(lab_bundle(facts)))]
    found = [json.loads(line) for line in lines]
    for one in found:
        jsonschema.Draft202012Validator(BASE).validate(one)
    return found


def test_a_check() -> None:
    (one,) = exported(replace(FACTS, started_at="2026-11-24T20:17:03Z"))
    assert one["input"] == "webrtc/voice"
    assert one["measurement_start_time"] == "2026-11-24 20:00:00"
    assert (one["probe_asn"], one["probe_cc"]) == ("AS64496", "XX")
    assert one["test_keys"]["state"] == "ok"
    assert one["annotations"] == {"basis": "shape", "simulated": "true"}


def test_events_are_the_flows_and_their_bytes() -> None:
    (one,) = exported(FACTS)
    events = one["test_keys"]["network_events"]
    ids = [event["conn_id"] for event in events if event["operation"] == "connect"]
    flows = {flow.flow for epoch in FACTS.epochs for flow in epoch.flows}
    assert sorted(ids) == [0, *sorted(number + 1 for number in flows)]
    epoch = FACTS.epochs[0]
    flow = epoch.flows[0]
    sent = sum(size for bit, size in enumerate(epoch.up.size) if int.from_bytes(flow.sent, "little") >> bit & 1)
    (written,) = [event for event in events if (event["conn_id"], event["operation"]) == (flow.flow + 1, "write")]
    assert written["num_bytes"] == sent > 0
    assert all(event["t"] <= FACTS.duration_s for event in events)


def test_a_restricted_app_says_so() -> None:
    (one,) = exported(HIT)
    assert one["test_keys"]["state"] == "restricted"
    assert one["test_keys"]["rule"] == "media.drop"
    assert one["test_keys"]["log10_e"] > 4


@pytest.mark.parametrize(
    ("reach", "ended", "failure"),
    [
        ("refused", "responder_lost", "connection_refused"),
        ("timeout", "responder_lost", "generic_timeout_error"),
        ("connected", "responder_lost", "eof_error"),
        ("connected", "network_lost", "network_down"),
        ("connected", "interrupted", "interrupted"),
        ("connected", "budget", None),
        ("connected", "done", None),
    ],
)
def test_failures_have_their_strings(reach: str, ended: str, failure: str | None) -> None:
    (one,) = exported(Facts(FACTS.plan, reach=Reach(control=reach), health=Health(ended=ended)))
    assert one["test_keys"]["failure"] == failure
    (control,) = one["test_keys"]["network_events"]
    assert control["failure"] == (None if reach == "connected" else failure)


def test_messages_are_connections() -> None:
    tries = tuple(Exchange("webrtc", "messenger", False, n, ok=False, failure=TIMEOUT, took_s=2.0) for n in range(3))
    others = tuple(Exchange("webrtc", "reference", True, n, ok=True, rtt_ms=30.0, took_s=0.1) for n in range(3))
    found = exported(replace(FACTS, exchanges=tries + others))
    (messages,) = [one for one in found if one["input"] == "webrtc/text"]
    failures = [event["failure"] for event in messages["test_keys"]["network_events"]]
    assert failures == [TIMEOUT] * 3 + [None] * 3


TIMEOUT = "generic_timeout_error"


def test_nothing_in_it_looks_like_an_address() -> None:
    text = "".join(json.dumps(one) for one in exported(HIT)).replace("127.0.0.1", "")
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", text)
