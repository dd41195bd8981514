"""Exports bundles as OONI measurements: df-000 (0.2.0) with df-008 network events and df-007 failure strings.

Contract: one measurement for each app and medium that was judged, `test_name` `talkpath_call`, `input` "app/medium".
Fields that talkpath never has get OONI's own values for unknown: `probe_ip` 127.0.0.1, AS0, ZZ, no `address` in any
event. A flow's packets are one `write` and one `read` with all their bytes, at the time when the last of them was due.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from talkpath.evidence.bundle import Bundle
from talkpath.measure.facts import Epoch, Exchange, Facts, Observation, Track
from talkpath.verdict.assess import FAILED_HANDSHAKES
from talkpath.verdict.bases.calls_together import judge_recording
from talkpath.verdict.judge import RULES_VERSION, judge_facts
from talkpath.verdict.model import Verdict
from talkpath.version import VERSION

TEST_NAME, TEST_VERSION = "talkpath_call", "0.1.0"
NO_TIME = "1970-01-01 00:00:00"  # of facts from virtual time
TIMEOUT = "generic_timeout_error"
OONI_FAILURE_OF_END = {
    "refused": "connection_refused",
    "timeout": TIMEOUT,
    "unresolved": "dns_lookup_error",
    "silent": TIMEOUT,
    "stalled": TIMEOUT,
    "reset": "connection_reset",
    "closed": "eof_error",
    "failed": "ssl_failed_handshake",
    "not_tls": "ssl_failed_handshake",
    "other_key": "ssl_invalid_certificate",
    "responder_lost": "eof_error",
    "network_lost": "network_down",
    "interrupted": "interrupted",
}

Object = dict[str, Any]


def ooni_measurements(bundle: Bundle) -> Iterator[Object]:
    """Yield one measurement (a JSON object) for each verdict of the bundle."""
    if bundle.facts is not None:
        facts = bundle.facts
        for verdict in judge_facts(facts):
            yield _ooni_measurement(
                bundle, verdict, facts.duration_s, _network_events(facts, verdict), _ooni_failure(facts)
            )
    elif bundle.findings is not None:
        for one in judge_recording(bundle.findings).calls:
            yield _ooni_measurement(bundle, one.verdict, one.call.duration_s, [], None) | {
                "input": f"{one.call.app}/{'+'.join(one.call.media)}"
            }


def _ooni_measurement(
    bundle: Bundle, verdict: Verdict, runtime_s: float, events: Sequence[Object], failure: str | None
) -> Object:
    began = (bundle.facts.started_at if bundle.facts else "").replace("T", " ").removesuffix("Z") or NO_TIME
    fields = msgspec.to_builtins(verdict)
    return {
        "annotations": {"basis": verdict.basis, "simulated": str(bundle.simulated).lower()},
        "data_format_version": "0.2.0",
        "extensions": {"netevents": 0},
        "input": f"{verdict.app}/{verdict.medium}",
        "input_hashes": [],
        "measurement_start_time": began,
        "options": [],
        "probe_asn": bundle.receipt.network if bundle.receipt else "AS0",
        "probe_cc": bundle.receipt.country if bundle.receipt else "ZZ",
        "probe_ip": "127.0.0.1",
        "report_id": "",
        "resolver_asn": "AS0",
        "resolver_ip": "127.0.0.1",
        "software_name": "talkpath",
        "software_version": VERSION,
        "test_helpers": {},
        "test_keys": {
            **{key: value for key, value in fields.items() if key != "observations"},
            "rules_version": str(RULES_VERSION),
            "signed_by_far_end": bundle.receipt is not None,
            "failure": failure,
            "network_events": list(events),
        },
        "test_name": TEST_NAME,
        "test_runtime": round(runtime_s, 3),
        "test_start_time": began,
        "test_version": TEST_VERSION,
    }


def _ooni_failure(facts: Facts) -> str | None:
    """Why a check ended early, as a df-007 failure string; None if it did not."""
    return OONI_FAILURE_OF_END.get(facts.health.ended if facts.reach.control == "connected" else facts.reach.control)


def _network_events(facts: Facts, verdict: Verdict) -> list[Object]:
    if verdict.medium == "text":
        return [_exchange_event(place, one) for place, one in enumerate(facts.exchanges, 1) if one.app == verdict.app]
    epochs = (epoch for epoch in facts.epochs if (epoch.app, epoch.medium) == (verdict.app, verdict.medium))
    return [
        *_opening_events(facts),
        *(event for epoch in epochs if not epoch.missing for event in _epoch_events(epoch)),
    ]


def _opening_events(facts: Facts) -> list[Object]:
    """Return the events of opening the control channel."""
    failure = None if facts.reach.control == "connected" else _ooni_failure(facts)
    if facts.reach.control not in FAILED_HANDSHAKES:
        return [_network_event(0, "connect", 0.0, ["control"], proto="tcp", failure=failure)]
    opened = _network_event(0, "connect", 0.0, ["control"], proto="tcp")
    return [opened, _network_event(0, "tls_handshake", 0.0, ["control"], proto="tcp", failure=failure)]


def _exchange_event(place: int, one: Exchange) -> Object:
    tag, end_s = "reference" if one.neutral else "messages", one.at_s + one.took_s
    return _network_event(place, "connect", end_s, [tag], proto="tcp", failure=one.failure or None)


def _epoch_events(epoch: Epoch) -> Iterator[Object]:
    """Yield three events for each flow: connect, write, read."""
    flows: dict[int, dict[str, Observation]] = {}
    for flow in epoch.flows:
        flows.setdefault(flow.flow, {})[flow.direction] = flow
    for number, directions in flows.items():
        up, down = directions["up"], directions["down"]
        tags = [epoch.variant, epoch.question.kind, up.role if up.twin_kind is None else f"twin_{up.twin_kind}"]
        proto = "udp" if up.transport == "udp" else "tcp"
        sent_bytes, sent_s = _bytes_and_end(up.sent, epoch.up)
        came_bytes, came_s = _bytes_and_end(down.arrived, epoch.down)
        silent = TIMEOUT if not came_bytes else None
        end_s = epoch.started_s + came_s if came_bytes else epoch.cut_s
        yield _network_event(number + 1, "connect", epoch.started_s, tags, proto=proto)
        yield _network_event(number + 1, "write", epoch.started_s + sent_s, tags, num_bytes=sent_bytes)
        yield _network_event(number + 1, "read", end_s, tags, num_bytes=came_bytes, failure=silent)


def _bytes_and_end(bitmap: bytes, track: Track) -> tuple[int, float]:
    """(UDP payload bytes of the packets in a bitmap, when the last of them was due)."""
    number = int.from_bytes(bitmap, "little")
    bits = [bit for bit in range(len(track.size)) if number >> bit & 1]
    return sum(track.size[bit] for bit in bits), max((track.at_ms[bit] / 1000.0 for bit in bits), default=0.0)


def _network_event(
    conn_id: int, operation: str, t: float, tags: Sequence[str], *, failure: str | None = None, **more: object
) -> Object:
    found: Object = {"conn_id": conn_id, "failure": failure, "operation": operation, "t": round(t, 4)}
    return found | {"tags": list(tags), "transaction_id": conn_id, **more}
