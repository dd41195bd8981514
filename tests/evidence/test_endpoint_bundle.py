"""The bundle of what an app's own servers answered: it reads back, says whose word it is, and holds no nonsense."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from talkpath.api.verification import judge, verify
from talkpath.errors import BundleError
from talkpath.evidence.bundle import read_bundle, write_endpoints
from talkpath.lab.backgrounds import parse_background
from talkpath.lab.own_addresses import OwnAddressCase, WaySettings, ask_own_addresses
from talkpath.lab.restrictor import parse_rule
from talkpath.measure.decode import decode_endpoint_facts
from talkpath.measure.endpoint_facts import EndpointFacts, ExpiringEpoch, GreetingSeries
from talkpath.measure.facts import Exchange
from talkpath.report.endpoint_report import endpoints_json
from talkpath.report.pictures.check_page import endpoint_page
from talkpath.verdict.bases.own_addresses.judge import judge_own_addresses
from talkpath.wire.control.keys import Signer

SIGNER = Signer.of_seed(bytes(range(32)))
Change = Callable[[EndpointFacts], EndpointFacts]


@pytest.fixture(scope="module")
def facts() -> EndpointFacts:
    """A run over a network that holds back whatever goes to the app's addresses."""
    rule = parse_rule("udp.freeze,app=telegram,after_packets=12,to=app")
    made, _ = ask_own_addresses(OwnAddressCase(4, parse_background("clean"), WaySettings(), (rule,)))
    return replace(made, started_at="2026-11-27T21:34:56Z", simulated=False, seed=b"seed")


def bundle(facts: EndpointFacts) -> bytes:
    return write_endpoints(facts, endpoints_json(facts, judge_own_addresses(facts)), SIGNER)


def test_it_reads_back_to_the_hour_and_is_judged_again_to_the_same(facts: EndpointFacts) -> None:
    stored = read_bundle(bundle(facts))
    assert stored.kind == "endpoints"
    assert stored.endpoints == replace(facts, started_at="2026-11-27T21:00:00Z")
    assert (stored.facts, stored.findings, stored.receipt) == (None, None, None)
    judgement = judge(stored)
    assert judgement.changes == ()
    (verdict,) = judgement.verdicts
    assert (verdict.state, verdict.reason and verdict.reason.code) == ("insufficient", "routes")
    assert verdict.alternatives == ("udp.freeze",)
    again = msgspec.json.decode(msgspec.json.encode(judgement.record))
    assert again["verdicts"] == stored.verdict["verdicts"]


def test_what_the_old_rule_proved_from_one_place_is_taken_back_where_it_is_judged_again(facts: EndpointFacts) -> None:
    """Until version 25 of the rules an address alone was accused: a bundle of then holds that verdict."""
    then = [replace(each, state="restricted", rule="udp.freeze", reason=None) for each in judge_own_addresses(facts)]
    judgement = judge(read_bundle(write_endpoints(facts, endpoints_json(facts, then), SIGNER)))
    assert [verdict.state for verdict in judgement.verdicts] == ["insufficient"]
    assert "state restricted -> insufficient, rule udp.freeze -> None" in judgement.changes[0]


def test_it_is_the_word_of_the_device_alone(facts: EndpointFacts) -> None:
    found = verify(bundle(facts))
    assert (found.kind, found.signed_by_server, found.record["receipt"]) == ("endpoints", False, None)
    assert found.record["started_at"] == "2026-11-27T21:00:00Z"


@pytest.mark.long
def test_the_commands_show_it(facts: EndpointFacts, tmp_path: Path) -> None:
    file = tmp_path / "asked.talkpath"
    file.write_bytes(bundle(facts))
    told = {}
    for command in ("verify", "judge", "report"):
        argv = [sys.executable, "-m", "talkpath", command, str(file)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        told[command] = " ".join(done.stdout.split())
    assert "No server signs for any of it" in told["verify"]
    assert "Telegram's own call servers are lost on the way" in told["judge"]
    assert "The same verdicts as when it was written" in told["judge"]
    assert "counted from this device" in told["report"]


def test_its_page_says_whose_word_it_is(facts: EndpointFacts) -> None:
    page = endpoint_page(judge_own_addresses(facts), ["a note"], simulated=True)
    assert "no server signs for it" in page
    assert "SIMULATED" in page
    assert "<li>" in page


@pytest.mark.parametrize("at", [40, 200, -40])
def test_a_changed_bit_is_seen(facts: EndpointFacts, at: int) -> None:
    data = bytearray(bundle(facts))
    data[at] ^= 1
    with pytest.raises(BundleError):
        read_bundle(bytes(data))


def epoch(facts: EndpointFacts, **changed: object) -> EndpointFacts:
    first: ExpiringEpoch = replace(facts.epochs[0], **changed)
    return replace(facts, epochs=(first, *facts.epochs[1:]))


def series(facts: EndpointFacts, **changed: object) -> EndpointFacts:
    first: GreetingSeries = replace(facts.series[0], **changed)
    return replace(facts, series=(first, *facts.series[1:]))


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: replace(facts, apps=("nobody",)),
        lambda facts: replace(facts, family=5),
        lambda facts: replace(facts, limited="because"),
        lambda facts: replace(facts, paths=(*facts.paths, facts.paths[0])),
        lambda facts: replace(facts, exchanges=(Exchange("telegram", "h\x1b[2J", False, 0.0, True),)),
        lambda facts: epoch(facts, flows=()),
        lambda facts: epoch(facts, stage=()),
        lambda facts: epoch(facts, carries="anything"),
        lambda facts: epoch(facts, flows=tuple(replace(f, answered=b"\xff") for f in facts.epochs[0].flows)),
        lambda facts: epoch(facts, flows=tuple(f for f in facts.epochs[0].flows if f.role == "call")),
        lambda facts: epoch(facts, flows=facts.epochs[0].flows * 2),
        lambda facts: epoch(facts, number=facts.epochs[1].number),
        lambda facts: series(facts, sent=bytes(4)),
        lambda facts: series(facts, count=31),
        lambda facts: series(facts, app=""),
    ],
)
def test_what_no_run_writes_is_refused(facts: EndpointFacts, change: Change) -> None:
    facts = replace(facts, started_at="2026-11-27T21:00:00Z")
    decode_endpoint_facts(msgspec.msgpack.encode(facts))
    with pytest.raises(BundleError):
        decode_endpoint_facts(msgspec.msgpack.encode(change(facts)))


def test_more_than_any_run_writes_is_not_unpacked() -> None:
    with pytest.raises(BundleError, match="more answers"):
        decode_endpoint_facts(bytes((1 << 20) + 1))
